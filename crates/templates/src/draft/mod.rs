//! Drafts a rule for a group of unclassified failures.

mod guess;
mod pattern;

use paramedic_domain::{Category, LogKind, TellingExcerpt};
use paramedic_rules::{LogText, RuleSet, lint, run_examples};

use crate::root::exception_name;

/// Of a template, so much makes the pattern, in characters: the cause is named at its start.
const PATTERN_CHARS_MAX: usize = 160;
/// Fewest letters of fixed text that a pattern is made of.
const LETTERS_MIN: usize = 8;
/// Most near misses.
const NEAR_MISSES_MAX: usize = 3;

/// What a rule is drafted from.
#[derive(Clone, Copy, Debug)]
pub struct Group<'g> {
    /// The group's template.
    pub template: &'g str,
    /// Excerpts of its failures.
    pub samples: &'g [TellingExcerpt],
    /// Templates of other groups: what shares words with this one becomes a near miss.
    pub others: &'g [String],
}

/// A drafted rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The rule's name.
    pub name: String,
    /// A rule file that holds it.
    pub yaml: String,
    /// What its author should look at.
    pub to_review: Vec<String>,
}

/// Why no rule could be drafted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// No failure of the group has a log.
    #[error("the group's failures have no logs to draft a rule from")]
    NoSample,
    /// The template is nearly all variable parts.
    #[error("the group's template holds too little fixed text to make a pattern of: {0}")]
    TooLittleText(String),
    /// The drafted rule does not hold.
    #[error("the drafted rule does not hold, write it by hand: {0}")]
    DoesNotHold(String),
}

/// Drafts a rule that matches the group's samples and whose own examples hold. `taken` are the names in use.
pub fn draft(group: &Group<'_>, taken: &[String]) -> Result<Draft, DraftError> {
    let newest = group.samples.first().ok_or(DraftError::NoSample)?;
    let template = pattern::fixed_part(group.template, PATTERN_CHARS_MAX);
    if pattern::letters(template) < LETTERS_MIN {
        return Err(DraftError::TooLittleText(group.template.to_owned()));
    }
    let name = guess::name(template, taken);
    let (category, sign) = guess::category(template);
    let mut rule = Parts {
        name: &name,
        source: guess::source(template),
        logs: logs(group.samples),
        category,
        sign,
        log: newest.log,
        regex: pattern::regex(template),
        hit: pattern::with_stand_ins(template),
        near_misses: near_misses(template, group.others),
    };
    rule.drop_near_misses_that_match()?;
    if rule.near_misses.is_empty() {
        return Err(DraftError::TooLittleText(group.template.to_owned()));
    }
    let yaml = rule.yaml();
    check(&rule, &yaml, group.samples)?;
    let to_review = rule.to_review();
    Ok(Draft { name, yaml, to_review })
}

fn logs(samples: &[TellingExcerpt]) -> Vec<LogKind> {
    let mut logs: Vec<_> = samples.iter().map(|sample| sample.log).collect();
    logs.sort_unstable();
    logs.dedup();
    logs
}

/// Lines that come close: the same words without the exception, the exception with other words, other groups' lines.
fn near_misses(template: &str, others: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    match exception_name(template) {
        Some(class) => {
            let words = template[class.len()..].trim_start_matches([':', ' ']);
            if !words.is_empty() {
                lines.push(format!("26/01/31 12:00:00 INFO Job: {}", pattern::with_stand_ins(words)));
            }
            lines.push(format!("{class}: the words of another failure"));
        }
        None => {
            if let Some(word) = pattern::words(template).max_by_key(|word| word.len()) {
                let altered = template.replacen(word, "progress", 1);
                lines.push(format!("26/01/31 12:00:00 INFO Job: {}", pattern::with_stand_ins(&altered)));
            }
        }
    }
    let own: Vec<_> = pattern::words(template).filter(|word| word.len() >= 5).collect();
    let alike = others.iter().filter(|other| pattern::words(other).any(|word| own.contains(&word)));
    lines.extend(alike.map(|other| pattern::with_stand_ins(pattern::fixed_part(other, PATTERN_CHARS_MAX))));
    lines.truncate(NEAR_MISSES_MAX + 1);
    lines
}

