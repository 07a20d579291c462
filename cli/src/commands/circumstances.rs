//! What is known of a failure beside its logs, as arguments.

use clap::Args;
use paramedic_domain::{Configuration, ContainerEnd, ContainerRole};
use paramedic_rules::Circumstances;

/// What is known of a failure beside its logs.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CircumstanceArguments {
    /// The driver's exit code
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    exit_code: Option<i32>,
    /// How a container ended, as executor:OOMKilled:137 or executor:-104; may be given again
    #[arg(long = "container", value_name = "ROLE[:REASON][:CODE]", value_parser = container)]
    containers: Vec<ContainerEnd>,
    /// A setting that the job ran with; may be given again
    #[arg(long = "conf", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

impl CircumstanceArguments {
    pub(crate) fn circumstances(&self) -> Circumstances {
        Circumstances::new(self.exit_code, &Configuration::from_iter(self.settings.clone()), &self.containers)
    }
}

fn container(text: &str) -> Result<ContainerEnd, String> {
    let mut parts = text.split(':');
    let role: ContainerRole = parts.next().unwrap_or_default().parse()?;
    let mut end = ContainerEnd { role, executor_id: None, reason: None, exit_code: None };
    for part in parts {
        match part.parse() {
            Ok(code) if end.exit_code.is_none() => end.exit_code = Some(code),
            Err(_) if end.reason.is_none() && !part.is_empty() => end.reason = Some(part.to_owned()),
            _ => return Err("give one reason and one exit code: executor:OOMKilled:137".to_owned()),
        }
    }
    if end.reason.is_none() && end.exit_code.is_none() {
        return Err("say how it ended: executor:OOMKilled:137".to_owned());
    }
    Ok(end)
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write spark.key=value")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_end_is_read_in_any_order() {
        for text in ["executor:OOMKilled:137", "executor:137:OOMKilled"] {
            let end = container(text).unwrap();
            assert_eq!(
                (end.role, end.reason.as_deref(), end.exit_code),
                (ContainerRole::Executor, Some("OOMKilled"), Some(137))
            );
        }
        assert_eq!(container("driver:-104").unwrap().exit_code, Some(-104));
        for wrong in ["", "executor", "worker:137", "executor:1:2", "executor:a:b", "executor::1"] {
            assert!(container(wrong).is_err(), "{wrong}");
        }
    }
}
