//! What is read of the API server's answers: core/v1 `PodList` and `EventList`.

use std::collections::BTreeMap;

use paramedic_domain::{ContainerEnd, ContainerRole};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Pods {
    pub(super) items: Vec<Pod>,
}

#[derive(Deserialize)]
pub(super) struct Pod {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    containers: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    phase: String,
    reason: Option<String>,
    message: Option<String>,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    init_container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(default)]
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(default)]
    state: State,
    #[serde(default)]
    last_state: State,
}

#[derive(Default, Deserialize)]
struct State {
    running: Option<serde::de::IgnoredAny>,
    terminated: Option<Terminated>,
    waiting: Option<Waiting>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    reason: Option<String>,
    message: Option<String>,
    #[serde(default)]
    exit_code: i32,
}

#[derive(Deserialize)]
struct Waiting {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
pub(super) struct Events {
    #[serde(default)]
    pub(super) items: Vec<Event>,
}

#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

impl Event {
    pub(super) fn said(&self) -> String {
        format!("{} {} {}", self.kind, self.reason, self.message)
    }
}

impl Pod {
    pub(super) fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(super) fn role(&self) -> ContainerRole {
        match self.metadata.labels.get("spark-role").map(String::as_str) {
            Some("driver") => ContainerRole::Driver,
            _ => ContainerRole::Executor,
        }
    }

    /// Beside it stand sidecars that the platform injects. A pod template may name it otherwise; Spark's is the first then.
    pub(super) fn spark_container(&self) -> &str {
        let mut containers = self.spec.containers.iter().map(|container| container.name.as_str());
        let by_name = containers.clone().find(|name| name.starts_with("spark-kubernetes-"));
        by_name.or_else(|| containers.next()).unwrap_or_default()
    }

    fn spark_status(&self) -> Option<&ContainerStatus> {
        let name = self.spark_container();
        self.status.container_statuses.iter().find(|status| status.name == name)
    }

    pub(super) fn failed(&self) -> bool {
        self.status.phase == "Failed" || self.ends().next().is_some()
    }

    /// It has a log.
    pub(super) fn started(&self) -> bool {
        self.spark_status().is_some_and(|status| status.state.running.is_some() || status.state.terminated.is_some())
    }

    /// The container before this one has a log.
    pub(super) fn restarted(&self) -> bool {
        self.spark_status().is_some_and(|status| status.last_state.terminated.is_some())
    }

    fn statuses(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.status.init_container_statuses.iter().chain(&self.status.container_statuses)
    }

    /// How its containers failed, this time and before a restart; or the pod, where they had no say in it.
    pub(super) fn ends(&self) -> impl Iterator<Item = ContainerEnd> {
        let executor_id = self.metadata.labels.get("spark-exec-id").cloned();
        let end = move |role, reason: Option<&String>, exit_code| ContainerEnd {
            role,
            executor_id: executor_id.clone(),
            reason: reason.cloned(),
            exit_code,
        };
        let of_pod = self.status.reason.as_ref().map(|reason| end(self.role(), Some(reason), None));
        let of_containers = self.statuses().flat_map(move |status| {
            let role = if status.name == self.spark_container() { self.role() } else { ContainerRole::Other };
            let failed = status.terminated().filter(|ended| ended.exit_code != 0);
            let end = end.clone();
            failed.map(move |ended| end(role, ended.reason.as_ref(), Some(ended.exit_code)))
        });
        of_pod.into_iter().chain(of_containers)
    }

    /// As Spark's driver prints the state of containers.
    pub(super) fn said(&self) -> String {
        let Status { phase, reason, message, .. } = &self.status;
        let mut said = format!("pod {} phase: {phase}", self.name());
        if let Some(reason) = reason {
            said += &format!("\n\t reason: {reason}\n\t message: {}", message.as_deref().unwrap_or_default());
        }
        for Condition { reason, message, .. } in self.status.conditions.iter().filter(|unmet| unmet.status == "False") {
            if !message.is_empty() {
                said += &format!("\n\t condition: {reason} {message}");
            }
        }
        self.statuses().for_each(|status| said += &status.said());
        said
    }
}

impl ContainerStatus {
    /// Its ends, the earlier first.
    fn terminated(&self) -> impl Iterator<Item = &Terminated> {
        [&self.last_state.terminated, &self.state.terminated].into_iter().flatten()
    }

    fn said(&self) -> String {
        let name = &self.name;
        let ends = self.terminated().map(|Terminated { reason, message, exit_code }| {
            format!(
                "\n\t container name: {name}\n\t container state: terminated\n\t exit code: {exit_code}\n\t \
                 termination reason: {}\n\t termination message: {}",
                reason.as_deref().unwrap_or("Unknown"),
                message.as_deref().unwrap_or("none"),
            )
        });
        let waiting = self.state.waiting.iter().map(|Waiting { reason, message }| {
            format!("\n\t container name: {name}\n\t container state: waiting\n\t pending reason: {reason} {message}")
        });
        ends.chain(waiting).collect()
    }
}
