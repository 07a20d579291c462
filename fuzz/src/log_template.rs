//! What an unclassified failure becomes: its telling line, the template of its group, a drafted rule.

use paramedic_domain::TellingExcerpt;
use paramedic_rules::{LogText, RuleSet};
use paramedic_templates::{
    DraftError, Template,
    draft::{Group, draft},
    mask,
    telling::{EXCERPT_BYTES_MAX, telling},
    template::TEMPLATE_CHARS_MAX,
};

use crate::input;

/// Lines that are masked one by one.
const LINES_MAX: usize = 32;

/// Finds what a failure's logs tell, and drafts a rule of it. The telling line is a line of its log and its excerpt is
/// bounded; masking again changes nothing; a draft is a rule file that loads, with a new name, and decides its own
/// sample.
pub fn log_template(data: &[u8]) {
    let text = input::text(data);
    let logs = input::logs(&text);
    for line in text.lines().take(LINES_MAX) {
        let masked = mask(line);
        assert_eq!(mask(&masked), masked, "of {line:?}");
    }
    let Some(told) = telling(&logs) else { return };
    let log = logs.iter().find(|log| log.name == told.name && log.log == told.log).expect("a log that was given");
    assert!((1..=log.text.lines().count() as u64).contains(&told.line), "line {}", told.line);
    assert!(told.excerpt.len() <= EXCERPT_BYTES_MAX);
    let template = Template::of(&told.text);
    assert!(template.as_str().chars().count() <= TEMPLATE_CHARS_MAX + 2);
    assert_eq!(template.group_id(), Template::of(&told.text).group_id());
    let other = text.lines().next_back().map(|line| Template::of(line).as_str().to_owned());
    drafting(template.as_str(), told, other.as_slice());
}

fn drafting(template: &str, told: paramedic_templates::Telling, others: &[String]) {
    let sample = TellingExcerpt { log: told.log, line: told.line, telling: told.text, text: told.excerpt };
    let taken = ["Feed".to_owned()];
    let group = Group { template, samples: std::slice::from_ref(&sample), others };
    match draft(&group, &taken) {
        Ok(draft) => {
            assert!(!taken.contains(&draft.name) && !draft.to_review.is_empty());
            let rules =
                RuleSet::from_sources(&[("draft.yaml".to_owned(), draft.yaml)]).expect("a draft is a rule file");
            let log = LogText { log: sample.log, name: String::new(), text: sample.text };
            assert_eq!(rules.classify(&[log], None).rule, Some(draft.name), "it decides its sample");
        }
        // A rule may not match its sample (a warning that is no hit, a cut entry); a file that does not load is a
        // mistake.
        Err(DraftError::DoesNotHold(why)) => assert!(!why.starts_with("draft.yaml:"), "{why}"),
        Err(DraftError::TooLittleText(_) | DraftError::NoSample) => {}
    }
}
