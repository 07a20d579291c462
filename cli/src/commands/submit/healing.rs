//! The attempts, from the first to the last.

use std::collections::BTreeMap;

use paramedic_domain::{
    Action, AttemptStatus, Clock, Configuration, Decision, Job, MutateRequest, OutcomeReport, Timestamp,
};
use paramedic_service::{Client, ClientError};
use rustix::process::Signal;

use super::{
    child::{self, Ending},
    command::JobCommand,
    event_log::EventLog,
    evidence, redaction,
    signals::Signals,
    story::{AttemptStory, Story, config_changes},
};
use crate::{
    decision_text,
    output::{shown, tell},
};

/// Keys to set, or to remove.
type Changes = BTreeMap<String, Option<String>>;

/// Everything that running a job to its end needs.
pub(crate) struct Healing {
    /// Asks what to start with; answers in time or not at all.
    pub(crate) mutate_client: Client,
    /// Reports how an attempt ended.
    pub(crate) report_client: Client,
    /// Retries after the first attempt, at most.
    pub(crate) max_retries: u32,
    /// May Spark be made to write an event log?
    pub(crate) wants_event_log: bool,
    /// The job.
    pub(crate) command: JobCommand,
    /// The time.
    pub(crate) clock: Clock,
    /// Signals that are meant for the job.
    pub(crate) signals: Signals,
}

/// Why no further attempt could be prepared or judged.
enum Stop {
    /// The server did not answer, or refused.
    Server(ClientError),
    /// Someone stopped the job between two attempts.
    Signalled(Signal),
}

/// An attempt that has ended.
struct Ended {
    story: AttemptStory,
    config: Configuration,
    ending: Ending,
    event_log: EventLog,
}

impl Healing {
    /// Runs attempt after attempt; the story ends when one succeeds or nothing more helps.
    pub(crate) async fn run(mut self, first: Job) -> Story {
        let mut story =
            Story { job: first.clone(), attempts: Vec::new(), healed: false, exit_code: 0, outcome: String::new() };
        story.outcome = self.attempts(first, &mut story).await;
        if !story.outcome.is_empty() {
            tell(&story.outcome);
        }
        story
    }

    /// Adds the attempts to the story; answers how it ended, in one sentence.
    async fn attempts(&mut self, first: Job, story: &mut Story) -> String {
        let written = redaction::for_sending(self.command.configuration());
        let mut job = first;
        let mut previous: Option<Changes> = None;
        loop {
            let changes = match self.changes_for(&job, &written).await {
                Ok(changes) => changes,
                Err(Stop::Server(error)) if story.attempts.is_empty() => {
                    return self.run_as_written(job.attempt, &error, story).await;
                }
                Err(stop) => return stop.between_attempts(story),
            };
            if previous.as_ref() == Some(&changes) {
                return "not healed: the recommended change did not come back from the configuration service; see `paramedic patches list`".to_owned();
            }
            if story.attempts.is_empty() && !self.command.shows_configuration() {
                tell("this is no spark-submit command, so its configuration can be neither seen nor changed");
            }
            let ended = match self.run_attempt(&job, &written, &changes).await {
                Ok(ended) => ended,
                Err(exit_code) => {
                    story.exit_code = exit_code;
                    return "the job could not be started".to_owned();
                }
            };
            let attempt = job.attempt;
            story.exit_code = ended.story.exit_code;
            if ended.ending.exit_code == 0 {
                let retried = !story.attempts.is_empty();
                story.attempts.push(self.report_success(&job, ended).await);
                story.healed = retried;
                return if retried {
                    format!("healed: attempt {attempt} succeeded")
                } else {
                    format!("attempt {attempt} succeeded; nothing to heal")
                };
            }
            if let Some(signal) = ended.ending.stopped_by {
                story.attempts.push(ended.story);
                return format!("attempt {attempt} was stopped by {}; not retried", signal_name(signal));
            }
            let config = ended.config.clone();
            let (attempt_story, judged) = self.report_failure(&job, ended).await;
            story.attempts.push(attempt_story);
            let decision = match judged {
                Ok(decision) => decision,
                Err(stop) => return stop.after_failure(attempt, story),
            };
            tell_decision(attempt, story.exit_code, &decision, &config);
            if let Some(reason) = self.ends_with(&decision, story) {
                return format!("not healed: {reason}");
            }
            previous = (decision.action == Action::RetryWithConfig).then_some(changes);
            job.attempt += 1;
        }
    }

