//! What the report does not bring, from the layers of the cluster that ran the application.

use paramedic_cluster::{Asked, Findings, Missed, Part};
use paramedic_domain::{Configuration, ContainerEnd, FailureReport, LogKind};
use paramedic_rules::LogText;
use tokio::time::Instant;

use super::{Collector, application, keep, line};
use crate::degraded::Degraded;

impl Collector {
    /// What to ask for: the kinds of logs that the report does not bring. `None` where no layer would know.
    pub(super) fn asked(&self, report: &FailureReport) -> Option<Asked> {
        let application_id = report.application_id.clone().or_else(|| application::id_in(&report.logs))?;
        if self.cluster.layers_of(&application_id).is_empty() {
            return None;
        }
        let sent = |kind: &LogKind| report.logs.iter().any(|log| log.log == *kind);
        Some(Asked {
            application_id,
            driver_in_cluster: driver_in_cluster(&report.config),
            namespace: report.config.get("spark.kubernetes.namespace").map(ToString::to_string),
            wanted: LogKind::ALL.into_iter().filter(|kind| !sent(kind)).collect(),
        })
    }

    /// The logs that the layers have, and how containers ended. What a layer does not give is named in `degraded`, with
    /// what mends it.
    pub(super) async fn ask_layers(
        &self,
        asked: Option<Asked>,
        deadline: Instant,
        degraded: &mut Degraded,
    ) -> (Vec<LogText>, Vec<ContainerEnd>) {
        let (mut logs, mut containers) = (Vec::new(), Vec::new());
        let Some(asked) = asked else { return (logs, containers) };
        for found in self.cluster.find(&asked, deadline).await {
            let Findings { layer, logs: of_layer, containers: ends, missed } = found;
            containers.extend(ends);
            for found in of_layer {
                let text = line::for_rules(found.text, self.config.line_bytes_max).await;
                logs.extend(keep(found.log, found.name, text, degraded));
            }
            for Missed { part, error } in missed {
                let what = if part == Part::Whole { "layer_unavailable" } else { "layer_incomplete" };
                degraded.add_because(&format!("{what}:{layer}: {}", error.mend(layer)), &error);
            }
        }
        (logs, containers)
    }
}

/// In client mode, which is the default, YARN's application master only starts executors.
fn driver_in_cluster(config: &Configuration) -> bool {
    config.get("spark.submit.deployMode").is_some_and(|mode| mode == "cluster")
}
