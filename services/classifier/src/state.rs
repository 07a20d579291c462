//! What every request shares.

use std::sync::{Arc, Mutex};

use paramedic_domain::{Clock, Timestamp};
use paramedic_service::{ApiError, Client, ProblemKind, Readiness, Timeouts};
use paramedic_spark::PriceTable;
use paramedic_store::Store;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    collect::Collector,
    config::{ClassifierConfig, DecisionConfig, KeepConfig},
    error::ClassifierError,
    in_progress::InProgress,
    inbox::Rematched,
    rule_book::RuleBook,
};

/// The running classifier. Cheap to clone.
#[derive(Clone)]
pub struct Classifier {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) rules: Arc<RuleBook>,
    pub(crate) collector: Arc<Collector>,
    pub(crate) recommender: Client,
    pub(crate) configsvc: Client,
    pub(crate) bounds: Arc<DecisionConfig>,
    pub(crate) prices: PriceTable,
    /// Reports worked on at once.
    pub(crate) slots: Arc<Semaphore>,
    /// Reports taken in: worked on, or waiting.
    pub(crate) admitted: Arc<Semaphore>,
    pub(crate) in_progress: Arc<InProgress>,
    pub(crate) keep_bounds: KeepConfig,
    pub(crate) rematches: Arc<Rematched>,
    /// When what is too old was deleted last.
    pub(crate) swept_at: Arc<Mutex<Option<Timestamp>>>,
}

impl Classifier {
    /// Reads the rules, watches them and makes the clients. The other services need not run. Call it within a runtime.
    pub fn start(config: &ClassifierConfig, store: Store, clock: Clock) -> Result<Self, ClassifierError> {
        let peers = &config.peers;
        let client = |setting, url: &str, total| {
            let timeouts = Timeouts { connect: peers.connect_timeout, total };
            Client::trusting(url, peers.token.as_deref(), timeouts, peers.ca_file.as_deref())
                .map_err(|source| ClassifierError::Peer { setting, source })
        };
        let rules = Arc::new(RuleBook::open(&config.rules_dir)?);
        RuleBook::watch(&rules);
        Ok(Self {
            store,
            clock,
            rules,
            collector: Arc::new(Collector::new(config.collect.clone())?),
            recommender: client("recommender_url", &peers.recommender_url, peers.recommender_timeout)?,
            configsvc: client("configsvc_url", &peers.configsvc_url, peers.configsvc_timeout)?,
            bounds: Arc::new(config.decision.clone()),
            prices: config.prices,
            slots: Arc::new(Semaphore::new(config.decision.reports_max)),
            admitted: Arc::new(Semaphore::new(config.decision.reports_max + config.decision.reports_waiting_max)),
            in_progress: Arc::default(),
            keep_bounds: config.keep,
            rematches: Arc::default(),
            swept_at: Arc::default(),
        })
    }

    /// Takes a report in, or refuses it where too many wait already.
    pub(crate) fn admit(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.admitted.try_acquire().map_err(|_| {
            ApiError::new(ProblemKind::Overloaded, "too many reports wait to be worked on; send it again later")
        })
    }

    /// Ready when the store answers; rule files that are wrong are a warning. (The recommender and the configuration service are not needed to answer.)
    pub fn readiness(&self) -> Readiness {
        let (store, rules) = (self.store.clone(), self.rules.clone());
        Readiness::check(move || {
            let store = store.clone();
            async move { store.ping().await.map_err(|_| "the store does not answer".to_owned()) }
        })
        .warning(move || rules.fault())
    }
}
