//! Kubernetes: the application's pods by their label, how their containers ended, what was said of them, and their logs.
//!
//! The service account needs `get` and `list` on `pods`, `get` on `pods/log` and, for what is said of them, `list` on
//! `events`, in each namespace.

mod api;
mod config;

use std::cmp::Reverse;

use paramedic_domain::{ContainerRole, LogKind};
use paramedic_fetch::{CutText, HostPattern, Hosts, HttpBounds, HttpSource};
use paramedic_service::Timeouts;
use url::Url;

use crate::{
    ClusterError, Findings, Part, SettingError,
    ask::{Asking, below},
};
use api::{Events, Pod, Pods};
use config::ApiServer;

pub use config::KubernetesConfig;

/// Pods that are listed of a namespace; each is some 10 KB.
const PODS_MAX: &str = "1000";
/// Lines of a container's log, from its end. `limitBytes` alone would keep the start.
const TAIL_LINES: &str = "50000";
/// The API server stops there; what a kubelet keeps of a log before it rotates is 10 MiB.
const LIMIT_BYTES: &str = "33554432";
/// Failed pods whose events are asked for.
const EVENTS_PODS_MAX: usize = 16;

/// The API server and its client.
pub(crate) struct Kubernetes {
    server: ApiServer,
    http: HttpSource,
}

impl Kubernetes {
    pub(crate) fn new(config: KubernetesConfig, timeouts: Timeouts) -> Result<Self, SettingError> {
        let setting = |detail: String| SettingError { setting: "--kubernetes-api-url", detail };
        let server = config.settle()?;
        let host = HostPattern::of(&server.url);
        let host = host.ok_or_else(|| setting("it is no `https://HOST:PORT`".to_owned()))?;
        // No redirect: the token is the API server's only.
        let bounds = HttpBounds { timeouts, redirects_max: 0 };
        let http = HttpSource::new(Hosts::new(&[host]), bounds, &server.authorities()?);
        Ok(Self { http: http.map_err(|error| setting(error.to_string()))?, server })
    }

    /// What the job's namespace has of the application or, where the job names none, what all allowed ones have.
    pub(crate) async fn find(&self, asking: Asking<'_>, found: &mut Findings) {
        let namespaces = self.server.allowed(asking.asked.namespace.as_deref());
        let Some(namespaces) = found.or_miss(Part::Whole, namespaces) else { return };
        let Some(authorization) = found.or_miss(Part::Whole, self.server.authorization().await) else { return };
        let asking = Asking { http: &self.http, authorization, ..asking };
        let selector = format!("spark-app-selector={}", asking.asked.application_id);
        let lists = namespaces.iter().map(|namespace| {
            let url = self.url(namespace, &["pods"], &[("labelSelector", &selector), ("limit", PODS_MAX)]);
            let asking = &asking;
            async move { asking.json::<Pods>(&url).await }
        });
        let mut pods = Vec::new();
        for (namespace, list) in namespaces.iter().zip(asking.each(lists).await) {
            let part = if namespaces.len() == 1 { Part::Whole } else { Part::Some };
            let list = found.or_miss(part, list).map(|pods| pods.items).unwrap_or_default();
            pods.extend(list.into_iter().map(|pod| (*namespace, pod)));
        }
        if pods.is_empty() && found.missed.is_empty() {
            found.or_miss::<()>(Part::Whole, Err(ClusterError::Unknown));
        }
        pods.sort_by_key(|(_, pod)| Reverse((pod.role() == ContainerRole::Driver, pod.failed())));
        pods.truncate(asking.config.executors_max + 1);
        found.add_ends(pods.iter().flat_map(|(_, pod)| pod.ends()));
        let (said, ()) = tokio::join!(self.said(&asking, &pods), self.logs(&asking, &pods, found));
        if asking.asked.wants(LogKind::Orchestrator) {
            found.add_said(LogKind::Orchestrator, "kubernetes", &said);
        }
    }

    fn url(&self, namespace: &str, segments: &[&str], query: &[(&str, &str)]) -> Url {
        below(&self.server.url, &[&["api", "v1", "namespaces", namespace], segments].concat(), query)
    }

    /// The pods' state and their events, as text. Events are a bonus that the account may not be granted.
    async fn said(&self, asking: &Asking<'_>, pods: &[(&str, Pod)]) -> Vec<String> {
        let failed = pods.iter().filter(|(_, pod)| pod.failed()).take(EVENTS_PODS_MAX);
        let lists = failed.map(|(namespace, pod)| {
            let selector = format!("involvedObject.name={}", pod.name());
            let url = self.url(namespace, &["events"], &[("fieldSelector", &selector), ("limit", "100")]);
            async move { asking.json::<Events>(&url).await }
        });
        let mut said: Vec<_> = pods.iter().map(|(_, pod)| pod.said()).collect();
        for events in asking.each(lists).await {
            match events {
                Ok(events) => said.extend(events.items.iter().map(api::Event::said)),
                Err(error) => tracing::debug!(%error, "goes on without the events of a pod"),
            }
        }
        said
    }

    /// Of each pod's Spark container, the log and, where it was restarted, that of the container before.
    async fn logs(&self, asking: &Asking<'_>, pods: &[(&str, Pod)], found: &mut Findings) {
        let wanted = pods.iter().filter(|(_, pod)| asking.asked.wants(kind_of(pod.role())));
        let logs = wanted.flat_map(|(namespace, pod)| {
            let runs = [(pod.restarted(), true), (pod.started(), false)].into_iter();
            runs.filter_map(move |(has, previous)| has.then_some((*namespace, pod, previous)))
        });
        let logs: Vec<_> = logs.collect();
        let bytes_max = asking.bytes_of_one(logs.len());
        let fetching = logs.iter().map(|(namespace, pod, previous)| {
            let mut query = vec![("container", pod.spark_container()), ("tailLines", TAIL_LINES)];
            query.push(("limitBytes", LIMIT_BYTES));
            query.extend(previous.then_some(("previous", "true")));
            let url = self.url(namespace, &["pods", pod.name(), "log"], &query);
            async move { asking.log(&url, bytes_max).await }
        });
        for ((_, pod, previous), fetched) in logs.iter().zip(asking.each(fetching).await) {
            let Some(text) = found.or_miss(Part::Some, fetched) else { continue };
            let name = format!("pod {}{}", pod.name(), if *previous { " before its restart" } else { "" });
            found.add_log(kind_of(pod.role()), name, uncut(text));
        }
    }
}

/// A log that has as many lines as were asked for may have had more.
fn uncut(text: CutText) -> CutText {
    let whole = text.whole && text.text.lines().count().to_string() != TAIL_LINES;
    CutText { whole, ..text }
}

/// Both streams come as one.
fn kind_of(role: ContainerRole) -> LogKind {
    if role == ContainerRole::Driver { LogKind::DriverStderr } else { LogKind::ExecutorStderr }
}
