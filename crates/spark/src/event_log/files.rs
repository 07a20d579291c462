//! Event logs as files: plain, compressed, rolling.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use paramedic_compression::{UnpackLimits, Unpacked};
use paramedic_domain::EventLogSummary;

use super::{EventLogError, EventLogLimits, read_into, summary::Summarizer};

/// Bytes read from a file at once.
const BUFFER_BYTES: usize = 256 << 10;
/// Most files of one rolling log: at Spark's 128 MiB a file, over a TiB.
const ROLLING_FILES_MAX: usize = 10_000;

/// Reads a log: a file, also `.inprogress` or compressed (zstd, lz4, snappy, gzip), or a rolling log's folder.
pub fn read_path(path: &Path, limits: &EventLogLimits) -> Result<EventLogSummary, EventLogError> {
    let files = if path.is_dir() { rolling_files(path)? } else { vec![path.to_owned()] };
    let mut summarizer = Summarizer::new(*limits);
    for file in files {
        if !read_into(open(&file, limits)?, limits, &mut summarizer)? {
            break;
        }
    }
    summarizer.finish()
}

/// Ending of a file that the history server made of all files up to its number.
const COMPACTED: &str = ".compact";

/// The files of a rolling log, `events_<number>_<application>[.<codec>][.compact]`, in order. Files that a compacted one
/// stands for are left out, where they are still there.
fn rolling_files(dir: &Path) -> Result<Vec<PathBuf>, EventLogError> {
    let mut files: Vec<(u64, bool, PathBuf)> = std::fs::read_dir(dir)?
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix("events_")?.split('_').next()?.parse().ok()?;
            Some((number, name.ends_with(COMPACTED), entry.path()))
        })
        .take(ROLLING_FILES_MAX)
        .collect();
    files.sort();
    let first = files.iter().rposition(|(_, compacted, _)| *compacted).unwrap_or(0);
    Ok(files.into_iter().skip(first).map(|(_, _, path)| path).collect())
}

/// Opens a file, unpacked where it is compressed, whatever its name.
fn open(path: &Path, limits: &EventLogLimits) -> Result<Box<dyn BufRead>, EventLogError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // The bytes that are read in all are bounded by the reader of events.
    let unpack = UnpackLimits { bytes_max: limits.total_bytes_max, ..UnpackLimits::default() };
    let reader = Unpacked::new(File::open(path)?, unpack)?;
    let codec = name.strip_suffix(".inprogress").unwrap_or(&name);
    let codec = codec.strip_suffix(COMPACTED).unwrap_or(codec).rsplit_once('.').map(|(_, codec)| codec);
    if reader.codec().is_none() && codec == Some("lzf") {
        return Err(EventLogError::Compression(name));
    }
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, reader)))
}
