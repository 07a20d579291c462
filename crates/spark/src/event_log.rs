//! Spark event logs, 3.x and 4.x, read as a stream in bounded memory.
//!
//! A log is one JSON event a line. Lines of events that tell nothing here are passed over after a look at their name;
//! of the others only the fields in use are parsed. What `spark.eventLog.logStageExecutorMetrics` adds is used where it
//! is there.

mod event;
mod files;
mod stages;
mod summary;

use std::io::BufRead;

use paramedic_domain::EventLogSummary;

pub use files::read_path;
use summary::Summarizer;

/// What bounds the reading of one log.
#[derive(Clone, Copy, Debug)]
pub struct EventLogLimits {
    /// Longest line that is read, in bytes; longer ones are passed over. Plans of generated SQL reach some MiB.
    pub line_bytes_max: usize,
    /// Bytes that are read in all, after decompression; the rest is left, and the summary says `incomplete`.
    pub total_bytes_max: u64,
    /// Stages that are kept: failed ones first, then the largest.
    pub stages_max: usize,
    /// Distinct plan operators that are kept.
    pub operators_max: usize,
    /// Spark properties that are kept.
    pub properties_max: usize,
}

impl Default for EventLogLimits {
    fn default() -> Self {
        Self {
            line_bytes_max: 32 << 20,
            total_bytes_max: 8 << 30,
            stages_max: 64,
            operators_max: 256,
            properties_max: 2_048,
        }
    }
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventLogError {
    /// A file or stream cannot be read.
    #[error("the event log cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Not one line is an event.
    #[error("this is no Spark event log: none of its lines is a Spark event")]
    NoEvents,
    /// The compression is none that is read here.
    #[error("{0}: event logs are read plain, as .zstd or as .lz4; set spark.eventLog.compression.codec=zstd")]
    Compression(String),
}

/// Reads a log to its end, to the limits, or to where it was cut off.
pub fn read(reader: impl BufRead, limits: &EventLogLimits) -> Result<EventLogSummary, EventLogError> {
    let mut summarizer = Summarizer::new(*limits);
    read_into(reader, limits, &mut summarizer)?;
    summarizer.finish()
}

/// Feeds one file of a log. Returns `false` where the limit of bytes was reached.
fn read_into(
    mut reader: impl BufRead,
    limits: &EventLogLimits,
    summarizer: &mut Summarizer,
) -> Result<bool, EventLogError> {
    let mut line = Vec::new();
    loop {
        let read = match next_line(&mut reader, &mut line, limits.line_bytes_max) {
            Ok(read) => read,
            // A compressed log that was cut off ends in the middle of a frame.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        if read == 0 {
            return Ok(true);
        }
        if !summarizer.count_bytes(read) {
            return Ok(false);
        }
        summarizer.line(&line);
    }
}

/// Reads one line into `line`, which is left empty where the line is longer than `bytes_max`. Returns the bytes passed.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>, bytes_max: usize) -> std::io::Result<u64> {
    line.clear();
    let mut passed = 0;
    let mut too_long = false;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(passed);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        too_long |= line.len() + part.len() > bytes_max;
        if too_long {
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        passed += used as u64;
        if end.is_some() {
            return Ok(passed);
        }
    }
}
