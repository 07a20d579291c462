//! The application's id, as the driver's log tells it.

/// Texts that stand before the id: the standalone backend's, YARN's client's, and local mode's.
const LED_BY: [&str; 3] =
    ["Connected to Spark cluster with app ID ", "Submitted application ", "Starting executor with application ID "];

/// The first id that the driver's log names.
pub(crate) fn find(driver_log: &str) -> Option<String> {
    LED_BY
        .into_iter()
        .flat_map(|lead| driver_log.match_indices(lead).map(move |(at, _)| (at, at + lead.len())))
        .filter_map(|(at, end)| Some((at, id_at(driver_log.get(end..)?)?)))
        .min()
        .map(|(_, id)| id.to_owned())
}

/// The id at the start of a text. Ids begin like this on all cluster managers, so another sentence is not taken for one.
fn id_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).unwrap_or(text.len());
    let id = &text[..end];
    ["app-", "application_", "local-", "spark-"].iter().any(|lead| id.starts_with(lead)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cluster_managers_log_names_the_id() {
        for (log, id) in [
            (
                "INFO StandaloneSchedulerBackend: Connected to Spark cluster with app ID app-20260131120000-0000\nx",
                "app-20260131120000-0000",
            ),
            ("INFO Client: Submitted application application_1700000000000_0042", "application_1700000000000_0042"),
        ] {
            assert_eq!(find(log).as_deref(), Some(id));
        }
    }

    #[test]
    fn the_first_is_taken_and_other_sentences_are_none() {
        let two = "Submitted application application_1_2.\nConnected to Spark cluster with app ID app-1-0000";
        assert_eq!(find(two).as_deref(), Some("application_1_2"));
        assert_eq!(find("Submitted application for review; Connected to Spark cluster with app ID "), None);
    }
}
