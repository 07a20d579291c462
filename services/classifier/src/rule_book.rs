//! The rules in force, replaced as a whole.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use paramedic_rules::{RuleErrors, RuleSet};

/// The rules in force. Whoever reads them keeps the set they got, whatever is loaded meanwhile.
pub(crate) struct RuleBook {
    directory: PathBuf,
    current: RwLock<Arc<RuleSet>>,
    /// Held while reloading, so that of two reloads the later reading wins.
    reloading: Mutex<()>,
}

impl RuleBook {
    /// Reads the rule files; any mistake in any of them refuses them all.
    pub(crate) fn open(directory: &Path) -> Result<Self, RuleErrors> {
        let rules = RuleSet::load_dir(directory)?;
        report(&rules);
        Ok(Self { directory: directory.to_owned(), current: RwLock::new(Arc::new(rules)), reloading: Mutex::new(()) })
    }

    /// The rules in force now.
    pub(crate) fn current(&self) -> Arc<RuleSet> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the rule files again. On any mistake the set in force stays. Blocks.
    pub(crate) fn reload(&self) -> Result<Arc<RuleSet>, RuleErrors> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = Arc::new(RuleSet::load_dir(&self.directory)?);
        report(&rules);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = rules.clone();
        Ok(rules)
    }
}

fn report(rules: &RuleSet) {
    let count = rules.rules().len();
    metrics::gauge!("paramedic_rules").set(count as f64);
    tracing::info!(count, version = rules.version(), "rules loaded");
}
