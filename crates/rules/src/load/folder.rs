//! The rule files of a folder, and the version that their contents have.

use std::{fmt::Write as _, fs, path::Path};

use sha2::{Digest, Sha256};

use crate::error::{RuleError, RuleErrors};

/// Largest rule file, in bytes. The packs that ship have under 100 KiB each.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Most rule files of a folder.
const FILES_MAX: usize = 1_000;

/// The rule files of a folder, in name order: name and text.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, RuleErrors> {
    let shown = folder.display().to_string();
    let failed = |error: std::io::Error| {
        whole_file(&shown, format!("cannot be read: {error}; give a folder that holds rule files (`*.yaml`)"))
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(whole_file(&shown, "holds no rule file (`*.yaml`)".to_owned()));
    }
    if paths.len() > FILES_MAX {
        return Err(whole_file(&shown, format!("holds {} rule files; at most {FILES_MAX} are read", paths.len())));
    }
    paths.iter().map(|path| read_file(path)).collect()
}

fn read_file(path: &Path) -> Result<(String, String), RuleErrors> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size > FILE_BYTES_MAX {
        return Err(whole_file(&name, format!("has {size} bytes; at most {FILE_BYTES_MAX} are read: split the file")));
    }
    match fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(whole_file(&name, format!("cannot be read: {error}"))),
    }
}

fn whole_file(file: &str, message: String) -> RuleErrors {
    RuleErrors(vec![RuleError { file: file.to_owned(), message, ..RuleError::default() }])
}

/// The first 16 hexadecimal digits of the contents' SHA-256.
pub(crate) fn version_of(sources: &[(String, String)]) -> String {
    let mut hash = Sha256::new();
    for (name, text) in sources {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
