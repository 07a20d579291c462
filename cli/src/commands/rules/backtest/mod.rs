//! `paramedic rules backtest`: what a change of the rules would have changed.

mod corpus;
mod folder;
mod report;
mod store;

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use paramedic_domain::{Classification, Timestamp};
use paramedic_rules::{
    Circumstances, LogText, RuleSet,
    backtest::{Backtest, Comparison},
};
use rayon::prelude::*;
use serde::Serialize;

use crate::{
    commands::{block_on, classify::load},
    exit::CommandError,
    output, packaged,
    server::Server,
};

/// The arguments of `paramedic rules backtest`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules backtest --rules ./rules --since 2026-01-01T00:00:00Z\n  \
                        paramedic rules backtest --rules ./rules --baseline /tmp/main/rules --logs failed-jobs/\n\n\
                        The failures are the server's, unless --logs or --corpus is given.\n\
                        A line of --corpus is a JSON object: {\"id\": \"a\", \"log\": \"driver.stderr\", \"text\": \"…\"}, and\n\
                        where they matter \"exit_code\", \"containers\", \"config\" and \"cost_usd\".\n\
                        Exits with 1 when a verdict changes and --fail-on-change is given")]
pub(super) struct BacktestArguments {
    /// The server
    #[command(flatten)]
    server: Server,
    /// The folder of rules to compare with; else the verdicts that the server's failures got, or the packaged rules
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
    /// A folder of logs instead of the server's failures: a file is a failure, a folder in it one of several logs
    #[arg(long, value_name = "DIR", conflicts_with = "corpus")]
    logs: Option<PathBuf>,
    /// A file of logs instead of the server's failures, a JSON object a line
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    /// Failures decided at or after this time only, as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with_all = ["logs", "corpus"])]
    since: Option<Timestamp>,
    /// At most so many failures, the newest first
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    limit: u64,
    /// Exit with 1 when a verdict changes
    #[arg(long)]
    fail_on_change: bool,
}

/// A failure to classify again.
struct Case {
    id: String,
    logs: Vec<LogText>,
    circumstances: Circumstances,
    cost_usd: Option<f64>,
    /// The verdict that it got; missing where the baseline is to be asked.
    before: Option<Classification>,
}

/// What came of a backtest.
#[derive(Debug, Default, Serialize)]
struct Answer {
    /// What is compared with: a folder, or `stored verdicts`.
    baseline: String,
    /// Failures of which no log is kept.
    without_logs: u64,
    /// Failures whose verdict rests on what is not kept with them: an exit code, a setting, a report's containers.
    not_comparable: u64,
    #[serde(flatten)]
    backtest: Backtest,
}

/// Compares and prints. `false`: a verdict changes, and none should.
pub(super) fn run(arguments: &BacktestArguments, rules: &RuleSet, json: bool) -> Result<bool, CommandError> {
    let judge = Judge { rules, baseline: baseline(arguments)? };
    let answer = match (&arguments.logs, &arguments.corpus) {
        (Some(folder), _) => judge.of_files(&folder::failures(folder, arguments.limit)?)?,
        (None, Some(file)) => judge.of_cases(corpus::read(file, arguments.limit)?),
        (None, None) => block_on(store::compare(arguments, &judge))?,
    };
    let backtest = answer.backtest.finished();
    let shown = arguments.baseline.as_ref().map(|folder| folder.display().to_string());
    let from_files = arguments.logs.is_some() || arguments.corpus.is_some();
    let baseline = shown.unwrap_or_else(|| if from_files { "packaged rules" } else { "stored verdicts" }.to_owned());
    let answer = Answer { baseline, backtest, ..answer };
    if json {
        output::print_json(&answer)?;
    } else {
        output::print(&report::text(&answer))?;
    }
    Ok(!(arguments.fail_on_change && answer.backtest.changed > 0))
}

/// The rules to compare with; `None` where the store's verdicts are.
fn baseline(arguments: &BacktestArguments) -> Result<Option<RuleSet>, CommandError> {
    match &arguments.baseline {
        Some(folder) => {
            if !folder.is_dir() {
                return Err(CommandError::Usage(format!("--baseline {}: there is no such folder", folder.display())));
            }
            load(Some(folder)).map(Some)
        }
        None if arguments.logs.is_none() && arguments.corpus.is_none() => Ok(None),
        None => match packaged::beside_program("rules") {
            Some(folder) => load(Some(&folder)).map(Some),
            None => Err(CommandError::Usage(
                "no rules came with this program to compare with; name a folder with --baseline, such as one from \
                 `git worktree add /tmp/main main`"
                    .to_owned(),
            )),
        },
    }
}

/// Both sets of rules.
struct Judge<'r> {
    rules: &'r RuleSet,
    baseline: Option<RuleSet>,
}

impl Judge<'_> {
    /// Classifies a failure twice; `None` where its first verdict rests on what is not kept.
    fn compare(&self, case: Case) -> Option<Comparison> {
        let stored = case.before.filter(|_| self.baseline.is_none());
        if stored.as_ref().is_some_and(|stored| self.rests_on_more_than_logs(stored)) {
            return None;
        }
        let classify = |rules: &RuleSet| rules.classify_in(&case.logs, &case.circumstances);
        let before = stored.unwrap_or_else(|| classify(self.baseline.as_ref().unwrap_or(self.rules)));
        Some(Comparison { id: case.id, cost_usd: case.cost_usd, before, after: classify(self.rules) })
    }

    fn rests_on_more_than_logs(&self, verdict: &Classification) -> bool {
        let rule = verdict.rule.as_deref().and_then(|name| self.rules.rule(name));
        verdict.rule.is_some() && verdict.evidence.is_empty()
            || rule.is_some_and(|rule| !rule.exit_code.is_empty() || !rule.config.is_empty())
    }

    fn of_cases(&self, cases: Vec<Case>) -> Answer {
        let bar = progress(cases.len() as u64);
        let compare = |case| {
            let compared = self.compare(case);
            bar.inc(1);
            compared
        };
        let mut answer = Answer::default();
        gather(&mut answer, cases.into_par_iter().map(compare).collect());
        bar.finish_and_clear();
        answer
    }

    /// Reads a failure's logs only when its turn comes.
    fn of_files(&self, failures: &[folder::Failure]) -> Result<Answer, CommandError> {
        let bar = progress(failures.len() as u64);
        let compare = |failure: &folder::Failure| {
            let compared = failure.case().map(|case| self.compare(case));
            bar.inc(1);
            compared
        };
        let compared = failures.par_iter().map(compare).collect::<Result<Vec<_>, _>>();
        bar.finish_and_clear();
        let mut answer = Answer::default();
        gather(&mut answer, compared?);
        Ok(answer)
    }
}

fn gather(answer: &mut Answer, compared: Vec<Option<Comparison>>) {
    for comparison in compared {
        match comparison {
            Some(comparison) => answer.backtest.add(&comparison),
            None => answer.not_comparable += 1,
        }
    }
}

/// A bar on standard error, drawn only where that is a terminal.
fn progress(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} failures, {eta} left");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
