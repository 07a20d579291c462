//! `paramedic rules new`: a skeleton of a rule.

use std::{fs, io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use paramedic_domain::{Category, LogKind};
use paramedic_rules::RuleSet;

use crate::{commands::classify::log_kind, exit::CommandError, output};

/// The arguments of `paramedic rules new`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules new FeedIsLate --category data --output rules/55-feeds.yaml\n\n\
                        `paramedic rules check` names each TODO until it is filled in")]
pub(super) struct New {
    /// The rule's name, which is the class of the failure: unique, CamelCase
    #[arg(value_name = "NAME", value_parser = rule_name)]
    name: String,
    /// The kind of cause
    #[arg(long, value_name = "CATEGORY")]
    category: Option<Category>,
    /// The log that it reads
    #[arg(long, value_name = "KIND", value_parser = log_kind, default_value = "driver.stderr")]
    log: LogKind,
    /// Write it to this new file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn rule_name(text: &str) -> Result<String, String> {
    let camel = text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && text.chars().any(|c| c.is_ascii_lowercase());
    if camel { Ok(text.to_owned()) } else { Err("write it in CamelCase, such as FeedIsLate".to_owned()) }
}

/// Prints or writes the skeleton.
pub(super) fn run(arguments: &New, rules: impl FnOnce() -> Result<RuleSet, CommandError>) -> Result<(), CommandError> {
    // Where the rules of this folder are broken or missing, a name that is taken is told by their check.
    if let Some(taken) = rules().ok().as_ref().and_then(|rules| rules.rule(&arguments.name)) {
        let place = format!("{}:{}", taken.file, taken.line);
        return Err(CommandError::No(format!("there is a rule {} at {place}; choose another name", taken.name)));
    }
    let skeleton = skeleton(arguments);
    let Some(path) = &arguments.output else { return Ok(output::print(&skeleton)?) };
    let mut file = fs::File::create_new(path)
        .map_err(|error| CommandError::Usage(format!("--output {}: {error}", path.display())))?;
    file.write_all(skeleton.as_bytes()).with_context(|| format!("--output {}", path.display()))?;
    output::tell(&format!("fill in what says TODO in {}, then run `paramedic rules check`", path.display()));
    Ok(())
}

fn skeleton(arguments: &New) -> String {
    let New { name, log, .. } = arguments;
    let category = arguments.category.map_or("TODO", |category| category.as_str());
    let side = match arguments.category {
        Some(Category::MemoryConfiguration) => "    memory_side: TODO    # which memory ran out: executor_heap, …\n",
        _ => "",
    };
    format!(
        "rules:
  - name: {name}
    source: TODO    # who prints the line: spark, yarn, kubernetes, jvm, python, hive, storage, …
    log: [{log}]
    summary: TODO    # the cause in one sentence
    category: {category}
{side}    restartable: TODO    # true, if a retry with nothing changed would plausibly succeed; else false
    regex: 'TODO'    # tried on one log entry at a time; (?<name>…) captures
    # unless: '…'    # where this matches in the same entry, it is no hit
    # advice: …      # what the job's owner can do, in one sentence
    status: experimental    # matched and counted, decides nothing; drop the line to let it decide
    examples:
      match:
        - 'TODO'    # an excerpt of a real log, cleared of names
        # - {{text: '…', expect: {{action: do_not_retry, captures: {{name: value}}}}}}
      no_match:
        - 'TODO'    # the same words in a healthy log
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_is_refused_for_each_todo_and_good_when_they_are_filled_in() {
        for category in [None, Some(Category::MemoryConfiguration)] {
            let arguments = New { name: "FeedIsLate".into(), category, log: LogKind::DriverStderr, output: None };
            let text = skeleton(&arguments);
            let load = |text: &str| RuleSet::from_sources(&[("new.yaml".to_owned(), text.to_owned())]);
            let errors = load(&text).unwrap_err().0;
            let todos = text.matches("TODO").count();
            assert_eq!(errors.len(), todos, "{errors:#?}");
            assert!(errors.iter().all(|error| error.message.contains("TODO")), "{errors:#?}");
            let filled = text
                .replace("source: TODO", "source: feeds")
                .replace("summary: TODO", "summary: The feed is late.")
                .replace("category: TODO", "category: data")
                .replace("memory_side: TODO", "memory_side: driver_heap")
                .replace("restartable: TODO", "restartable: true")
                .replace("regex: 'TODO'", "regex: 'feed is late'")
                .replacen("- 'TODO'", "- 'the feed is late'", 1)
                .replace("- 'TODO'", "- 'the feed is there'");
            let findings = paramedic_rules::lint(&load(&filled).unwrap());
            assert!(findings.is_empty(), "{findings:#?}");
        }
    }

    #[test]
    fn a_name_is_camel_case() {
        assert!(rule_name("FeedIsLate").is_ok());
        for wrong in ["feedIsLate", "FEED", "Feed late", ""] {
            assert!(rule_name(wrong).is_err(), "{wrong}");
        }
    }
}
