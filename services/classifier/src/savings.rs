//! What healing saved. The unit is a run in which an attempt failed; the arms are the jobs that were looked after and those
//! held out as control, and what is compared is what the attempts after the first failure cost for each dollar that the
//! failure itself did, so that large and small jobs weigh alike in both.

use std::collections::{BTreeMap, BTreeSet};

use paramedic_domain::{
    Action, AttemptStatus, Timestamp,
    savings::{ClassSavings, Estimate, SavingsArm, SavingsReport},
};
use paramedic_store::{DecidedAttempt, DecidedFilter, StoreError};

use crate::state::Classifier;

/// Most failures that one report counts.
const FAILURES_MAX: usize = 100_000;
/// Rows of one read.
const PAGE: u32 = 500;
/// A run whose retry has not been heard of for this long is over: its scheduler has given up.
const GIVEN_UP_S: f64 = 24.0 * 3600.0;
/// Two-sided 95 %.
const Z: f64 = 1.96;

impl Classifier {
    /// Reads the period's failures and sums them up.
    pub(crate) async fn savings(&self, filter: &DecidedFilter, until: Timestamp) -> Result<SavingsReport, StoreError> {
        let mut decided = Vec::new();
        let mut cursor = None;
        let mut complete = false;
        while !complete && decided.len() < FAILURES_MAX {
            let page = self.store.decided_attempts(filter, PAGE, cursor.as_deref()).await?;
            decided.extend(page.items);
            cursor = page.next_cursor;
            complete = cursor.is_none();
        }
        let mut report = report(filter.since, until, decided);
        if !complete {
            report.notes.push(format!("only the newest {FAILURES_MAX} failures of the period are counted"));
        }
        Ok(report)
    }
}

/// A run in which an attempt failed.
#[derive(Default)]
struct Run {
    control: bool,
    /// First failed attempt, and its cost.
    first: Option<(u32, Option<f64>)>,
    retry_usd: f64,
    costs_known: bool,
    /// The last failed attempt, and what followed it.
    last: u32,
    end: End,
}

/// What followed the last failed attempt of a run.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum End {
    /// Nothing that succeeded.
    #[default]
    Lost,
    /// An attempt that succeeded.
    Recovered,
    /// Another attempt is still awaited.
    Pending,
}

type Job = (String, String, String);

fn report(since: Timestamp, until: Timestamp, decided: Vec<DecidedAttempt>) -> SavingsReport {
    let mut report = SavingsReport {
        since,
        until,
        treated: SavingsArm::default(),
        control: SavingsArm::default(),
        saved_usd: None,
        recovered_share_rise: None,
        classes: Vec::new(),
        notes: Vec::new(),
    };
    let mut classes = BTreeMap::<String, ClassSavings>::new();
    let mut runs = BTreeMap::<(Job, String), Run>::new();
    for failure in decided {
        count(&mut report, &mut classes, &failure);
        let run = runs
            .entry((failure.job.clone(), failure.run.clone()))
            .or_insert_with(|| Run { costs_known: true, ..Run::default() });
        run.add(&failure, until);
    }
    for control in [false, true] {
        let arm = if control { &mut report.control } else { &mut report.treated };
        sum_up(arm, runs.iter().filter(|(_, run)| run.control == control));
    }
    let treated = Sample::of(&runs, false);
    let control = Sample::of(&runs, true);
    report.saved_usd = treated.saved_against(&control);
    report.recovered_share_rise = treated.rise_against(&control);
    report.classes = classes.into_values().collect();
    report.classes.sort_by(|a, b| (b.failures, &a.class).cmp(&(a.failures, &b.class)));
    note(&mut report);
    report
}

fn count(report: &mut SavingsReport, classes: &mut BTreeMap<String, ClassSavings>, failure: &DecidedAttempt) {
    let healed = failure.action == Action::RetryWithConfig && failure.next == Some(AttemptStatus::Succeeded);
    let not_retried = failure.action == Action::DoNotRetry && failure.next.is_none();
    let arm = if failure.withheld.is_some() { &mut report.control } else { &mut report.treated };
    arm.healed += u32::from(healed);
    arm.not_retried += u32::from(not_retried);
    arm.retries += u32::from(failure.next.is_some());
    if failure.withheld.is_none() {
        let class = classes.entry(failure.class.clone()).or_default();
        class.class.clone_from(&failure.class);
        class.failures += 1;
        class.healed += u32::from(healed);
        class.not_retried += u32::from(not_retried);
    }
}

