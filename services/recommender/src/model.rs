//! A trained model: its manifest, its weights, and what it says of candidates.

pub mod batch;
pub mod inference;
pub mod network;
pub mod registry;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use paramedic_domain::model::{FeatureNames, ModelManifest};
use sha2::{Digest, Sha256};

use crate::{
    features::{CANDIDATE, CAPACITY, CONTEXT, CandidateFeatures, ContextFeatures},
    simulator::Record,
    tokens::TokenHash,
};
use batch::Batch;
use inference::{Inference, RequestInference};
use network::Network;
pub use network::{NetworkError, Score};

/// Name of the manifest within a version's folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Name of the weights within a version's folder.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// Largest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Largest weights file that is read, in bytes.
const WEIGHTS_BYTES_MAX: u64 = 256 << 20;

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is no manifest.
    #[error("{path}: {source}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The model was trained for other features than this program computes.
    #[error("{path}: trained on other features than this version of Paramedic computes; train it again")]
    Features {
        /// The version's folder.
        path: PathBuf,
    },
    /// The weights are not those of the manifest.
    #[error("{path}: the weights' SHA-256 is not the manifest's; the file is damaged or was exchanged")]
    Damaged {
        /// The weights.
        path: PathBuf,
    },
    /// libtorch refused.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// No such version.
    #[error("no model version `{0}`; `paramedic models list` shows those there are")]
    UnknownVersion(String),
    /// Nothing to go back to.
    #[error("there is no earlier champion to roll back to")]
    NoEarlierChampion,
    /// The pointer to the champion has nowhere to be kept.
    #[error("models cannot be promoted here: start the recommender with a data directory")]
    ReadOnly,
}

/// A trained model. Requests are scored without libtorch, all at a time; in libtorch scoring takes turns, as its tensors are
/// not shared between threads.
pub struct Model {
    manifest: ModelManifest,
    hash: TokenHash,
    inference: Inference,
    network: Mutex<Network>,
}

impl Model {
    /// Reads a version's folder: manifest, features, checksum, weights, in this order.
    pub fn load(dir: &Path) -> Result<Self, ModelError> {
        let manifest = read_manifest(dir)?;
        if manifest.features != feature_names() {
            return Err(ModelError::Features { path: dir.to_owned() });
        }
        let path = dir.join(WEIGHTS_FILE);
        if sha256_hex(&read_bounded(&path, WEIGHTS_BYTES_MAX)?) != manifest.weights_sha256 {
            return Err(ModelError::Damaged { path });
        }
        let network = Network::load(&path, manifest.hashing.buckets)?;
        Self::new(manifest, network)
    }

    /// A model in memory.
    pub fn new(manifest: ModelManifest, network: Network) -> Result<Self, ModelError> {
        let hash = TokenHash::new(manifest.hashing.seed, manifest.hashing.buckets);
        Ok(Self { inference: Inference::of(&network)?, manifest, hash, network: Mutex::new(network) })
    }

    /// The manifest.
    pub const fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// The hash of its tokens.
    pub const fn hash(&self) -> &TokenHash {
        &self.hash
    }

    /// Ready to score the candidates of one request.
    pub fn request(&self, context: &ContextFeatures) -> RequestInference<'_> {
        self.inference.request(&self.manifest.normalization, context)
    }

    /// Scores the candidates of one request in libtorch: what [`Model::request`] is held to.
    pub fn score(&self, context: &ContextFeatures, candidates: &[CandidateFeatures]) -> Result<Vec<Score>, ModelError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch::of_request(&self.manifest.normalization, context, candidates);
        // A poisoned lock only says that another request panicked; the weights are never written here.
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(network.score(&batch)?)
    }

    /// Scores records, each with its own context. Their tokens must be hashed as this model's are.
    pub fn score_records(&self, records: &[Record]) -> Result<Vec<Score>, ModelError> {
        let batch = Batch::of_records(&self.manifest.normalization, records);
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(network.score(&batch)?)
    }
}

/// The features that this program computes, in order.
pub fn feature_names() -> FeatureNames {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    FeatureNames { capacity: names(&CAPACITY), candidate: names(&CANDIDATE), context: names(&CONTEXT) }
}

/// Reads the manifest of a version's folder.
pub fn read_manifest(dir: &Path) -> Result<ModelManifest, ModelError> {
    let path = dir.join(MANIFEST_FILE);
    let text = read_bounded(&path, MANIFEST_BYTES_MAX)?;
    serde_json::from_slice(&text).map_err(|source| ModelError::Manifest { path, source })
}

/// Publishes a version, with the files that lie beside it: written aside, synced, renamed; a reader sees all of it or
/// nothing.
pub fn publish(
    models_dir: &Path,
    manifest: &mut ModelManifest,
    network: &Network,
    beside: &[(&str, Vec<u8>)],
) -> Result<PathBuf, ModelError> {
    let aside = models_dir.join(format!(".{}.partial", manifest.version));
    let target = models_dir.join(&manifest.version);
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| ModelError::File { path, source }
    };
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(file(&aside))?;
    }
    std::fs::create_dir_all(&aside).map_err(file(&aside))?;
    let weights = aside.join(WEIGHTS_FILE);
    network.save(&weights)?;
    manifest.weights_sha256 = sha256_hex(&read_bounded(&weights, WEIGHTS_BYTES_MAX)?);
    let text = serde_json::to_vec_pretty(manifest)
        .map_err(|source| ModelError::Manifest { path: aside.join(MANIFEST_FILE), source })?;
    let manifest_path = aside.join(MANIFEST_FILE);
    std::fs::write(&manifest_path, [text.as_slice(), b"\n"].concat()).map_err(file(&manifest_path))?;
    for (name, content) in beside {
        let path = aside.join(name);
        std::fs::write(&path, content).map_err(file(&path))?;
        std::fs::File::open(&path).and_then(|opened| opened.sync_all()).map_err(file(&path))?;
    }
    for path in [&weights, &manifest_path, &aside] {
        std::fs::File::open(path).and_then(|opened| opened.sync_all()).map_err(file(path))?;
    }
    if target.exists() {
        std::fs::remove_dir_all(&target).map_err(file(&target))?;
    }
    std::fs::rename(&aside, &target).map_err(file(&target))?;
    std::fs::File::open(models_dir).and_then(|opened| opened.sync_all()).map_err(file(models_dir))?;
    Ok(target)
}

fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ModelError> {
    use std::io::Read as _;
    let file = |source| ModelError::File { path: path.to_owned(), source };
    let mut content = Vec::new();
    std::fs::File::open(path).map_err(file)?.take(bytes_max + 1).read_to_end(&mut content).map_err(file)?;
    if content.len() as u64 > bytes_max {
        let too_large = std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("over {bytes_max} bytes"));
        return Err(file(too_large));
    }
    Ok(content)
}

fn sha256_hex(content: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
