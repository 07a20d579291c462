//! Who the job is, where its caller did not say.

use std::{collections::BTreeMap, path::Path};

use paramedic_domain::{Job, Timestamp, validation::NAME_BYTES_MAX};

/// What the caller said of the job's name.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenNames {
    /// See [`Job::scheduler`].
    pub(crate) scheduler: Option<String>,
    /// See [`Job::cluster`].
    pub(crate) cluster: Option<String>,
    /// See [`Job::workflow`].
    pub(crate) workflow: Option<String>,
    /// See [`Job::job`].
    pub(crate) job: Option<String>,
    /// See [`Job::run`].
    pub(crate) run: Option<String>,
    /// See [`Job::labels`].
    pub(crate) labels: BTreeMap<String, String>,
}

/// The job's first attempt: as given, else after its application; a run of its own, else.
pub(crate) fn job(given: GivenNames, application: &str, user: Option<String>, now: Timestamp, pid: u32) -> Job {
    let application = as_name(application);
    let run = given.run.unwrap_or_else(|| format!("{}-{pid}", now.to_string().replace(':', "-")));
    Job {
        scheduler: given.scheduler.unwrap_or_else(|| "spark-submit".to_owned()),
        cluster: given.cluster,
        workflow: given.workflow.unwrap_or_else(|| application.clone()),
        job: given.job.unwrap_or(application),
        run,
        attempt: 1,
        user: user.map(|user| as_name(&user)).filter(|user| !user.is_empty()),
        labels: given.labels,
    }
}

/// The application's name: the configured one, else the script's or jar's without directory and ending.
pub(crate) fn application_name(configured: Option<&str>, resource: Option<&str>, program: &str) -> String {
    let stem = |path: &str| Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    configured
        .map(str::to_owned)
        .or_else(|| resource.and_then(stem))
        .or_else(|| stem(program))
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| "application".to_owned())
}

/// A text cut and cleaned until it is a valid name.
fn as_name(text: &str) -> String {
    let cleaned: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = (0..=NAME_BYTES_MAX.min(cleaned.len())).rev().find(|end| cleaned.is_char_boundary(*end)).unwrap_or(0);
    cleaned[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use paramedic_domain::Validate as _;

    use super::*;

    fn at_noon() -> Timestamp {
        "2026-01-31T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn names_default_to_the_applications_and_the_run_to_time_and_process() {
        let job = job(GivenNames::default(), "orders", Some("ada".into()), at_noon(), 42);
        assert_eq!(
            (job.scheduler.as_str(), job.workflow.as_str(), job.job.as_str()),
            ("spark-submit", "orders", "orders")
        );
        assert_eq!((job.run.as_str(), job.attempt), ("2026-01-31T12-00-00Z-42", 1));
        assert_eq!(job.user.as_deref(), Some("ada"));
    }

    #[test]
    fn what_is_given_wins() {
        let given = GivenNames { workflow: Some("daily".into()), run: Some("r1".into()), ..GivenNames::default() };
        let job = job(given, "orders", None, at_noon(), 42);
        assert_eq!((job.workflow.as_str(), job.job.as_str(), job.run.as_str()), ("daily", "orders", "r1"));
    }

    #[test]
    fn the_application_is_named_by_its_configuration_its_script_or_the_program() {
        assert_eq!(application_name(Some("Sales"), Some("/jobs/sales.py"), "spark-submit"), "Sales");
        assert_eq!(application_name(None, Some("s3a://bucket/jobs/sales.py"), "spark-submit"), "sales");
        assert_eq!(application_name(None, None, "/opt/run.sh"), "run");
        assert_eq!(application_name(Some(" "), None, "x"), "application");
    }

    #[test]
    fn any_application_name_makes_a_valid_job() {
        for name in ["two\nlines", &"ü".repeat(400), "it's; \"quoted\""] {
            assert_eq!(job(GivenNames::default(), name, None, at_noon(), 1).violations(), [], "{name}");
        }
    }
}
