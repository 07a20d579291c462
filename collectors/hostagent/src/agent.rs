//! The agent's loop: a period ends, is reported, and the next begins.

use std::{
    future::Future,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use paramedic_domain::Clock;
use paramedic_service::ClientError;
use tokio::{
    io::{Interest, unix::AsyncFd},
    net::TcpListener,
    sync::watch,
    task::JoinError,
};

use crate::{
    collector::Collector,
    config::{HostAgentConfig, PostingConfig},
    exposition::Series,
    http,
    outbox::Outbox,
    sample::samples,
    snapshot::Snapshot,
};

/// The kernel counts what the programs cost for a second of every minute.
const COST_EVERY: Duration = Duration::from_mins(1);
const COST_FOR: Duration = Duration::from_secs(1);
/// A kernel out-of-memory kill ends a period, but none that is shorter than this: the recommender is to know of it before the
/// job's failure is decided, and kills may come in numbers.
const KILL_PERIOD_MIN: Duration = Duration::from_secs(1);
/// What is still unsent at the end is tried once more, for so long.
const LAST_SEND: Duration = Duration::from_secs(3);

/// Why the agent ends otherwise than when it is told to.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The recommender's URL or token is none.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Measuring ended with a panic.
    #[error("measuring broke off: {0}")]
    Measuring(#[from] JoinError),
}

/// The agent, its programs loaded: from here on it needs less privilege.
#[derive(Debug)]
pub struct Agent {
    collector: Collector,
    posting: PostingConfig,
}

impl Agent {
    /// Loads the programs and begins the first period.
    pub fn start(config: HostAgentConfig) -> Self {
        Self { collector: Collector::start(config.host, config.measuring), posting: config.posting }
    }

    /// What this host has not, and why.
    pub fn does_without(&self) -> &[String] {
        self.collector.does_without()
    }
}

/// What the routes answer from.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) snapshot: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(crate) metrics: watch::Receiver<Arc<str>>,
    /// Until when somebody wants to know what the programs cost.
    pub(crate) cost_wanted: Arc<Mutex<Option<Instant>>>,
}

/// Measures, posts and answers until `shutdown` resolves; then sends what waits, and ends.
pub async fn serve(
    agent: Agent,
    listener: Option<TcpListener>,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), AgentError> {
    let outbox = Outbox::new(&agent.posting)?;
    let (snapshots, snapshot) = watch::channel(None);
    let (texts, metrics) = watch::channel(Arc::from(""));
    let cost_wanted = Arc::new(Mutex::new(None));
    let shown = Arc::new(Shown { snapshot, metrics, cost_wanted: cost_wanted.clone() });
    let (stop, stopped) = watch::channel(false);
    let answering = listener.map(|listener| tokio::spawn(http::serve(listener, shown, stopped.clone())));
    let series = Series::new(agent.collector.config().series_max);
    let kills = Kills::of(&agent.collector);
    let measuring = Measuring { outbox, series, snapshots, texts, cost_wanted, kills, clock };
    let measuring = tokio::spawn(measuring.run(agent.collector, stopped));
    shutdown.await;
    let _ = stop.send(true);
    measuring.await??;
    if let Some(answering) = answering {
        answering.await?;
    }
    Ok(())
}

struct Measuring {
    outbox: Outbox,
    series: Series,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    texts: watch::Sender<Arc<str>>,
    cost_wanted: Arc<Mutex<Option<Instant>>>,
    kills: Kills,
    clock: Clock,
}

/// Word of the kernel's out-of-memory kills.
struct Kills(Option<AsyncFd<OwnedFd>>);

impl Kills {
    fn of(collector: &Collector) -> Self {
        // SAFETY: the descriptor is owned, and stays open and the same for as long as it is watched.
        let watch = |notice| unsafe { AsyncFd::register_with_interest(notice, Interest::READABLE) };
        let watched = collector.kill_notice().map(watch).transpose();
        let watched = watched.inspect_err(|error| tracing::warn!(%error, "kills are told at a period's end"));
        Self(watched.ok().flatten())
    }

    /// Resolves with the next kill; never, where there is no word.
    async fn next(&self) {
        let Some(notice) = &self.0 else { return std::future::pending().await };
        match notice.readable().await {
            Ok(mut ready) => ready.clear_ready(),
            Err(_) => std::future::pending().await,
        }
    }
}

/// How a part of a period ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Time,
    Kill,
    Stop,
}

impl Measuring {
    async fn run(mut self, mut collector: Collector, mut stopped: watch::Receiver<bool>) -> Result<(), JoinError> {
        let period = collector.config().period();
        let counts_cost = collector.config().cost;
        let mut last_counted: Option<Instant> = None;
        loop {
            let due = counts_cost && last_counted.is_none_or(|last| last.elapsed() >= COST_EVERY);
            let counts = due || self.cost_is_wanted();
            let counting = if counts { COST_FOR.min(period) } else { Duration::ZERO };
            collector.count_cost(false);
            let began = Instant::now();
            let ended = self.wait(&mut stopped, period.saturating_sub(counting)).await;
            // The last second of the period, so that its snapshot has the figures.
            if counts && ended == Ended::Time {
                last_counted = Some(Instant::now());
                collector.count_cost(true);
            }
            let rest = match ended {
                Ended::Time => counting,
                Ended::Kill => KILL_PERIOD_MIN.min(period).saturating_sub(began.elapsed()),
                Ended::Stop => break,
            };
            if ends_within(&mut stopped, rest).await {
                break;
            }
            collector = self.period(collector).await?;
        }
        let _ = tokio::time::timeout(LAST_SEND, self.outbox.send(Duration::MAX)).await;
        Ok(())
    }

    /// Waits so long, or until the kernel kills a process for memory.
    async fn wait(&self, stopped: &mut watch::Receiver<bool>, time: Duration) -> Ended {
        tokio::select! {
            stops = ends_within(stopped, time) => if stops { Ended::Stop } else { Ended::Time },
            () = self.kills.next() => Ended::Kill,
        }
    }

    /// Ends a period. Looking at processes may take long on a busy host: it is nothing for the runtime's threads.
    async fn period(&mut self, collector: Collector) -> Result<Collector, JoinError> {
        let at = self.clock.now();
        let (collector, mut snapshot) = tokio::task::spawn_blocking(move || {
            let mut collector = collector;
            let snapshot = collector.collect(at);
            (collector, snapshot)
        })
        .await?;
        self.outbox.add(samples(&snapshot));
        self.outbox.send(Duration::from_secs_f64(snapshot.period_s.clamp(0.0, 3_600.0))).await;
        let counts = self.outbox.counts();
        snapshot.agent.samples_waiting = counts.waiting;
        snapshot.agent.samples_sent = counts.sent;
        snapshot.agent.samples_dropped = counts.dropped;
        self.series.add(&snapshot);
        self.texts.send_replace(self.series.render(&snapshot).into());
        self.snapshots.send_replace(Some(Arc::new(snapshot)));
        Ok(collector)
    }

    fn cost_is_wanted(&self) -> bool {
        let until = *self.cost_wanted.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| until > Instant::now())
    }
}

/// Waits so long; true when the agent is told to stop meanwhile.
async fn ends_within(stopped: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::time::timeout(time, stopped.wait_for(|stop| *stop)).await.is_ok()
}