/// The parts of a rule file.
struct Parts<'g> {
    name: &'g str,
    source: &'static str,
    logs: Vec<LogKind>,
    category: Category,
    /// The word by which the category was guessed.
    sign: Option<&'static str>,
    log: LogKind,
    regex: String,
    hit: String,
    near_misses: Vec<String>,
}

impl Parts<'_> {
    fn drop_near_misses_that_match(&mut self) -> Result<(), DraftError> {
        let rules = parsed(&self.yaml())?;
        let matched: Vec<_> = run_examples(&rules)
            .into_iter()
            .filter(|outcome| !outcome.expected_match && !outcome.passed)
            .map(|outcome| outcome.index)
            .collect();
        let mut index = 0;
        self.near_misses.retain(|_| {
            index += 1;
            !matched.contains(&(index - 1))
        });
        self.near_misses.truncate(NEAR_MISSES_MAX);
        Ok(())
    }

    fn yaml(&self) -> String {
        let logs: Vec<_> = self.logs.iter().map(|log| log.as_str()).collect();
        let category = match self.sign {
            Some(sign) => format!("# Guessed by \"{sign}\": see that it is right.\n    category: {}", self.category),
            None => format!(
                "# Nothing told the category: choose it, docs/vocabulary.md lists them.\n    category: {}",
                self.category
            ),
        };
        let side = if self.category == Category::MemoryConfiguration {
            format!("\n    memory_side: {}", guess::memory_side(self.log))
        } else {
            String::new()
        };
        let near_misses: Vec<_> = self.near_misses.iter().map(|line| format!("        - {}\n", quoted(line))).collect();
        let near_misses = near_misses.concat();
        format!(
            "# Drafted from a group of unclassified failures.\nrules:\n  - name: {}\n    source: {}\n    log: [{}]\n    \
             summary: {}\n    {category}{side}\n    # Would a retry with nothing changed plausibly succeed?\n    \
             restartable: false\n    regex: {}\n    examples:\n      match:\n        - {}\n      no_match:\n{near_misses}",
            self.name,
            self.source,
            logs.join(", "),
            quoted(&guess::summary(&self.hit)),
            quoted(&self.regex),
            quoted(&self.hit),
        )
    }

    fn to_review(&self) -> Vec<String> {
        let category = match self.sign {
            Some(sign) => format!("category: {} was guessed by \"{sign}\"", self.category),
            None => format!("category: nothing told it, {} is only the default", self.category),
        };
        vec![
            "name and summary: say the cause in the words of those who read it".to_owned(),
            category,
            "restartable: would a retry with nothing changed plausibly succeed?".to_owned(),
            "advice: what can the job's owner do?".to_owned(),
        ]
    }
}

/// As a single-quoted YAML scalar.
fn quoted(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("'{}'", plain.replace('\'', "''"))
}

fn parsed(yaml: &str) -> Result<RuleSet, DraftError> {
    RuleSet::from_sources(&[("draft.yaml".to_owned(), yaml.to_owned())])
        .map_err(|errors| DraftError::DoesNotHold(errors.to_string()))
}