fn sum_up<'a>(arm: &mut SavingsArm, runs: impl Iterator<Item = (&'a (Job, String), &'a Run)>) {
    let mut jobs = BTreeSet::new();
    for ((job, _), run) in runs {
        jobs.insert(job);
        arm.failed_runs += 1;
        arm.recovered_runs += u32::from(run.end == End::Recovered);
        arm.pending_runs += u32::from(run.end == End::Pending);
        arm.failed_usd += run.first.and_then(|(_, cost)| cost).unwrap_or(0.0);
        arm.retry_usd += run.retry_usd;
    }
    arm.jobs = jobs.len() as u32;
}

fn note(report: &mut SavingsReport) {
    let mut note = |text: &str| report.notes.push(text.to_owned());
    if report.control.failed_runs == 0 {
        note("there is no control: start the server with --control-share to measure savings");
    } else if report.saved_usd.is_none() {
        note(
            "too few runs with a known cost, or of too few jobs, on one side to measure money; at least two jobs a side",
        );
    }
    let unsure = report.saved_usd.is_some_and(|saved| saved.low < 0.0 && saved.high > 0.0);
    if unsure {
        note("the interval holds zero: with so few runs the saving may be chance");
    }
}

impl Run {
    fn add(&mut self, failure: &DecidedAttempt, until: Timestamp) {
        self.control |= failure.withheld.is_some();
        if self.first.is_none_or(|(attempt, _)| failure.attempt < attempt) {
            self.first = Some((failure.attempt, failure.cost_usd));
        }
        match (failure.next, failure.next_cost_usd) {
            (Some(_), None) => self.costs_known = false,
            (_, cost) => self.retry_usd += cost.unwrap_or(0.0),
        }
        if failure.attempt >= self.last {
            self.last = failure.attempt;
            let retried = failure.action != Action::DoNotRetry;
            let awaited = retried && until.seconds_since(failure.decided_at) < GIVEN_UP_S;
            self.end = match failure.next {
                Some(AttemptStatus::Succeeded) => End::Recovered,
                None if awaited => End::Pending,
                _ => End::Lost,
            };
        }
    }
}

/// The runs of one arm that are over, by job.
#[derive(Default)]
struct Sample {
    /// By job: cost of first failures, cost of what came after; where both are known.
    costs: Vec<Vec<(f64, f64)>>,
    /// By job: 1, and 1 where the run recovered.
    ends: Vec<Vec<(f64, f64)>>,
}

impl Sample {
    fn of(runs: &BTreeMap<(Job, String), Run>, control: bool) -> Self {
        let mut by_job = BTreeMap::<&Job, (Vec<(f64, f64)>, Vec<(f64, f64)>)>::new();
        for ((job, _), run) in runs.iter().filter(|(_, run)| run.control == control && run.end != End::Pending) {
            let (costs, ends) = by_job.entry(job).or_default();
            ends.push((1.0, f64::from(u8::from(run.end == End::Recovered))));
            if let (true, Some((_, Some(failed)))) = (run.costs_known, run.first) {
                costs.push((failed, run.retry_usd));
            }
        }
        let (costs, ends) = by_job.into_values().unzip();
        Self { costs, ends }
    }

    fn saved_against(&self, control: &Self) -> Option<Estimate> {
        let (treated, control) = (Ratio::of(&self.costs)?, Ratio::of(&control.costs)?);
        let all = treated.denominator;
        Some(estimate((control.value - treated.value) * all, (control.variance + treated.variance) * all * all))
    }

    fn rise_against(&self, control: &Self) -> Option<Estimate> {
        let (treated, control) = (Ratio::of(&self.ends)?, Ratio::of(&control.ends)?);
        Some(estimate(treated.value - control.value, control.variance + treated.variance))
    }
}

fn estimate(value: f64, variance: f64) -> Estimate {
    let spread = Z * variance.max(0.0).sqrt();
    Estimate { value, low: value - spread, high: value + spread }
}

