//! Failures from a folder of logs: a file is a failure, a folder in it is one with several logs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use paramedic_rules::Circumstances;

use super::Case;
use crate::{commands::logs, exit::CommandError};

/// Most logs of one failure, and how deep they may lie.
const LOGS_MAX: usize = 512;
const DEPTH_MAX: usize = 4;

/// A failure whose logs are not read yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    id: String,
    files: Vec<PathBuf>,
}

/// The failures of a folder in the order of their names, at most `limit`.
pub(super) fn failures(folder: &Path, limit: u64) -> Result<Vec<Failure>, CommandError> {
    let mut failures = Vec::new();
    for path in entries(folder)? {
        let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = Vec::new();
        collect(&path, 0, &mut files)?;
        if !files.is_empty() {
            failures.push(Failure { id, files });
        }
        if failures.len() as u64 >= limit {
            break;
        }
    }
    if failures.is_empty() {
        return Err(CommandError::Usage(format!("--logs {}: there is no log in it", folder.display())));
    }
    Ok(failures)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = read.with_context(|| format!("--logs {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    if path.is_file() && files.len() < LOGS_MAX {
        files.push(path.to_owned());
    } else if path.is_dir() && depth < DEPTH_MAX {
        for inner in entries(path)? {
            collect(&inner, depth + 1, files)?;
        }
    }
    Ok(())
}

impl Failure {
    /// With its logs, each of the kind that its name suggests.
    pub(super) fn case(&self) -> Result<Case, CommandError> {
        let files: Vec<_> = self.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        Ok(Case {
            id: self.id.clone(),
            logs: logs::read(&files, None)?,
            circumstances: Circumstances::default(),
            cost_usd: None,
            before: None,
        })
    }
}
