//! How the agent is set up.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::verdict::VerdictSettings;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct HostAgentConfig {
    /// The name under which samples are posted.
    pub host: String,
    /// What is measured.
    pub measuring: MeasuringConfig,
    /// Where Prometheus and `paramedic top` ask; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// Where samples go.
    pub posting: PostingConfig,
}

/// What is measured, and how much of it.
#[derive(Clone, Debug)]
pub struct MeasuringConfig {
    /// Length of a period, in seconds: 1 to 300. The default is 10.
    pub period_s: u64,
    /// Share of one core that walks over processes' mappings may take: 0 to 0.5. The default is 0.002.
    pub memory_share_max: f64,
    /// Most processes that are looked at. The default is 4,096; each has a file open.
    pub processes_max: usize,
    /// Load the eBPF programs. The default is true.
    pub bpf: bool,
    /// For one second a minute, count what the programs cost. The default is true; needs `CAP_SYS_ADMIN`.
    pub cost: bool,
    /// Most workloads with series of their own in `/metrics`; the others are summed up as one. The default is 200.
    pub series_max: usize,
    /// Where the lines of a verdict are drawn.
    pub verdict: VerdictSettings,
}

impl Default for MeasuringConfig {
    fn default() -> Self {
        Self {
            period_s: 10,
            memory_share_max: 0.002,
            processes_max: 4_096,
            bpf: true,
            cost: true,
            series_max: 200,
            verdict: VerdictSettings::default(),
        }
    }
}

impl MeasuringConfig {
    /// The period as a duration.
    pub fn period(&self) -> Duration {
        Duration::from_secs(self.period_s)
    }
}

/// Where samples go, and what happens while nobody takes them.
#[derive(Clone, Debug)]
pub struct PostingConfig {
    /// The recommender, `http://host:port`; `None`: samples stay here.
    pub server: Option<String>,
    /// The agent's token.
    pub token: Option<String>,
    /// Certificate authorities (PEM) that are trusted in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Most samples in one request. The default is 1,000.
    pub batch_max: usize,
    /// Most samples that are kept while the recommender is away; the oldest go first. The default is 20,000: an hour of
    /// 50 executors, some 8 MB.
    pub kept_max: usize,
}

impl Default for PostingConfig {
    fn default() -> Self {
        Self { server: None, token: None, ca_file: None, batch_max: 1_000, kept_max: 20_000 }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {problem}")]
pub struct ConfigError {
    /// The setting.
    pub field: &'static str,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl HostAgentConfig {
    /// Checks what one setting alone, and what they together, must hold.
    pub fn check(&self) -> Result<(), ConfigError> {
        let measuring = &self.measuring;
        within("period", measuring.period_s as f64, 1.0, 300.0)?;
        within("memory-share", measuring.memory_share_max, 0.0, 0.5)?;
        within("processes-max", measuring.processes_max as f64, 64.0, 65_536.0)?;
        within("series-max", measuring.series_max as f64, 1.0, 10_000.0)?;
        within("batch-max", self.posting.batch_max as f64, 1.0, 10_000.0)?;
        within("kept-max", self.posting.kept_max as f64, self.posting.batch_max as f64, 1e6)?;
        if self.host.is_empty() || self.host.len() > 200 {
            return Err(ConfigError { field: "host", problem: "give a name of 1 to 200 characters".to_owned() });
        }
        Ok(())
    }
}

fn within(field: &'static str, value: f64, least: f64, most: f64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError { field, problem: format!("{value} is out of range: give {least} to {most}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_range_is_named() {
        let mut config = HostAgentConfig {
            host: "node1".to_owned(),
            measuring: MeasuringConfig::default(),
            listen: None,
            posting: PostingConfig::default(),
        };
        assert_eq!(config.check(), Ok(()));
        config.measuring.memory_share_max = 0.7;
        assert_eq!(config.check().unwrap_err().to_string(), "memory-share: 0.7 is out of range: give 0 to 0.5");
    }
}
