//! Spark event logs, 3.x and 4.x, read as a stream in bounded memory.
//!
//! A log is one JSON event a line. Lines of events that tell nothing here are passed over after a look at their name;
//! in the others the fields in use are searched for by their names, and the rest is not parsed. What `spark.eventLog.logStageExecutorMetrics` adds is used where it
//! is there.

mod event;
mod fields;
mod files;
mod running;
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
    #[error("{0}: event logs are read plain, as .zstd, .lz4 or .snappy; set spark.eventLog.compression.codec=zstd")]
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
    // The beginning of a line that goes on behind the reader's buffer.
    let mut begun = Vec::new();
    let mut too_long = false;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            // A compressed log that was cut off ends in the middle of a frame.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        if available.is_empty() {
            summarizer.line(&begun);
            return Ok(true);
        }
        let read = available.len();
        let mut rest = available;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end + 1);
            if !summarizer.count_bytes(line.len() as u64) {
                return Ok(false);
            }
            too_long |= begun.len() + line.len() > limits.line_bytes_max;
            if begun.is_empty() && !too_long {
                summarizer.line(line);
            } else if !too_long {
                begun.extend_from_slice(line);
                summarizer.line(&begun);
            }
            begun.clear();
            too_long = false;
            rest = behind;
        }
        if !summarizer.count_bytes(rest.len() as u64) {
            return Ok(false);
        }
        too_long |= begun.len() + rest.len() > limits.line_bytes_max;
        if too_long {
            begun.clear();
        } else {
            begun.extend_from_slice(rest);
        }
        reader.consume(read);
    }
}
