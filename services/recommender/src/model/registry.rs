//! Which model versions there are, and which one is in use.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use paramedic_domain::model::{ModelListing, ModelManifest};
use serde::{Deserialize, Serialize};

use super::{Model, ModelError, read_manifest};
use crate::settings::ModelSettings;

/// Most versions that are listed.
const VERSIONS_MAX: usize = 1_000;
/// Champions that are remembered for a rollback.
const EARLIER_MAX: usize = 100;
const POINTER_FILE: &str = "champion.json";
/// How often the pointer is looked at: a champion that `paramedic train` promoted is in use within this.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The champion and those before it, oldest first, as kept in the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ChampionPointer {
    champion: Option<String>,
    earlier: Vec<String>,
    /// Scores live requests without deciding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenger: Option<String>,
}

/// The models of this recommender. Cheap to clone; every clone sees the same champion.
#[derive(Clone)]
pub struct ModelRegistry {
    settings: ModelSettings,
    champion: Arc<RwLock<Option<Arc<Model>>>>,
    challenger: Arc<RwLock<Option<Arc<Model>>>>,
}

impl ModelRegistry {
    /// Opens the registry and loads the champion: the promoted one, else the newest base model that loads. A model that
    /// does not load is logged and left out; without any the recommender answers by plain escalation.
    pub fn open(settings: ModelSettings) -> Self {
        let registry = Self { settings, champion: Arc::default(), challenger: Arc::default() };
        registry.reload();
        registry
    }

