//! What runs at a time, and what ran when something failed.

use std::collections::BTreeMap;

use paramedic_domain::RunningAtFailure;

/// Most stages and executors with running tasks that are followed.
const FOLLOWED_MAX: usize = 10_000;
/// Most running stages that are told.
const TOLD_MAX: usize = 16;

/// The running tasks, by stage and by executor.
#[derive(Default)]
pub(super) struct Running {
    by_stage: BTreeMap<u32, u32>,
    by_executor: BTreeMap<String, u32>,
    at_failure: Option<(String, RunningAtFailure)>,
    /// The executor of the last failure has begun no task since: its other failed tasks are the same failure.
    same_failure: bool,
}

impl Running {
    pub(super) fn began(&mut self, stage: u32, executor: &str) {
        let failed_there = self.at_failure.as_ref().is_some_and(|(failed, _)| failed == executor);
        self.same_failure &= !failed_there;
        if let Some(tasks) = self.by_executor.get_mut(executor) {
            *tasks += 1;
        } else if self.by_executor.len() < FOLLOWED_MAX {
            self.by_executor.insert(executor.to_owned(), 1);
        }
        if self.by_stage.len() < FOLLOWED_MAX {
            *self.by_stage.entry(stage).or_default() += 1;
        }
    }

    /// A task ended, of itself or by Spark's will.
    pub(super) fn ended(&mut self, stage: u32, executor: &str) {
        if let Some(tasks) = self.by_executor.get_mut(executor) {
            *tasks = tasks.saturating_sub(1);
        }
        if let Some(tasks) = self.by_stage.get_mut(&stage) {
            *tasks = tasks.saturating_sub(1);
            if *tasks == 0 {
                self.by_stage.remove(&stage);
            }
        }
    }

    /// A task is about to end in failure, or an executor was lost.
    pub(super) fn failed(&mut self, executor: &str) {
        let same = self.same_failure && self.at_failure.as_ref().is_some_and(|(failed, _)| failed == executor);
        if !same {
            self.at_failure = Some((executor.to_owned(), self.now(executor)));
            self.same_failure = true;
        }
    }

    /// What ran at the last failure; without one, and where the log ends too early, at its end.
    pub(super) fn finish(self, ended: bool) -> Option<RunningAtFailure> {
        let at_end = || (!ended && !self.by_stage.is_empty()).then(|| self.now(""));
        self.at_failure.as_ref().map(|(_, running)| running.clone()).or_else(at_end)
    }

    fn now(&self, executor: &str) -> RunningAtFailure {
        RunningAtFailure {
            stages: self.by_stage.keys().copied().take(TOLD_MAX).collect(),
            tasks: self.by_stage.values().copied().fold(0, u32::saturating_add),
            tasks_of_executor: self.by_executor.get(executor).copied().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executors_lost_tasks_are_one_failure() {
        let mut running = Running::default();
        for (stage, executor) in [(1, "a"), (1, "a"), (2, "b")] {
            running.began(stage, executor);
        }
        for _ in 0..2 {
            running.failed("a");
            running.ended(1, "a");
        }
        let expected = RunningAtFailure { stages: vec![1, 2], tasks: 3, tasks_of_executor: 2 };
        assert_eq!(running.finish(true), Some(expected));
    }

    #[test]
    fn a_log_that_ends_too_early_tells_what_ran_at_its_end() {
        let mut running = Running::default();
        running.began(4, "a");
        running.began(4, "a");
        running.ended(4, "a");
        let expected = RunningAtFailure { stages: vec![4], tasks: 1, tasks_of_executor: 0 };
        assert_eq!(running.finish(false), Some(expected));
        assert_eq!(Running::default().finish(false), None);
    }
}
