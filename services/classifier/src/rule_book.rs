//! The rules in force, replaced as a whole: when somebody asks for it, and by themselves when a file changes.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use paramedic_domain::{Classification, rule::RuleCounts};
use paramedic_rules::{RuleErrors, RuleSet};

/// How often the files are looked at. A change is taken when two looks in a row see the same, so that a file that is
/// being written is not read half: within twice this and the time to load.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The rules in force. Whoever reads them keeps the set they got, whatever is loaded meanwhile.
pub(crate) struct RuleBook {
    directory: PathBuf,
    current: RwLock<Arc<RuleSet>>,
    /// Held while reloading, so that of two reloads the later reading wins. What is wrong with the files, if anything.
    fault: Mutex<Option<Fault>>,
    /// By rule, since the start. No more entries than rules that were ever in force.
    counts: Mutex<HashMap<String, RuleCounts>>,
}

/// Files that could not be taken.
struct Fault {
    /// The files' version; missing where they could not even be read.
    version: Option<String>,
    message: String,
}

impl RuleBook {
    /// Reads the rule files; any mistake in any of them refuses them all.
    pub(crate) fn open(directory: &Path) -> Result<Self, RuleErrors> {
        let rules = RuleSet::load_dir(directory)?;
        report(&rules);
        Ok(Self {
            directory: directory.to_owned(),
            current: RwLock::new(Arc::new(rules)),
            fault: Mutex::default(),
            counts: Mutex::default(),
        })
    }

    /// The rules in force now.
    pub(crate) fn current(&self) -> Arc<RuleSet> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the rule files again. On any mistake the set in force stays. Blocks.
    pub(crate) fn reload(&self) -> Result<Arc<RuleSet>, RuleErrors> {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match RuleSet::load_dir(&self.directory) {
            Ok(rules) => {
                let rules = Arc::new(rules);
                report(&rules);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = rules.clone();
                *fault = None;
                Ok(rules)
            }
            Err(errors) => {
                tracing::error!(%errors, "the rule files are wrong; the rules in force stay");
                metrics::counter!("paramedic_rules_reload_failures_total").increment(1);
                metrics::gauge!("paramedic_rules_faulty").set(1.0);
                let version = RuleSet::version_of_dir(&self.directory).ok();
                *fault = Some(Fault { version, message: errors.to_string() });
                Err(errors)
            }
        }
    }

    /// Why the files are not the rules in force, where they are not.
    pub(crate) fn fault(&self) -> Option<String> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let first = fault.as_ref()?.message.lines().next().unwrap_or_default().to_owned();
        Some(format!(
            "the rule files are wrong, and the last good set ({}) is in force: {first}",
            self.current().version()
        ))
    }

    /// Takes changed files by itself, as long as somebody holds the book.
    pub(crate) fn watch(book: &Arc<Self>) {
        let book = Arc::downgrade(book);
        tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK_INTERVAL);
            let mut seen = None;
            loop {
                looks.tick().await;
                let Some(book) = book.upgrade() else { return };
                let before = seen.take();
                // A look that panicked is taken as one that saw nothing.
                seen = tokio::task::spawn_blocking(move || book.look(before.as_ref())).await.ok();
            }
        });
    }

    /// Looks at the files, and reloads them where they changed and are as the look before saw them.
    fn look(&self, before: Option<&Option<String>>) -> Option<String> {
        let seen = RuleSet::version_of_dir(&self.directory).ok();
        if before == Some(&seen) && !self.is_known(seen.as_deref()) {
            // Told by `reload` itself.
            let _ = self.reload();
        }
        seen
    }

    /// Are these files in force, or known to be wrong?
    fn is_known(&self, version: Option<&str>) -> bool {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match &*fault {
            Some(fault) => fault.version.as_deref() == version,
            None => version == Some(self.current().version()),
        }
    }

    /// Counts a verdict for the rules that matched and the one that decided.
    pub(crate) fn count(&self, verdict: &Classification) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &verdict.matched {
            let decided = verdict.rule.as_ref() == Some(name);
            let count = counts.entry(name.clone()).or_default();
            count.matched += 1;
            count.decided += u64::from(decided);
            metrics::counter!("paramedic_rule_matches_total", "rule" => name.clone()).increment(1);
            if decided {
                metrics::counter!("paramedic_rule_decisions_total", "rule" => name.clone()).increment(1);
            }
        }
    }

    /// What was counted for a rule since the start.
    pub(crate) fn counts_of(&self, rule: &str) -> RuleCounts {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(rule).copied().unwrap_or_default()
    }
}

fn report(rules: &RuleSet) {
    let count = rules.rules().len();
    metrics::gauge!("paramedic_rules").set(count as f64);
    metrics::gauge!("paramedic_rules_faulty").set(0.0);
    tracing::info!(count, version = rules.version(), "rules loaded");
}
