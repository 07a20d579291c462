//! Logs in files, under the log roots only.

use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
};

use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use url::Url;

use super::{
    CollectError,
    cut::{CutText, HeadTail, shares},
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

    pub(super) async fn read(&self, url: &Url, bytes_max: usize) -> Result<CutText, CollectError> {
        let path = self.resolve(url).await?;
        read_file(&path, bytes_max).await
    }
}

async fn read_file(path: &Path, bytes_max: usize) -> Result<CutText, CollectError> {
    // A pipe or a device would block for ever, or never end.
    if !tokio::fs::metadata(path).await?.is_file() {
        return Err(CollectError::BadUrl("it names no regular file".to_owned()));
    }
    let mut file = File::open(path).await?;
    let length = file.metadata().await?.len();
    let mut kept = HeadTail::new(bytes_max);
    let (head, tail) = shares(bytes_max);
    if length > bytes_max as u64 {
        copy(&mut file, head as u64, &mut kept).await?;
        file.seek(SeekFrom::Start(length - tail as u64)).await?;
        kept.skip(length - bytes_max as u64);
    }
    // No further than it was long: it may be written to.
    copy(&mut file, length, &mut kept).await?;
    Ok(kept.finish())
}

async fn copy(file: &mut File, bytes_max: u64, kept: &mut HeadTail) -> Result<(), CollectError> {
    let mut part = file.take(bytes_max);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = part.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        kept.write(&chunk[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

        assert_eq!(roots.read(&url(&root.join("sub/a b.log")), 100).await.unwrap().text, "inside");
        for path in [root.join("link.log"), folder.path().join("secret"), root.join("../secret")] {
            let refused = roots.read(&url(&path), 100).await;
            assert!(matches!(refused, Err(CollectError::OutsideLogRoots)), "{path:?}: {refused:?}");
        }
        assert!(matches!(roots.read(&url(&root), 100).await, Err(CollectError::BadUrl(_))));
        assert!(matches!(roots.read(&url(&root.join("none")), 100).await, Err(CollectError::File(_))));
        let no_roots = LogRoots::open(&[]).unwrap();
        assert!(matches!(
            no_roots.read(&url(&root.join("sub/a b.log")), 100).await,
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
        let cut = roots.read(&url(&path), 1 << 20).await.unwrap();
        assert!(!cut.whole && cut.text.len() < (1 << 20) + 100);
    }
}