    /// Why no retry follows; none where one does.
    fn ends_with(&self, decision: &Decision, story: &Story) -> Option<String> {
        let retries = story.attempts.len() as u32 - 1;
        match decision.action {
            Action::DoNotRetry => Some("a retry would not help".to_owned()),
            Action::RetryWithConfig if !self.command.shows_configuration() => {
                Some("the change is known, but cannot be passed to this command".to_owned())
            }
            _ if retries >= self.max_retries => Some(format!("all {} attempts failed", retries + 1)),
            _ => None,
        }
    }

    /// What the next attempt should run with other than written.
    async fn changes_for(&mut self, job: &Job, written: &Configuration) -> Result<Changes, Stop> {
        let request = MutateRequest { job: job.clone(), config: written.clone(), dry_run: false };
        let mutated = tokio::select! {
            answer = self.mutate_client.mutate(&request) => answer.map_err(Stop::Server)?,
            signal = self.signals.next() => return Err(Stop::Signalled(signal)),
        };
        for skipped in &mutated.skipped {
            tell(&format!("patch {} was skipped: {}", skipped.patch_id, shown(&skipped.reason, 200)));
        }
        if !self.command.shows_configuration() {
            return Ok(Changes::new());
        }
        Ok(redaction::changes(written, &mutated.config))
    }

    /// Runs the job untouched: without a server nothing can be healed, and nothing may be hurt.
    async fn run_as_written(&mut self, attempt: u32, error: &ClientError, story: &mut Story) -> String {
        tell(&format!("{error}; the job runs as it was written, and is not healed"));
        let started_at = self.clock.now();
        match child::run_as_written(self.command.words(), &mut self.signals).await {
            Ok(ending) => {
                story.exit_code = ending.exit_code;
                let finished_at = self.clock.now();
                story.attempts.push(attempt_story(attempt, ending.exit_code, started_at, finished_at, BTreeMap::new()));
            }
            Err(error) => story.exit_code = child::cannot_start(self.command.words(), &error),
        }
        String::new()
    }

    /// Runs one attempt to its end; an error is the exit code of a job that could not be started.
    async fn run_attempt(&mut self, job: &Job, written: &Configuration, changes: &Changes) -> Result<Ended, i32> {
        for (key, value) in changes {
            let before = written.get(key).map_or("(default)", String::as_str);
            let changed = decision_text::change(key, before, value.as_deref().unwrap_or("(default)"));
            tell(&format!("attempt {} runs with {}", job.attempt, changed.trim_start()));
        }
        let event_log = self.event_log();
        let mut settings = changes.clone();
        for (key, value) in event_log.settings() {
            if !self.command.configuration().contains_key(key) || key.starts_with("spark.eventLog.") {
                settings.entry(key.to_owned()).or_insert(Some(value));
            }
        }
        let words = self.command.with(&settings);
        let started_at = self.clock.now();
        let ending = child::run_captured(&words, &mut self.signals)
            .await
            .map_err(|error| child::cannot_start(&words, &error))?;
        let changed = config_changes(written, changes);
        let story = attempt_story(job.attempt, ending.exit_code, started_at, self.clock.now(), changed);
        Ok(Ended { story, config: applied(written, changes), ending, event_log })
    }

    fn event_log(&self) -> EventLog {
        if !self.command.shows_configuration() {
            return EventLog::None;
        }
        let setting = |key: &str| self.command.configuration().get(key).cloned();
        EventLog::of(setting, self.wants_event_log, self.command.driver_in_cluster()).unwrap_or_else(|error| {
            tell(&format!("no directory for the event log could be made: {error}; going on without one"));
            EventLog::None
        })
    }

