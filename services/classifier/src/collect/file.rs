//! Logs in files, under the log roots only.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use paramedic_compression::{Codec, MAGIC_BYTES};
use tokio::time::Instant;
use url::Url;

use super::{
    CollectError, before,
    cut::{CutText, HeadTail, shares},
    stream::{FetchBounds, unpack_into},
};
use crate::error::ClassifierError;

/// Read at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// The directories whose files may be read.
pub(super) struct LogRoots(Vec<PathBuf>);

impl LogRoots {
    pub(super) fn open(roots: &[PathBuf]) -> Result<Self, ClassifierError> {
        let canonical = |path: &PathBuf| {
            path.canonicalize().map_err(|source| ClassifierError::LogRoot { path: path.clone(), source })
        };
        Ok(Self(roots.iter().map(canonical).collect::<Result<_, _>>()?))
    }

    /// The file that the URL names, when it really (links followed) lies under a root and is of the kind wanted.
    pub(super) async fn resolve(&self, url: &Url) -> Result<PathBuf, CollectError> {
        if self.0.is_empty() {
            return Err(CollectError::OutsideLogRoots);
        }
        let path = url.to_file_path().map_err(|()| CollectError::BadUrl("it names no file of this host".to_owned()))?;
        let path = tokio::fs::canonicalize(path).await?;
        if self.0.iter().any(|root| path.starts_with(root)) { Ok(path) } else { Err(CollectError::OutsideLogRoots) }
    }

    pub(super) async fn read(&self, url: &Url, bounds: FetchBounds) -> Result<CutText, CollectError> {
        let path = before(bounds.deadline, self.resolve(url)).await?;
        let reading = tokio::task::spawn_blocking(move || read_file(&path, bounds));
        reading.await.map_err(|panic| CollectError::Unpack(panic.to_string()))?
    }
}

fn read_file(path: &Path, bounds: FetchBounds) -> Result<CutText, CollectError> {
    // A pipe or a device would block for ever, or never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(CollectError::BadUrl("it names no regular file".to_owned()));
    }
    let mut file = File::open(path)?;
    let mut kept = HeadTail::new(bounds.bytes_max);
    let mut start = Vec::new();
    file.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut start)?;
    file.rewind()?;
    if Codec::of(&start).is_some() {
        unpack_into(file.take(bounds.fetch_bytes_max), bounds.unpack, bounds.deadline, &mut kept)?;
    } else {
        copy_ends(&mut file, bounds, &mut kept)?;
    }
    Ok(kept.finish())
}

/// Of a long file only the ends are read.
fn copy_ends(file: &mut File, bounds: FetchBounds, kept: &mut HeadTail) -> Result<(), CollectError> {
    let length = file.metadata()?.len();
    let (head, tail) = shares(bounds.bytes_max);
    if length > bounds.bytes_max as u64 {
        copy(file, head as u64, bounds.deadline, kept)?;
        file.seek(SeekFrom::Start(length - tail as u64))?;
        kept.skip(length - bounds.bytes_max as u64);
    }
    // No further than it was long: it may be written to.
    copy(file, length, bounds.deadline, kept)
}

fn copy(file: &mut File, bytes_max: u64, deadline: Instant, kept: &mut HeadTail) -> Result<(), CollectError> {
    let mut part = file.take(bytes_max);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = part.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        kept.write(chunk.get(..read).unwrap_or_default());
        if Instant::now() >= deadline {
            kept.end_early();
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_most(bytes_max: usize) -> FetchBounds {
        FetchBounds {
            bytes_max,
            fetch_bytes_max: u64::MAX,
            unpack: paramedic_compression::UnpackLimits::default(),
            deadline: Instant::now() + std::time::Duration::from_mins(1),
        }
    }

    fn url(path: &Path) -> Url {
        Url::from_file_path(path).unwrap()
    }

    #[tokio::test]
    async fn only_regular_files_that_really_lie_under_a_root_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("logs");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/a b.log"), "inside").unwrap();
        std::fs::write(folder.path().join("secret"), "outside").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("link.log")).unwrap();
        let roots = LogRoots::open(std::slice::from_ref(&root)).unwrap();

        assert_eq!(roots.read(&url(&root.join("sub/a b.log")), at_most(100)).await.unwrap().text, "inside");
        for path in [root.join("link.log"), folder.path().join("secret"), root.join("../secret")] {
            let refused = roots.read(&url(&path), at_most(100)).await;
            assert!(matches!(refused, Err(CollectError::OutsideLogRoots)), "{path:?}: {refused:?}");
        }
        assert!(matches!(roots.read(&url(&root), at_most(100)).await, Err(CollectError::BadUrl(_))));
        assert!(matches!(roots.read(&url(&root.join("none")), at_most(100)).await, Err(CollectError::File(_))));
        let no_roots = LogRoots::open(&[]).unwrap();
        assert!(matches!(
            no_roots.read(&url(&root.join("sub/a b.log")), at_most(100)).await,
            Err(CollectError::OutsideLogRoots)
        ));
    }

    #[tokio::test]
    async fn of_a_huge_file_only_the_ends_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.log");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(10 << 30).unwrap(); // sparse: 10 GiB of nothing
        let roots = LogRoots::open(&[folder.path().to_owned()]).unwrap();
        let cut = roots.read(&url(&path), at_most(1 << 20)).await.unwrap();
        assert!(!cut.whole && cut.text.len() < (1 << 20) + 100);
    }
}