/// The rule by itself: it is well formed, its examples hold, and it matches every sample.
fn check(rule: &Parts<'_>, yaml: &str, samples: &[TellingExcerpt]) -> Result<(), DraftError> {
    let rules = parsed(yaml)?;
    if let Some(finding) = lint(&rules).into_iter().find(|finding| finding.error) {
        return Err(DraftError::DoesNotHold(finding.message));
    }
    for sample in samples {
        let log = LogText { log: sample.log, name: "sample".to_owned(), text: sample.text.clone() };
        if rules.classify(&[log], None).rule.as_deref() != Some(rule.name) {
            return Err(DraftError::DoesNotHold(format!("it does not match the sample `{}`", sample.telling)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Template, telling};

    fn sample(text: &str) -> (String, TellingExcerpt) {
        let log = LogText { log: LogKind::DriverStderr, name: "driver".to_owned(), text: text.to_owned() };
        let told = telling(&[log]).unwrap();
        let template = Template::of(&told.text).as_str().to_owned();
        (template, TellingExcerpt { log: told.log, line: told.line, telling: told.text, text: told.excerpt })
    }

    fn drafted(text: &str) -> Draft {
        let (template, sample) = sample(text);
        let others = ["com.acme.OtherException: feed <num> was lost".to_owned()];
        draft(&Group { template: &template, samples: &[sample], others: &others }, &[]).unwrap()
    }

    #[test]
    fn a_draft_holds_for_each_shape_of_failure() {
        for (text, name) in [
            (
                "Exception in thread \"main\" com.acme.FeedLateException: feed 7 of /data/in is late by 3.5 MiB (why, who)\n\tat a.B.c(B.java:1)\n",
                "FeedLate",
            ),
            (
                "Traceback (most recent call last):\n  File \"job.py\", line 8, in <module>\nValueError: unknown region 'north' in orders\n",
                "ValueUnknownRegionOrders",
            ),
            (
                "Exception in thread \"main\" java.lang.NullPointerException\n\tat com.acme.Feed.read(Feed.java:12)\n",
                "NullPointerAcmeFeedRead",
            ),
            // What is left of the exception's name is no name of a rule.
            ("Exception in thread \"main\" java.io.IOException: no an\n\tat a.B.c(B.java:1)\n", "IOFailure"),
            ("26/01/31 12:00:00 ERROR Feeds: it's the [feed] {x} of (day) 7 that is $late\n", "FeedsFeedThat"),
        ] {
            let draft = drafted(text);
            assert_eq!(draft.name, name, "{}", draft.yaml);
            let rules = parsed(&draft.yaml).unwrap();
            assert!(!rules.rules()[0].examples.near_misses.is_empty());
            assert!(run_examples(&rules).iter().all(|outcome| outcome.passed));
        }
    }

    #[test]
    fn other_numbers_are_matched_and_other_words_are_not() {
        let draft = drafted("Exception in thread \"main\" com.acme.FeedLateException: feed 7 of /data/in is late\n");
        let rules = parsed(&draft.yaml).unwrap();
        let rule = |text: &str| {
            let log = LogText { log: LogKind::DriverStderr, name: "x".to_owned(), text: text.to_owned() };
            rules.classify(&[log], None).rule
        };
        assert_eq!(rule("com.acme.FeedLateException: feed 1234 of s3://b/x is late").as_deref(), Some("FeedLate"));
        assert_eq!(rule("com.acme.FeedLateException: feed is gone"), None);
    }

    #[test]
    fn a_category_with_a_sign_is_guessed() {
        let yaml = drafted("26/01/31 12:00:00 ERROR Feeds: Permission denied for reader of feeds\n").yaml;
        assert!(yaml.contains("category: permission") && yaml.contains("Guessed"), "{yaml}");
        let yaml = drafted("java.lang.OutOfMemoryError: strange pool of ours is empty\n\tat a.B.c(B.java:1)\n").yaml;
        assert!(yaml.contains("memory_side: driver_heap"), "{yaml}");
    }

    #[test]
    fn what_cannot_be_drafted_is_told() {
        let group = Group { template: "<num> <num>", samples: &[], others: &[] };
        assert_eq!(draft(&group, &[]), Err(DraftError::NoSample));
        let (template, excerpt) = sample("26/01/31 12:00:00 ERROR 17 18\n");
        let group = Group { template: &template, samples: &[excerpt], others: &[] };
        assert!(matches!(draft(&group, &[]), Err(DraftError::TooLittleText(_))));
        // Of the exception's name alone: whatever comes near matches it too.
        let (template, excerpt) =
            sample("Traceback (most recent call last):\n  File \"x\"\nValueError: 8a3d-4f0e-9d5b-71c05e2f\n");
        let group = Group { template: &template, samples: &[excerpt], others: &[] };
        assert!(matches!(draft(&group, &[]), Err(DraftError::TooLittleText(_))), "{:?}", draft(&group, &[]));
    }
}
