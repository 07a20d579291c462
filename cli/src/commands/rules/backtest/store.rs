//! Failures from a server: its decisions, and what it keeps of their logs.

use std::collections::VecDeque;

use paramedic_domain::{Decision, LogExcerpt};
use paramedic_rules::{Circumstances, LogText};
use paramedic_service::{Client, ClientError, FailureQuery};
use rayon::prelude::*;
use tokio::task::JoinSet;

use super::{Answer, BacktestArguments, Case, Judge, gather, progress};
use crate::{exit::CommandError, server::ASK_TIMEOUT};

/// Decisions of a page, and calls for logs at a time.
const PAGE: u64 = 100;
const CALLS_MAX: usize = 8;

/// Compares page by page, so that the logs of one page only are held at a time.
pub(super) async fn compare(arguments: &BacktestArguments, judge: &Judge<'_>) -> Result<Answer, CommandError> {
    let client = arguments.server.client(ASK_TIMEOUT)?;
    let bar = progress(arguments.limit);
    let mut answer = Answer::default();
    let (mut cursor, mut left) = (None, arguments.limit);
    while left > 0 {
        let limit = u32::try_from(left.min(PAGE)).ok();
        let query = FailureQuery { since: arguments.since, limit, cursor, ..FailureQuery::default() };
        let page = client.failures(&query).await?;
        let decisions = page.items.len() as u64;
        let cases = with_logs(&client, page.items).await?;
        let found: Vec<_> = cases.into_iter().flatten().collect();
        answer.without_logs += decisions - found.len() as u64;
        let compared = tokio::task::block_in_place(|| found.into_par_iter().map(|case| judge.compare(case)).collect());
        gather(&mut answer, compared);
        bar.inc(decisions);
        left = left.saturating_sub(decisions);
        cursor = page.next_cursor;
        if cursor.is_none() || decisions == 0 {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(answer)
}

/// The failures with their logs, in no order; `None` for one of which none is kept.
async fn with_logs(client: &Client, decisions: Vec<Decision>) -> Result<Vec<Option<Case>>, CommandError> {
    let mut waiting: VecDeque<_> = decisions.into();
    let mut calls: JoinSet<Result<Option<Case>, ClientError>> = JoinSet::new();
    let mut cases = Vec::new();
    loop {
        while calls.len() < CALLS_MAX
            && let Some(decision) = waiting.pop_front()
        {
            let client = client.clone();
            calls.spawn(async move {
                let logs = client.failure_logs(decision.failure_id).await?;
                Ok(logs.map(|logs| case(decision, logs.items)))
            });
        }
        match calls.join_next().await {
            None => return Ok(cases),
            Some(Ok(case)) => cases.push(case?),
            Some(Err(error)) => return Err(CommandError::Failed(error.into())),
        }
    }
}

fn case(decision: Decision, logs: Vec<LogExcerpt>) -> Case {
    let log = |excerpt: LogExcerpt| LogText { log: excerpt.log, name: excerpt.name, text: excerpt.text };
    Case {
        id: decision.failure_id.to_string(),
        logs: logs.into_iter().map(log).collect(),
        circumstances: Circumstances::default(),
        cost_usd: None,
        before: Some(decision.classification),
    }
}