    async fn report_success(&mut self, job: &Job, ended: Ended) -> AttemptStory {
        let Ended { mut story, config, ending, .. } = ended;
        story.application_id = evidence::application_id(&ending.stderr.into_text());
        let report = OutcomeReport {
            job: job.clone(),
            application_id: story.application_id.clone(),
            config,
            status: AttemptStatus::Succeeded,
            started_at: Some(story.started_at),
            finished_at: Some(story.finished_at),
            cost_usd: None,
            event_log: None,
        };
        match self.report_client.report_outcome(&report).await {
            Ok(receipt) => story.cost_usd = receipt.cost_usd,
            Err(error) => tell(&format!("the success could not be reported: {error}")),
        }
        story
    }

    /// Gathers the evidence and asks for a decision.
    async fn report_failure(&mut self, job: &Job, ended: Ended) -> (AttemptStory, Result<Decision, Stop>) {
        let Ended { mut story, config, ending, event_log } = ended;
        let asking = async {
            let (stdout, stderr) = (ending.stdout.into_text(), ending.stderr.into_text());
            let evidence = evidence::gather(&self.command, &event_log, stdout, stderr).await;
            story.application_id.clone_from(&evidence.application_id);
            let mut report = evidence.into_report(job.clone(), config, &self.command);
            report.exit_code = Some(ending.exit_code);
            report.started_at = Some(story.started_at);
            report.finished_at = Some(story.finished_at);
            self.report_client.report_failure(&report).await.map_err(Stop::Server)
        };
        let judged = tokio::select! {
            decision = asking => decision,
            signal = self.signals.next() => Err(Stop::Signalled(signal)),
        };
        story.decision = judged.as_ref().ok().cloned();
        (story, judged)
    }
}

impl Stop {
    /// The job failed, and what to do could not be learnt.
    fn after_failure(self, attempt: u32, story: &mut Story) -> String {
        match self {
            Self::Server(error) => {
                format!("attempt {attempt} failed, and its failure could not be reported: {error}; not retried")
            }
            Self::Signalled(_) => self.between_attempts(story),
        }
    }

    /// A retry was due, and is not made.
    fn between_attempts(self, story: &mut Story) -> String {
        match self {
            Self::Server(error) => format!("not healed: what to retry with could not be learnt: {error}"),
            Self::Signalled(signal) => {
                story.exit_code = 128 + signal.as_raw();
                format!("stopped by {} between two attempts; not retried", signal_name(signal))
            }
        }
    }
}

fn attempt_story(
    attempt: u32,
    exit_code: i32,
    started_at: Timestamp,
    finished_at: Timestamp,
    config_changes: BTreeMap<String, super::story::ConfigChange>,
) -> AttemptStory {
    AttemptStory {
        attempt,
        exit_code,
        started_at,
        finished_at,
        wall_s: finished_at.seconds_since(started_at),
        application_id: None,
        config_changes,
        decision: None,
        cost_usd: None,
    }
}

/// What the attempt ran with, as it is told to the server.
fn applied(written: &Configuration, changes: &Changes) -> Configuration {
    let mut applied = written.clone();
    for (key, value) in changes {
        match value {
            Some(value) => applied.insert(key.clone(), value.clone()),
            None => applied.remove(key),
        };
    }
    applied
}

fn tell_decision(attempt: u32, exit_code: i32, decision: &Decision, ran_with: &Configuration) {
    let mut lines = decision_text::decision(decision, Some(ran_with)).into_iter();
    let first = lines.next().unwrap_or_default();
    tell(&format!("attempt {attempt} failed with exit code {exit_code}: {first}"));
    for line in lines {
        tell(&line);
    }
}

fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::INT => "SIGINT",
        Signal::TERM => "SIGTERM",
        Signal::HUP => "SIGHUP",
        Signal::QUIT => "SIGQUIT",
        _ => "a signal",
    }
}