/// A ratio of sums, Σy / Σx, with its variance by linearization and by job: the runs of a job are alike, so that it is jobs
/// that are independent (Cochran, Sampling Techniques, 1977, 11.12).
struct Ratio {
    value: f64,
    variance: f64,
    denominator: f64,
}

impl Ratio {
    fn of(by_job: &[Vec<(f64, f64)>]) -> Option<Self> {
        let jobs = by_job.iter().filter(|runs| !runs.is_empty()).count() as f64;
        let (x, y) = by_job.iter().flatten().fold((0.0, 0.0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
        if jobs < 2.0 || x <= 0.0 {
            return None;
        }
        let value = y / x;
        let residual = |runs: &Vec<(f64, f64)>| runs.iter().map(|(x, y)| y - value * x).sum::<f64>().powi(2);
        let variance = by_job.iter().map(residual).sum::<f64>() * jobs / (jobs - 1.0) / (x * x);
        Some(Self { value, variance, denominator: x })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_microseconds(0).plus_seconds(seconds)
    }

    fn failure(job: &str, run: u32, attempt: u32, control: bool, next: Option<(AttemptStatus, f64)>) -> DecidedAttempt {
        let decided = Action::RetryWithConfig;
        DecidedAttempt {
            job: ("s".into(), "w".into(), job.into()),
            run: run.to_string(),
            attempt,
            class: "Oom".into(),
            action: if control { Action::RetryUnchanged } else { decided },
            withheld: control.then_some(decided),
            decided_at: at(0),
            cost_usd: Some(10.0),
            next: next.map(|(status, _)| status),
            next_cost_usd: next.map(|(_, cost)| cost),
        }
    }

    /// Treated runs recover at once for 12 dollars; those of the control fail three times more, for 10 each.
    fn period() -> Vec<DecidedAttempt> {
        use AttemptStatus::{Failed, Succeeded};
        let mut decided = Vec::new();
        for run in 0..10 {
            for job in ["a", "b", "c"] {
                decided.push(failure(job, run, 1, false, Some((Succeeded, 12.0))));
            }
            for job in ["x", "y"] {
                decided.extend((1..=3).map(|attempt| failure(job, run, attempt, true, Some((Failed, 10.0)))));
                decided.push(failure(job, run, 4, true, None));
            }
        }
        decided
    }

    #[test]
    fn money_is_measured_against_the_control() {
        let report = report(at(-1), at(2 * 24 * 3600), period());
        assert_eq!((report.treated.failed_runs, report.treated.healed, report.treated.jobs), (30, 30, 3));
        assert_eq!((report.control.failed_runs, report.control.recovered_runs, report.control.retries), (20, 0, 60));
        // 30 dollars a run instead of 12, for 30 runs; all runs of an arm are alike, so the interval is a point.
        let saved = report.saved_usd.unwrap();
        assert!((saved.value - 540.0).abs() < 1e-6 && (saved.high - saved.low).abs() < 1e-6, "{saved:?}");
        assert!((report.recovered_share_rise.unwrap().value - 1.0).abs() < 1e-12);
        assert_eq!((report.classes.len(), report.classes[0].failures, report.notes.len()), (1, 30, 0));
    }

    #[test]
    fn runs_that_are_not_over_and_missing_controls_are_told() {
        let waiting = vec![failure("a", 1, 1, false, None), failure("b", 1, 1, false, None)];
        let report = report(at(-1), at(60), waiting);
        assert_eq!((report.treated.pending_runs, report.saved_usd, report.recovered_share_rise), (2, None, None));
        assert!(report.notes[0].contains("--control-share"), "{:?}", report.notes);
    }

    #[test]
    fn the_interval_widens_with_jobs_that_differ() {
        let same = Ratio::of(&[vec![(1.0, 1.0); 50], vec![(1.0, 1.0); 50]]).unwrap();
        let different = Ratio::of(&[vec![(1.0, 0.0); 50], vec![(1.0, 2.0); 50]]).unwrap();
        assert!(same.variance.abs() < 1e-12 && (different.variance - 1.0).abs() < 1e-9, "{}", different.variance);
        assert!(Ratio::of(&[vec![(1.0, 1.0)]]).is_none(), "one job tells nothing of others");
    }
}
