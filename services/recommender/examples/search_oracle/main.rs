//! The recommender's search and its objective, for `benches/search`: a request in JSON a line, an answer a line.
//!
//! `{"open": {"set": "wide", "number": 7, "change_weight": 0.02}}` draws a seeded request and tells its search space; then
//! `{"score": [[…], …]}` gives the objective of points, `{"search": {…}}` runs the search as the service does,
//! `{"dense": {"points": 10000000}}` looks for the true optimum, and `{"deadline": {…}}` measures how far a search under load
//! runs over its deadline.

mod dense;
mod load;
mod requests;

use std::{
    cell::Cell,
    io::{BufRead as _, Write as _},
    path::Path,
    time::Instant,
};

use anyhow::{Context as _, bail};
use paramedic_domain::Policy;
use paramedic_recommender::{
    facts::Facts,
    features::FeatureSpace,
    freedom::Freedom,
    guardrails::Guardrails,
    model::Model,
    objective::Predictor,
    search::Search,
    settings::{ObjectiveSettings, SearchSettings},
};
use paramedic_spark::{MemorySettings, PriceTable};
use paramedic_tuner::Distribution;
use serde::Deserialize;
use serde_json::{Value, json};

/// One line of the protocol.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    Open { set: requests::Set, number: u64, change_weight: f64 },
    Score(Vec<Vec<f64>>),
    Search { evaluations: Option<usize> },
    Dense { points: usize },
    Deadline { deadline_ms: u64, threads: usize, repeats: usize },
}

/// The request that is open.
struct Open {
    set: requests::Set,
    number: u64,
    objective: ObjectiveSettings,
}

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).context("give the folder of a model version, such as models/base-1")?;
    let model = Model::load(Path::new(&folder))?;
    serve(&model)
}

/// Answers line by line until the input ends.
pub(crate) fn serve(model: &Model) -> anyhow::Result<()> {
    let mut open = None;
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = answer(model, serde_json::from_str(&line?)?, &mut open)?;
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer(model: &Model, command: Command, open: &mut Option<Open>) -> anyhow::Result<Value> {
    if let Command::Open { set, number, change_weight } = command {
        let objective = ObjectiveSettings { change_weight, ..ObjectiveSettings::default() };
        *open = Some(Open { set, number, objective });
        return with_search(model, open.as_ref(), &SearchSettings::default(), |search| Ok(space(search)));
    }
    let open = open.as_ref();
    let settings = SearchSettings::default();
    match command {
        Command::Open { .. } => bail!("opened before"),
        Command::Score(points) => with_search(model, open, &settings, |search| Ok(json!(values(search, &points)?))),
        Command::Search { evaluations } => {
            // Without a deadline: on a busy machine it would end searches that are within it on a quiet one.
            let evaluations = evaluations.unwrap_or(settings.evaluations);
            let settings = SearchSettings { evaluations, deadline_ms: 60_000, ..settings };
            with_search(model, open, &settings, |search| {
                let (started, cpu) = (Instant::now(), load::thread_cpu_s());
                let found = search.run()?;
                let (wall, cpu) = (started.elapsed().as_secs_f64(), load::thread_cpu_s() - cpu);
                Ok(json!({"value": found.as_ref().map(|found| found.value), "cpu_s": cpu, "wall_s": wall,
                    "evaluations": found.as_ref().map(|found| found.evaluations),
                    "config": found.as_ref().map(|found| found.config.clone()),
                    "alternatives": found.map_or(0, |found| found.alternatives.len())}))
            })
        }
        Command::Dense { points } => with_search(model, open, &settings, |search| {
            let cpu = load::thread_cpu_s();
            let best = dense::optimum(search, points)?;
            Ok(json!({"value": best.value, "point": best.point, "cpu_s": load::thread_cpu_s() - cpu}))
        }),
        Command::Deadline { deadline_ms, threads, repeats } => {
            let settings = SearchSettings { evaluations: 200_000, deadline_ms, ..settings };
            let over = load::under(threads, || {
                (0..repeats)
                    .map(|_| {
                        let started = Instant::now();
                        with_search(model, open, &settings, |search| {
                            // When it looked at the clock for the last time before the deadline.
                            let looked_cpu_s = Cell::new(load::thread_cpu_s());
                            let expired = || {
                                let expired = (search.expired)();
                                if !expired {
                                    looked_cpu_s.set(load::thread_cpu_s());
                                }
                                expired
                            };
                            Search { expired: &expired, ..*search }.run()?;
                            let late_ms = started.elapsed().as_secs_f64() * 1e3 - deadline_ms as f64;
                            let ran_ms = (load::thread_cpu_s() - looked_cpu_s.get()) * 1e3;
                            Ok(json!({"late_ms": late_ms, "ran_ms": ran_ms}))
                        })
                    })
                    .collect::<anyhow::Result<Vec<_>>>()
            })?;
            Ok(json!(over))
        }
    }
}

/// Sets up the search of a request as the pipeline does.
fn with_search(
    model: &Model,
    open: Option<&Open>,
    settings: &SearchSettings,
    run: impl FnOnce(&Search<'_>) -> anyhow::Result<Value>,
) -> anyhow::Result<Value> {
    let open = open.context("open a request first")?;
    let request = requests::draw(open.set, open.number);
    let started = Instant::now();
    let policy = Policy::default();
    let memory = MemorySettings::read(&request.config)?;
    let failed = memory.model();
    let facts = Facts::gather(&request, &failed, &[], &[]);
    let guardrails = Guardrails::new(&facts, &failed, &request.config, &policy);
    let freedom = Freedom::of(&facts, &failed, &request.config, &policy, settings)?;
    let predictor = Predictor::new(model, FeatureSpace::new(&facts, failed.clone(), PriceTable::default()));
    let baseline = predictor.predict(std::slice::from_ref(&failed))?.pop().context("no baseline")?;
    let deadline = settings.deadline();
    let expired = || started.elapsed() >= deadline;
    run(&Search {
        facts: &facts,
        config: &request.config,
        memory: &memory,
        failed: &failed,
        freedom: &freedom,
        predictor: &predictor,
        guardrails: &guardrails,
        objective: &open.objective,
        settings,
        reference_cost_usd: baseline.cost_usd,
        seed: open.number,
        expired: &expired,
    })
}

/// Null where a point is outside the guardrails.
fn values(search: &Search<'_>, points: &[Vec<f64>]) -> anyhow::Result<Vec<Option<f64>>> {
    Ok(search.evaluate(points)?.into_iter().map(|found| found.map(|found| found.value)).collect())
}

fn space(search: &Search<'_>) -> Value {
    let Some(space) = search.freedom.space() else { return json!({"parameters": []}) };
    let parameters = space.names().iter().zip(space.distributions()).map(|(name, distribution)| match *distribution {
        Distribution::Integer { low, high, step, log } => {
            json!({"name": name, "kind": "integer", "low": low, "high": high, "step": step, "log": log})
        }
        Distribution::Float { low, high, log } => {
            json!({"name": name, "kind": "float", "low": low, "high": high, "log": log})
        }
        Distribution::Categorical { choices } => json!({"name": name, "kind": "choice", "choices": choices}),
    });
    let mut start = search.freedom.start(search.facts, search.failed);
    for point in &mut start {
        space.clamp(point);
    }
    json!({"parameters": parameters.collect::<Vec<_>>(), "start": start})
}
