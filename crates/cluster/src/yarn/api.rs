//! What is read of YARN's answers: the resource manager's, the timeline server's, and the frame around a log.

use paramedic_fetch::CutText;
use serde::Deserialize;
use url::Url;

use crate::ClusterError;

/// YARN's own exit statuses of containers that failed at nothing: they ended well, have not ended, were stopped by the
/// application master, or with the application.
const FINE: [i32; 4] = [0, -1000, -105, -107];
/// Status and diagnostics of a container that the application gave back. The status alone may also be a lost node's.
const RELEASED: (i32, &str) = (-100, "released by application");

#[derive(Deserialize)]
pub(super) struct AppAnswer {
    pub(super) app: App,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct App {
    #[serde(default)]
    state: String,
    #[serde(default)]
    final_status: String,
    #[serde(default)]
    diagnostics: String,
}

impl App {
    pub(super) fn said(&self, id: &str) -> String {
        format!("{id} state: {}, final status: {}, diagnostics: {}", self.state, self.final_status, self.diagnostics)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptsAnswer {
    app_attempts: Option<Attempts>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attempts {
    #[serde(default)]
    app_attempt: Vec<RawAttempt>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAttempt {
    id: u32,
    app_attempt_id: Option<String>,
    container_id: Option<String>,
    node_http_address: Option<String>,
}

/// An attempt, with its id: `appattempt_1700000000000_0042_000001`.
pub(super) struct Attempt {
    pub(super) id: String,
    container_id: Option<String>,
    node_http_address: Option<String>,
}

impl AttemptsAnswer {
    /// The attempts, the first one first.
    pub(super) fn of_application(self, application_id: &str) -> Vec<Attempt> {
        let application = application_id.trim_start_matches("application_");
        let mut attempts = self.app_attempts.unwrap_or_default().app_attempt;
        attempts.sort_by_key(|attempt| attempt.id);
        let whole = |attempt: RawAttempt| Attempt {
            // Hadoop before 2.8 left the whole id out.
            id: attempt
                .app_attempt_id
                .filter(|id| id.starts_with("appattempt_"))
                .unwrap_or_else(|| format!("appattempt_{application}_{:06}", attempt.id)),
            container_id: attempt.container_id.filter(|id| id.starts_with("container_")),
            node_http_address: attempt.node_http_address,
        };
        attempts.into_iter().map(whole).collect()
    }
}

impl Attempt {
    /// The application master's container.
    pub(super) fn master(self) -> Option<Container> {
        let node_http_address = self.node_http_address;
        Some(Container { id: self.container_id?, node_http_address, exit_status: None, diagnostics_info: None })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptDetail {
    #[serde(default)]
    app_attempt_id: String,
    #[serde(default)]
    diagnostics_info: String,
}

impl AttemptDetail {
    pub(super) fn said(&self) -> Option<String> {
        let said = format!("{} diagnostics: {}", self.app_attempt_id, self.diagnostics_info);
        (!self.diagnostics_info.trim().is_empty()).then_some(said)
    }
}

/// `{"container": […]}`, which some servers wrap in `containers`, and which JAXB writes as one object where there is one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Containers {
    Many { container: Vec<Container> },
    One { container: Container },
    // Last: it takes an empty object too.
    Wrapped { containers: Option<Box<Containers>> },
}

impl Containers {
    pub(super) fn into_vec(self) -> Vec<Container> {
        match self {
            Self::Many { container } => container,
            Self::One { container } => vec![container],
            Self::Wrapped { containers } => containers.map(|containers| containers.into_vec()).unwrap_or_default(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    #[serde(rename = "containerId")]
    pub(super) id: String,
    node_http_address: Option<String>,
    #[serde(rename = "containerExitStatus")]
    pub(super) exit_status: Option<i32>,
    diagnostics_info: Option<String>,
}

impl Container {
    pub(super) fn failed_status(&self) -> Option<i32> {
        let why = self.diagnostics_info.as_deref().unwrap_or_default();
        let released = |status| status == RELEASED.0 && why.contains(RELEASED.1);
        self.exit_status.filter(|status| !FINE.contains(status) && !released(*status))
    }

    /// The first container of an attempt is the application master's.
    pub(super) fn is_master(&self) -> bool {
        self.id.ends_with("_000001")
    }

    /// As the application master logs it.
    pub(super) fn said(&self) -> Option<String> {
        let (id, status) = (&self.id, self.failed_status()?);
        let what = if self.is_master() { "AM Container for the attempt" } else { "Container marked as failed" };
        let why = self.diagnostics_info.as_deref().unwrap_or_default();
        Some(format!("{what}: {id}. Exit status: {status}. Diagnostics: {why}"))
    }

    /// The API of the node that ran it: `host:8042`, or a URL by the timeline server.
    pub(super) fn node(&self) -> Option<Result<Url, ClusterError>> {
        let address = self.node_http_address.as_deref().filter(|address| !address.is_empty())?;
        let address = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let node = Url::parse(&address).map_err(|error| ClusterError::Answer(format!("a node's address: {error}")));
        Some(node.map(|node| crate::ask::below(&node, &["ws", "v1", "node"], &[])))
    }
}

/// The log within YARN's frame: `LogLength:…`, `LogContents:`, the log, `End of LogType:…`.
pub(super) fn log_of(answer: CutText) -> CutText {
    let CutText { text, whole } = answer;
    let Some((frame, rest)) = text.split_once("LogContents:\n").filter(|(frame, _)| frame.len() < 4096) else {
        return CutText { text, whole };
    };
    let log = rest.rsplit_once("\nEnd of LogType:").map_or(rest, |(log, _)| log);
    let length = frame.lines().find_map(|line| line.strip_prefix("LogLength:")?.trim().parse::<usize>().ok());
    CutText { text: log.to_owned(), whole: whole && length.is_none_or(|length| length <= log.len() + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMED: &str = "Container: container_1_0001_01_000002 on w1_45454\nLogAggregationType: LOCAL\n=====\nLogType:stderr\n\
                          LogLastModifiedTime:Fri Nov 27 01:57:04 +0000 2026\nLogLength:12\nLogContents:\none\ntwo\nthree\n\
                          End of LogType:stderr.\n******\n\n";

    #[test]
    fn the_log_within_the_frame_is_taken_out() {
        let framed = |text: &str| log_of(CutText { text: text.to_owned(), whole: true });
        assert_eq!(framed(FRAMED), CutText { text: "one\ntwo\nthree".into(), whole: true });
        let of_longer = FRAMED.replace("LogLength:12", "LogLength:12345");
        assert_eq!(framed(&of_longer), CutText { text: "one\ntwo\nthree".into(), whole: false });
        assert_eq!(framed("no frame"), CutText { text: "no frame".into(), whole: true });
    }

    #[test]
    fn containers_are_read_in_each_of_their_forms() {
        let ids = |text: &str| {
            let containers: Containers = serde_json::from_str(text).unwrap();
            containers.into_vec().into_iter().map(|container| container.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(r#"{"container": [{"containerId": "c1"}, {"containerId": "c2"}]}"#), ["c1", "c2"]);
        assert_eq!(ids(r#"{"container": {"containerId": "c1"}}"#), ["c1"]);
        assert_eq!(ids(r#"{"containers": {"container": [{"containerId": "c1"}]}}"#), ["c1"]);
        assert_eq!(ids(r#"{"containers": null}"#), [""; 0]);
        assert_eq!(ids("{}"), [""; 0]);
    }

    #[test]
    fn containers_that_the_application_stopped_or_gave_back_did_not_fail() {
        let failed = |status: i32, why: &str| {
            let container = serde_json::json!({
                "containerId": "c", "containerExitStatus": status, "diagnosticsInfo": why,
            });
            serde_json::from_value::<Container>(container).unwrap().failed_status()
        };
        assert_eq!(failed(-105, "Container killed by the ApplicationMaster."), None);
        assert_eq!(failed(-100, "Container released by application"), None);
        assert_eq!(failed(-100, "Container released on a *lost* node"), Some(-100));
        assert_eq!(failed(52, ""), Some(52));
    }

    #[test]
    fn an_attempt_without_its_whole_id_gets_it() {
        let answer: AttemptsAnswer =
            serde_json::from_str(r#"{"appAttempts": {"appAttempt": [{"id": 2}, {"id": 1}]}}"#).unwrap();
        let attempts = answer.of_application("application_17_0005");
        assert_eq!(attempts[0].id, "appattempt_17_0005_000001");
    }
}
