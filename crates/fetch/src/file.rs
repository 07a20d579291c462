//! Logs in files, under the allowed folders only.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use paramedic_compression::{Codec, MAGIC_BYTES};
use tokio::time::Instant;
use url::Url;

use crate::{
    FetchError, before,
    cut::{CutText, HeadTail, shares},
    stream::{FetchBounds, unpack_into},
};

/// Read at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Folders whose files may be read.
#[derive(Clone)]
pub struct Roots(Arc<[PathBuf]>);

impl Roots {
    /// These folders, which must be there.
    pub fn open(roots: &[PathBuf]) -> Result<Self, RootError> {
        let canonical = |path: &PathBuf| path.canonicalize().map_err(|source| RootError { path: path.clone(), source });
        Ok(Self(roots.iter().map(canonical).collect::<Result<_, _>>()?))
    }

    /// Each folder, links followed.
    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path)
    }

    /// The path, when it really (links followed) lies under a root.
    pub async fn resolve(&self, path: &Path) -> Result<PathBuf, FetchError> {
        if self.0.is_empty() {
            return Err(FetchError::OutsideRoots);
        }
        let path = tokio::fs::canonicalize(path).await?;
        if self.iter().any(|root| path.starts_with(root)) { Ok(path) } else { Err(FetchError::OutsideRoots) }
    }

    /// The regular file there, or its ends.
    pub async fn read(&self, path: &Path, bounds: FetchBounds) -> Result<CutText, FetchError> {
        let path = before(bounds.deadline, self.resolve(path)).await?;
        let reading = tokio::task::spawn_blocking(move || read_file(&path, bounds));
        reading.await.map_err(|panic| FetchError::Unpack(panic.to_string()))?
    }
}

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the folder {} cannot be used: {source}; create it, or leave it out", path.display())]
pub struct RootError {
    /// The folder.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// The file of this host that a `file:` URL names.
pub fn path_of(url: &Url) -> Result<PathBuf, FetchError> {
    // The URL itself does not ask for its scheme.
    let path = if url.scheme() == "file" { url.to_file_path().ok() } else { None };
    path.ok_or_else(|| FetchError::BadUrl("it names no file of this host".to_owned()))
}

fn read_file(path: &Path, bounds: FetchBounds) -> Result<CutText, FetchError> {
    // A pipe or a device would block for ever, or never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(FetchError::BadUrl("it names no regular file".to_owned()));
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
fn copy_ends(file: &mut File, bounds: FetchBounds, kept: &mut HeadTail) -> Result<(), FetchError> {
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

fn copy(file: &mut File, bytes_max: u64, deadline: Instant, kept: &mut HeadTail) -> Result<(), FetchError> {
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

    /// A URL of an unknown scheme without a host made a path too.
    #[test]
    fn only_a_file_url_names_a_file() {
        let path = |url: &str| path_of(&Url::parse(url).unwrap()).ok();
        assert_eq!(path("file:///logs/x"), Some(PathBuf::from("/logs/x")));
        assert_eq!((path("hutp:/logs/x"), path("file://elsewhere/logs/x")), (None, None));
    }

    #[tokio::test]
    async fn only_regular_files_that_really_lie_under_a_root_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("logs");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/a b.log"), "inside").unwrap();
        std::fs::write(folder.path().join("secret"), "outside").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("link.log")).unwrap();
        let roots = Roots::open(std::slice::from_ref(&root)).unwrap();

        assert_eq!(roots.read(&root.join("sub/a b.log"), at_most(100)).await.unwrap().text, "inside");
        for path in [root.join("link.log"), folder.path().join("secret"), root.join("../secret")] {
            let refused = roots.read(&path, at_most(100)).await;
            assert!(matches!(refused, Err(FetchError::OutsideRoots)), "{path:?}: {refused:?}");
        }
        assert!(matches!(roots.read(&root, at_most(100)).await, Err(FetchError::BadUrl(_))));
        assert!(matches!(roots.read(&root.join("none"), at_most(100)).await, Err(FetchError::File(_))));
        let no_roots = Roots::open(&[]).unwrap();
        assert!(matches!(no_roots.read(&root.join("sub/a b.log"), at_most(100)).await, Err(FetchError::OutsideRoots)));
    }

    #[tokio::test]
    async fn of_a_huge_file_only_the_ends_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.log");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(10 << 30).unwrap(); // sparse: 10 GiB of nothing
        let roots = Roots::open(&[folder.path().to_owned()]).unwrap();
        let cut = roots.read(&path, at_most(1 << 20)).await.unwrap();
        assert!(!cut.whole && cut.text.len() < (1 << 20) + 100);
    }
}
