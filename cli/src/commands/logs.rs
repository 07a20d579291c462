//! Log files as arguments.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::Context as _;
use paramedic_compression::{UnpackLimits, Unpacked};
use paramedic_domain::LogKind;
use paramedic_rules::LogText;

use crate::exit::CommandError;

/// Largest log that is read, in bytes, unpacked where it is compressed; a larger one should be cut by its owner, who knows where it failed.
const LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Reads logs by name, `-` for standard input; `kind` for all, else each by its name.
pub(crate) fn read(files: &[String], kind: Option<LogKind>) -> Result<Vec<LogText>, CommandError> {
    files.iter().map(|file| read_one(file, kind)).collect()
}

fn read_one(file: &str, kind: Option<LogKind>) -> Result<LogText, CommandError> {
    let (name, text) = if file == "-" {
        ("standard input", read_bounded(io::stdin().lock()))
    } else {
        (file, File::open(file).and_then(read_bounded))
    };
    let text = text.with_context(|| format!("{name} cannot be read"))?;
    Ok(LogText { log: kind.unwrap_or_else(|| kind_of(file)), name: name.to_owned(), text })
}

fn read_bounded(from: impl Read) -> io::Result<String> {
    let limits = UnpackLimits { bytes_max: LOG_BYTES_MAX, ..UnpackLimits::default() };
    let mut reader = Unpacked::new(from, limits)?;
    let mut bytes = Vec::new();
    match reader.read_to_end(&mut bytes) {
        // Of one that is still written to, or cut off, the start is there.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !bytes.is_empty() => {}
        read => {
            read?;
        }
    }
    if reader.stopped() {
        let limit = LOG_BYTES_MAX / (1024 * 1024);
        return Err(io::Error::other(format!(
            "it has over {limit} MiB, unpacked; cut it with `tail -c 64M` and pipe it in as `-`"
        )));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The kind of log that a file's name suggests: an executor's by its directory or name, standard output by `stdout`,
/// else the driver's standard error.
fn kind_of(file: &str) -> LogKind {
    let path = Path::new(file);
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let stdout = name.contains("stdout") || path.extension().is_some_and(|extension| extension == "out");
    if name.contains("executor") || lies_in_executors_directory(path) {
        return if stdout { LogKind::ExecutorStdout } else { LogKind::ExecutorStderr };
    }
    if stdout {
        LogKind::DriverStdout
    } else if ["orchestrator", "diagnostics", "events", "yarn", "kube"].iter().any(|word| name.contains(word)) {
        LogKind::Orchestrator
    } else if ["scheduler", "airflow", "task", "cron"].iter().any(|word| name.contains(word)) {
        LogKind::Scheduler
    } else {
        LogKind::DriverStderr
    }
}

/// `…/app-20260131120000-0000/3/stderr`, as a standalone worker lays them out, or `…/executor-3/stderr`.
fn lies_in_executors_directory(path: &Path) -> bool {
    let mut above = path.ancestors().skip(1).filter_map(|directory| directory.file_name()?.to_str());
    let (parent, grandparent) = (above.next().unwrap_or(""), above.next().unwrap_or(""));
    parent.contains("executor") || (grandparent.starts_with("app-") && parent.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_logs_are_unpacked_whatever_their_name() {
        let packed = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x21, 0x00, 0x00, b'l', b'i', b'n', b'e'];
        assert_eq!(read_bounded(packed.as_slice()).unwrap(), "line");
        assert_eq!(read_bounded(b"plain".as_slice()).unwrap(), "plain");
        assert!(read_bounded([0x1f, 0x8b, 0x08, 0xff].as_slice()).is_err());
    }

    #[test]
    fn what_unpacks_to_more_than_is_read_is_refused() {
        // A frame that says one byte over and over: 32 KiB times 16,384.
        let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
        for _ in 0..16_384 {
            let header: u32 = (32 * 1024) << 3 | 1 << 1;
            bomb.extend_from_slice(header.to_le_bytes().get(..3).unwrap());
            bomb.push(b'x');
        }
        bomb.extend_from_slice(&[1, 0, 0]);
        let error = read_bounded(bomb.as_slice()).unwrap_err().to_string();
        assert!(error.contains("256 MiB"), "{error}");
    }

    #[test]
    fn the_name_tells_the_kind() {
        for (file, kind) in [
            ("driver.log", LogKind::DriverStderr),
            ("-", LogKind::DriverStderr),
            ("logs/driver.stdout", LogKind::DriverStdout),
            ("job.out", LogKind::DriverStdout),
            ("executor-3.log", LogKind::ExecutorStderr),
            ("work/app-20260131120000-0000/3/stderr", LogKind::ExecutorStderr),
            ("work/app-20260131120000-0000/3/stdout", LogKind::ExecutorStdout),
            ("executor-1/stdout", LogKind::ExecutorStdout),
            ("yarn-diagnostics.txt", LogKind::Orchestrator),
            ("airflow_task.log", LogKind::Scheduler),
        ] {
            assert_eq!(kind_of(file), kind, "{file}");
        }
    }
}