    /// The model in use.
    pub fn champion(&self) -> Option<Arc<Model>> {
        self.champion.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The model that scores without deciding.
    pub fn challenger(&self) -> Option<Arc<Model>> {
        self.challenger.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets a version score live requests without deciding, in place of the one that did. It is loaded first.
    pub fn shadow(&self, version: &str) -> Result<ModelManifest, ModelError> {
        let data_dir = self.settings.data_dir.as_ref().ok_or(ModelError::ReadOnly)?;
        let model = Model::load(&self.folder_of(version)?)?;
        write_pointer(data_dir, &ChampionPointer { challenger: Some(version.to_owned()), ..self.pointer() })?;
        let manifest = model.manifest().clone();
        self.set_challenger(Some(model));
        Ok(manifest)
    }

    /// No version scores without deciding any more. `false`: none did.
    pub fn stop_shadow(&self) -> Result<bool, ModelError> {
        let data_dir = self.settings.data_dir.as_ref().ok_or(ModelError::ReadOnly)?;
        let pointer = self.pointer();
        if pointer.challenger.is_none() {
            return Ok(false);
        }
        write_pointer(data_dir, &ChampionPointer { challenger: None, ..pointer })?;
        self.set_challenger(None);
        Ok(true)
    }

    /// Every version there is, newest name first.
    pub fn list(&self) -> Vec<ModelListing> {
        let in_use = self.champion().map(|model| model.manifest().version.clone());
        let shadow = self.challenger().map(|model| model.manifest().version.clone());
        let mut listings: Vec<ModelListing> = self
            .versions()
            .into_iter()
            .filter_map(|(_, dir)| read_manifest(&dir).ok())
            .map(|manifest| ModelListing {
                champion: in_use.as_ref() == Some(&manifest.version),
                challenger: shadow.as_ref() == Some(&manifest.version),
                manifest,
            })
            .collect();
        listings.reverse();
        listings
    }

    /// One version.
    pub fn find(&self, version: &str) -> Option<ModelListing> {
        self.list().into_iter().find(|listing| listing.manifest.version == version)
    }

    /// Makes a version the champion. It is loaded first: one that does not load changes nothing.
    pub fn promote(&self, version: &str) -> Result<ModelManifest, ModelError> {
        let mut pointer = self.pointer();
        if let Some(current) = self.champion().map(|model| model.manifest().version.clone())
            && current != version
        {
            pointer.earlier.push(current);
            let surplus = pointer.earlier.len().saturating_sub(EARLIER_MAX);
            pointer.earlier.drain(..surplus);
        }
        pointer.champion = Some(version.to_owned());
        // Who decides needs no shadow of itself.
        let promoted = pointer.challenger.as_deref() == Some(version);
        if promoted {
            pointer.challenger = None;
        }
        let manifest = self.switch(version, &pointer)?;
        if promoted {
            self.set_challenger(None);
        }
        Ok(manifest)
    }

    /// Makes the champion before this one the champion again.
    pub fn roll_back(&self) -> Result<ModelManifest, ModelError> {
        let mut pointer = self.pointer();
        let version = pointer.earlier.pop().ok_or(ModelError::NoEarlierChampion)?;
        pointer.champion = Some(version.clone());
        self.switch(&version, &pointer)
    }

    /// Looks for the champion again. Keeps the last good one where the new one does not load.
    pub fn reload(&self) {
        let pointer = self.pointer();
        self.reload_challenger(pointer.challenger.as_deref());
        let promoted = pointer.champion;
        let versions = self.versions();
        let candidates = versions
            .iter()
            .filter(|(version, _)| promoted.as_ref() == Some(version))
            .chain(versions.iter().rev().filter(|(version, _)| version.starts_with("base-")));
        for (version, dir) in candidates {
            match Model::load(dir) {
                Ok(model) => return self.set(model),
                Err(error) => tracing::error!(%version, %error, "this model does not load; trying the next"),
            }
        }
        tracing::warn!("no model loads: recommendations are plain escalations, marked model_missing");
    }

    fn reload_challenger(&self, version: Option<&str>) {
        let loaded = version.map(|version| self.folder_of(version).and_then(|dir| Model::load(&dir)));
        match loaded.transpose() {
            Ok(model) => self.set_challenger(model),
            Err(error) => tracing::error!(%error, "the challenger does not load; nothing is shadowed"),
        }
    }

    /// Looks for a champion that another process promoted, as long as somebody holds the registry.
    pub fn follow(&self) {
        let (champion, challenger) = (Arc::downgrade(&self.champion), Arc::downgrade(&self.challenger));
        let settings = self.settings.clone();
        let mut seen = self.pointer();
        tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK_INTERVAL);
            loop {
                looks.tick().await;
                let (Some(champion), Some(challenger)) = (champion.upgrade(), challenger.upgrade()) else { return };
                let registry = Self { settings: settings.clone(), champion, challenger };
                let known = seen.clone();
                // A look that panicked is taken as one that saw nothing.
                seen = tokio::task::spawn_blocking(move || registry.look(known)).await.unwrap_or(seen);
            }
        });
    }

    /// Takes a pointer that is not the one that was seen.
    fn look(&self, seen: ChampionPointer) -> ChampionPointer {
        let pointer = self.pointer();
        if pointer == seen {
            return seen;
        }
        let version = |model: Option<Arc<Model>>| model.map(|model| model.manifest().version.clone());
        if version(self.challenger()) != pointer.challenger {
            self.reload_challenger(pointer.challenger.as_deref());
        }
        if version(self.champion()) == pointer.champion {
            return pointer;
        }
        match pointer.champion.as_deref().map(|version| self.folder_of(version).and_then(|dir| Model::load(&dir))) {
            Some(Ok(model)) => self.set(model),
            Some(Err(error)) => tracing::error!(%error, "the new champion does not load; the one in use stays"),
            None => self.reload(),
        }
        pointer
    }

    fn switch(&self, version: &str, pointer: &ChampionPointer) -> Result<ModelManifest, ModelError> {
        let data_dir = self.settings.data_dir.as_ref().ok_or(ModelError::ReadOnly)?;
        let model = Model::load(&self.folder_of(version)?)?;
        write_pointer(data_dir, pointer)?;
        let manifest = model.manifest().clone();
        self.set(model);
        Ok(manifest)
    }

    /// The folder of a version.
    pub fn folder_of(&self, version: &str) -> Result<PathBuf, ModelError> {
        let found = self.versions().into_iter().find(|(known, _)| known == version);
        found.map(|(_, dir)| dir).ok_or_else(|| ModelError::UnknownVersion(version.to_owned()))
    }

    fn set_challenger(&self, model: Option<Model>) {
        *self.challenger.write().unwrap_or_else(PoisonError::into_inner) = model.map(Arc::new);
    }

    fn set(&self, model: Model) {
        tracing::info!(version = %model.manifest().version, "model in use");
        *self.champion.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(model));
    }

    fn pointer(&self) -> ChampionPointer {
        let Some(data_dir) = &self.settings.data_dir else { return ChampionPointer::default() };
        let path = data_dir.join(POINTER_FILE);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::error!(path = %path.display(), %error, "no champion can be read here; using the base model");
                ChampionPointer::default()
            }),
            Err(_) => ChampionPointer::default(),
        }
    }

    /// Name and folder of every version, oldest name first.
    fn versions(&self) -> Vec<(String, PathBuf)> {
        let dirs = [&self.settings.base_dir, &self.settings.data_dir];
        let mut versions: Vec<(String, PathBuf)> = dirs
            .into_iter()
            .flatten()
            .filter_map(|dir| std::fs::read_dir(dir).ok())
            .flatten()
            .take(VERSIONS_MAX)
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join(super::MANIFEST_FILE).is_file())
            .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
            .filter(|(version, _)| !version.starts_with('.'))
            .collect();
        versions.sort();
        versions
    }
}

fn write_pointer(data_dir: &Path, pointer: &ChampionPointer) -> Result<(), ModelError> {
    let path = data_dir.join(POINTER_FILE);
    let aside = data_dir.join(format!(".{POINTER_FILE}.partial"));
    let write = || -> std::io::Result<()> {
        use std::io::Write as _;
        std::fs::create_dir_all(data_dir)?;
        let mut file = std::fs::File::create(&aside)?;
        file.write_all(&serde_json::to_vec_pretty(pointer)?)?;
        file.sync_all()?;
        std::fs::rename(&aside, &path)
    };
    write().map_err(|source| ModelError::File { path: path.clone(), source })
}
