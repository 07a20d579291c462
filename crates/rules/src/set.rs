//! A set of rules, ready to classify.

use std::{collections::BTreeMap, path::Path};

use paramedic_domain::{Classification, Configuration, Evidence, LogKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    circumstances::Circumstances,
    error::RuleErrors,
    load,
    matcher::{Hit, Matcher, Outcome},
    rule::Rule,
};

/// One log of an attempt. The same kind may occur several times: one an executor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogText {
    /// The layer that wrote it.
    pub log: LogKind,
    /// What people call it: `executor 3`, a file's name.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What one rule found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleHit {
    /// The lines; none where the exit code or a container's end alone told.
    pub evidence: Vec<Evidence>,
    /// Named parts of the match.
    pub captures: BTreeMap<String, String>,
}

/// An ordered set of rules: the first that matches decides.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    version: String,
    pub(crate) matcher: Matcher,
}

impl RuleSet {
    /// Reads every `*.yaml` and `*.yml` of a folder, in name order.
    pub fn load_dir(folder: &Path) -> Result<Self, RuleErrors> {
        Self::from_sources(&load::read_folder(folder)?)
    }

    /// The version that the files of a folder would have, right or wrong.
    pub fn version_of_dir(folder: &Path) -> Result<String, RuleErrors> {
        Ok(load::version_of(&load::read_folder(folder)?))
    }

    /// From texts, each with its file's name, in the order given.
    pub fn from_sources(sources: &[(String, String)]) -> Result<Self, RuleErrors> {
        let version = load::version_of(sources);
        let (rules, patterns) = load::rules_of(sources)?;
        let matcher = Matcher::new(patterns);
        Ok(Self { rules, version, matcher })
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this name.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// Names the contents: the same files give the same version. Hexadecimal.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Classifies a failure whose configuration is not known.
    pub fn classify(&self, logs: &[LogText], exit_code: Option<i32>) -> Classification {
        self.classify_with(logs, exit_code, &Configuration::default())
    }

    /// Classifies a failure by its logs, the driver's exit code and the job's configuration.
    pub fn classify_with(&self, logs: &[LogText], exit_code: Option<i32>, config: &Configuration) -> Classification {
        self.classify_in(logs, &Circumstances::new(exit_code, config, &[]))
    }

    /// Classifies a failure by its logs and everything that is known beside.
    pub fn classify_in(&self, logs: &[LogText], circumstances: &Circumstances) -> Classification {
        let outcomes = self.matcher.outcomes(&self.rules, logs, circumstances);
        let verdict = self.verdict(logs, &outcomes, &circumstances.config);
        Classification { rules_version: Some(self.version.clone()), ..verdict }
    }

    /// Every rule that matches, by its index, in order, whether it decides or not.
    pub fn hits_in(&self, logs: &[LogText], circumstances: &Circumstances) -> Vec<(usize, RuleHit)> {
        let outcomes = self.matcher.outcomes(&self.rules, logs, circumstances);
        let hits = outcomes.iter().enumerate().filter_map(|(rule, outcome)| Some((rule, outcome.hit()?)));
        hits.map(|(rule, hit)| (rule, RuleHit { evidence: hit.evidence(logs), captures: hit.captures.clone() }))
            .collect()
    }

    /// The verdict that follows from the outcome of every rule.
    pub(crate) fn verdict(&self, logs: &[LogText], outcomes: &[Outcome], config: &Configuration) -> Classification {
        let hits = || {
            self.rules
                .iter()
                .zip(outcomes)
                .enumerate()
                .filter_map(|(number, (rule, outcome))| Some((number, rule, outcome.hit()?)))
        };
        let matched = hits().map(|(_, rule, _)| rule.name.clone()).collect();
        let deciding = || hits().filter(|(_, rule, _)| rule.status.decides());
        // An exit code proves little: such a rule decides only where no other does.
        match deciding().find(|(_, rule, _)| !rule.is_weak()).or_else(|| deciding().next()) {
            Some((number, _, hit)) => Classification { matched, ..self.verdict_of(number, hit, logs, config) },
            None => Classification { matched, ..Classification::unclassified() },
        }
    }

    /// What one rule says of its hit.
    pub(crate) fn verdict_of(
        &self,
        number: usize,
        hit: &Hit,
        logs: &[LogText],
        config: &Configuration,
    ) -> Classification {
        Classification {
            remedy: self.matcher.patterns(number).remedy.values(&hit.captures, config),
            ..classification_of(&self.rules[number], hit, logs)
        }
    }
}

fn classification_of(rule: &Rule, hit: &Hit, logs: &[LogText]) -> Classification {
    Classification {
        class: rule.name.clone(),
        category: rule.category,
        rule: Some(rule.name.clone()),
        memory_side: rule.memory_side,
        restartable: rule.restartable,
        summary: rule.summary.clone(),
        advice: rule.advice.clone(),
        evidence: hit.evidence(logs),
        captures: hit.captures.clone(),
        remedy: Configuration::default(),
        matched: vec![rule.name.clone()],
        rules_version: None,
    }
}
