//! How decisions are given, on the command line.

use crate::config::DecisionConfig;

/// How decisions are given.
#[derive(Clone, Debug, clap::Args)]
pub struct DecisionArguments {
    /// Share of jobs, 0 to 1, that are held out as control: retried unchanged, whatever is decided, so that savings are
    /// measured (`paramedic savings`). Always the same jobs
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub control_share: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "give a number such as 0.1".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("give 0 to 1".to_owned()) }
}

impl DecisionArguments {
    /// Sets what was given.
    pub const fn apply(&self, config: &mut DecisionConfig) {
        config.control_share = self.control_share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_between_none_and_all() {
        assert_eq!(share("0.25"), Ok(0.25));
        assert!(share("1.1").is_err() && share("NaN").is_err() && share("ten").is_err());
    }
}
