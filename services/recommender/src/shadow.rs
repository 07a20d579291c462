//! A challenger beside the champion: it scores live requests behind the answer, and decides nothing. What it would have
//! decided is counted, kept, and held against what became of the retries.

use std::{collections::BTreeMap, sync::Arc};

use paramedic_domain::{
    Action, AttemptStatus, Configuration, Prediction, Recommendation,
    shadow::{ActionPair, ShadowDecision, ShadowReport},
};
use paramedic_spark::MemoryModel;
use paramedic_store::{Store, StoreError};
use tokio::sync::Semaphore;

use crate::{
    RecommenderState,
    facts::Facts,
    features::FeatureSpace,
    model::Model,
    objective::Predictor,
    pipeline::{self, Inputs},
    settings::RecommenderSettings,
};

/// Requests that are shadowed at once; further ones are skipped, so that a shadow takes no more than this of the machine.
const AT_ONCE: usize = 2;
/// Decisions that a report looks at.
const REPORT_MAX: usize = 10_000;
const PAGE: u32 = 500;

/// Scores behind the answers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shadow(Arc<Semaphore>);

impl Default for Shadow {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Shadow {
    /// Scores a request that was answered, on a task of its own.
    pub(crate) fn score(
        &self,
        state: &RecommenderState,
        challenger: Arc<Model>,
        inputs: Inputs,
        given: Recommendation,
    ) {
        let Ok(turn) = self.0.clone().try_acquire_owned() else {
            metrics::counter!("paramedic_shadow_skipped_total").increment(1);
            return;
        };
        let (store, settings, clock) = (state.store.clone(), state.settings.clone(), state.clock.clone());
        tokio::spawn(async move {
            let _turn = turn;
            let decided = tokio::task::spawn_blocking(move || decide(challenger, inputs, &given, &settings)).await;
            let Ok(Some(decision)) = decided else { return };
            count(&decision);
            if let Err(error) = store.record_shadow(&decision, clock.now()).await {
                tracing::warn!(%error, "a shadow decision could not be kept");
            }
        });
    }
}

/// What the challenger would have answered; nothing where the champion did not decide.
fn decide(
    challenger: Arc<Model>,
    inputs: Inputs,
    given: &Recommendation,
    settings: &RecommenderSettings,
) -> Option<ShadowDecision> {
    let champion = given.model_version.clone()?;
    let version = challenger.manifest().version.clone();
    let of_given = predict(&challenger, &inputs, &given.config, settings);
    let answer = pipeline::recommend(Inputs { model: Some(challenger), ..inputs }, settings).ok()?;
    Some(ShadowDecision {
        recommendation_id: given.recommendation_id,
        challenger: version,
        champion,
        action: answer.action,
        champion_action: given.action,
        same_config: answer.action == given.action && answer.config == given.config,
        predicted: answer.predicted,
        of_given,
        champion_of_given: if given.action == Action::RetryWithConfig { given.predicted } else { given.baseline },
    })
}

/// What a model expects of a configuration.
fn predict(
    model: &Model,
    inputs: &Inputs,
    config: &Configuration,
    settings: &RecommenderSettings,
) -> Option<Prediction> {
    let failed = MemoryModel::of(&inputs.request.config).ok()?;
    let facts = Facts::gather(&inputs.request, &failed, &inputs.attempts, &inputs.samples);
    let reference = pipeline::reference(&facts, &failed, &inputs.request.config);
    let predictor = Predictor::new(model, FeatureSpace::new(&facts, reference, settings.prices));
    predictor.predict(&[MemoryModel::of(config).ok()?]).ok()?.pop()
}

fn count(decision: &ShadowDecision) {
    let same = if decision.same_config { "true" } else { "false" };
    metrics::counter!("paramedic_shadow_decisions_total", "challenger_action" => decision.action.as_str(),
        "champion_action" => decision.champion_action.as_str(), "same_config" => same)
    .increment(1);
}

/// Sums up a challenger's decisions.
pub(crate) async fn report(store: &Store, challenger: &str) -> Result<ShadowReport, StoreError> {
    let mut sum = Sum::default();
    let mut cursor = None;
    loop {
        let page = store.shadow_decisions(challenger, PAGE, cursor.as_deref()).await?;
        page.items.iter().for_each(|(decision, status)| sum.add(decision, *status));
        cursor = page.next_cursor;
        if cursor.is_none() || sum.decisions as usize >= REPORT_MAX {
            return Ok(sum.report(challenger));
        }
    }
}

#[derive(Default)]
struct Sum {
    decisions: u64,
    same_config: u64,
    pairs: BTreeMap<(Action, Action), u64>,
    cost_logs: Vec<f64>,
    outcomes: u64,
    failed: u64,
    losses: (f64, f64),
}

impl Sum {
    fn add(&mut self, decision: &ShadowDecision, status: Option<AttemptStatus>) {
        self.decisions += 1;
        self.same_config += u64::from(decision.same_config);
        *self.pairs.entry((decision.champion_action, decision.action)).or_default() += 1;
        if let (Some(own), Some(given)) = (decision.predicted, decision.of_given)
            && own.cost_usd > 0.0
            && given.cost_usd > 0.0
        {
            self.cost_logs.push((own.cost_usd / given.cost_usd).ln());
        }
        if let (Some(status), Some(own), Some(champion)) = (status, decision.of_given, decision.champion_of_given) {
            let failed = status == AttemptStatus::Failed;
            self.outcomes += 1;
            self.failed += u64::from(failed);
            self.losses.0 += log_loss(own.failure_probability, failed);
            self.losses.1 += log_loss(champion.failure_probability, failed);
        }
    }

    fn report(self, challenger: &str) -> ShadowReport {
        let mean = |sum: f64| (self.outcomes > 0).then(|| sum / self.outcomes as f64);
        let logs = &self.cost_logs;
        ShadowReport {
            challenger: Some(challenger.to_owned()),
            decisions: self.decisions,
            same_action: self.pairs.iter().filter(|((a, b), _)| a == b).map(|(_, number)| number).sum(),
            same_config: self.same_config,
            cost_ratio: (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp()),
            outcomes: self.outcomes,
            failed: self.failed,
            log_loss: mean(self.losses.0),
            champion_log_loss: mean(self.losses.1),
            actions: self
                .pairs
                .into_iter()
                .map(|((champion, challenger), decisions)| ActionPair { champion, challenger, decisions })
                .collect(),
        }
    }
}

fn log_loss(probability: f64, failed: bool) -> f64 {
    let p = probability.clamp(1e-6, 1.0 - 1e-6);
    if failed { -p.ln() } else { -(1.0 - p).ln() }
}
