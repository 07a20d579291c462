//! Executors' logs in the work directory of a standalone worker on this host, which is also local-cluster's.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use paramedic_domain::{LogKind, LogSource};

use crate::commands::submit::capture::Capture;

/// Executors whose logs are read: the first and the last by id, half of them each.
const EXECUTORS_MAX: usize = 64;
/// Bytes read from the start of each log.
const HEAD_BYTES_MAX: u64 = 64 * 1024;
/// Bytes read from the end of each log.
const TAIL_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of all executors' logs together.
const TOTAL_BYTES_MAX: usize = 12 * 1024 * 1024;

/// Where a worker on this host keeps its executors' logs.
pub(crate) fn work_directory(worker_directory: Option<&str>, spark_home: Option<&Path>) -> Option<PathBuf> {
    worker_directory.map(PathBuf::from).or_else(|| Some(spark_home?.join("work")))
}

/// The logs of an application's executors; what cannot be read is left out.
pub(crate) fn read(work_directory: &Path, application_id: &str) -> Vec<LogSource> {
    let mut logs = Vec::new();
    let mut total = 0;
    for executor in executors(&work_directory.join(application_id)) {
        for (log, name) in [(LogKind::ExecutorStderr, "stderr"), (LogKind::ExecutorStdout, "stdout")] {
            let text = read_ends(&executor.join(name)).unwrap_or_default();
            if !text.is_empty() && total + text.len() <= TOTAL_BYTES_MAX {
                total += text.len();
                logs.push(LogSource { log, text: Some(text), url: None });
            }
        }
    }
    logs
}

/// The executors' directories, by executor id.
fn executors(application: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(application) else { return Vec::new() };
    let mut ids: Vec<u32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable();
    if ids.len() > EXECUTORS_MAX {
        ids.drain(EXECUTORS_MAX / 2..ids.len() - EXECUTORS_MAX / 2);
    }
    ids.into_iter().map(|id| application.join(id.to_string())).collect()
}

/// The head and the tail of a file.
fn read_ends(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(String::new());
    }
    let length = file.metadata()?.len();
    let mut capture = Capture::with_limits(HEAD_BYTES_MAX as usize, TAIL_BYTES_MAX as usize);
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD_BYTES_MAX).read_to_end(&mut bytes)?;
    capture.push(&bytes);
    let tail_at = length.saturating_sub(TAIL_BYTES_MAX).max(bytes.len() as u64);
    capture.leave_out(tail_at - bytes.len() as u64);
    file.seek(SeekFrom::Start(tail_at))?;
    bytes.clear();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    capture.push(&bytes);
    Ok(capture.into_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, executor: &str, name: &str, content: &[u8]) {
        let executor = directory.join("app-1").join(executor);
        fs::create_dir_all(&executor).unwrap();
        fs::write(executor.join(name), content).unwrap();
    }

    #[test]
    fn logs_are_read_by_executor_and_empty_ones_left_out() {
        let work = tempfile::tempdir().unwrap();
        write(work.path(), "10", "stderr", b"tenth");
        write(work.path(), "2", "stderr", b"second");
        write(work.path(), "2", "stdout", b"");
        write(work.path(), "blockmgr-x", "stderr", b"no executor");
        let texts: Vec<_> = read(work.path(), "app-1").into_iter().map(|log| log.text.unwrap()).collect();
        assert_eq!(texts, ["second", "tenth"]);
        assert!(read(work.path(), "app-2").is_empty());
    }

    #[test]
    fn a_long_log_keeps_its_ends() {
        let work = tempfile::tempdir().unwrap();
        let mut content = vec![b'a'; 3 * 1024 * 1024];
        content[0] = b'S';
        *content.last_mut().unwrap() = b'E';
        write(work.path(), "0", "stderr", &content);
        let text = read(work.path(), "app-1").remove(0).text.unwrap();
        let kept = HEAD_BYTES_MAX + TAIL_BYTES_MAX;
        assert!(text.starts_with('S') && text.ends_with('E'));
        assert!(text.contains(&format!("[paramedic: {} bytes left out]", content.len() as u64 - kept)));
    }

    #[test]
    fn the_workers_own_setting_goes_before_sparks_home() {
        let home = Some(Path::new("/opt/spark"));
        assert_eq!(work_directory(None, home), Some(PathBuf::from("/opt/spark/work")));
        assert_eq!(work_directory(Some("/var/work"), home), Some(PathBuf::from("/var/work")));
        assert_eq!(work_directory(None, None), None);
    }
}
