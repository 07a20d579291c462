//! Failures from a file, a JSON object a line.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use paramedic_domain::{Configuration, ContainerEnd, LogKind};
use paramedic_rules::{Circumstances, LogText};
use serde::Deserialize;

use super::Case;
use crate::exit::CommandError;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A line. Fields that are not listed here are ignored.
#[derive(Deserialize)]
struct Line {
    id: String,
    log: LogKind,
    text: String,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    containers: Vec<ContainerEnd>,
    #[serde(default)]
    config: Configuration,
    #[serde(default)]
    cost_usd: Option<f64>,
}

/// The first `limit` failures of the file.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<Case>, CommandError> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("--corpus {shown} cannot be read"))?;
    let mut cases = Vec::new();
    for (index, line) in BufReader::new(file.take(FILE_BYTES_MAX)).lines().enumerate() {
        let line = line.with_context(|| format!("--corpus {shown} cannot be read"))?;
        if line.trim().is_empty() {
            continue;
        }
        if cases.len() as u64 >= limit {
            break;
        }
        let line: Line = serde_json::from_str(&line).map_err(|error| {
            CommandError::Usage(format!(
                "{shown}:{}: {error}; `paramedic rules backtest --help` shows a line",
                index + 1
            ))
        })?;
        cases.push(line.case());
    }
    Ok(cases)
}

impl Line {
    fn case(self) -> Case {
        Case {
            logs: vec![LogText { log: self.log, name: self.id.clone(), text: self.text }],
            id: self.id,
            circumstances: Circumstances::new(self.exit_code, &self.config, &self.containers),
            cost_usd: self.cost_usd,
            before: None,
        }
    }
}
