//! Training on what became of real attempts, with simulated records as a prior that own outcomes outweigh.

use std::path::PathBuf;

use paramedic_domain::{
    Timestamp,
    model::{AuditReport, ChampionComparison, Hashing, ModelManifest},
};

use super::{
    Trained, TrainingError, TrainingProgress,
    audit::{self, Bars},
    fit::{Example, Examples, fit},
    publish, report, simulated,
};
use crate::{
    model::{self, Model, network::TrainingDevice},
    simulator::Record,
    tokens::TokenHash,
};

/// Fewest own records: an audit on fewer than some dozens tells nothing.
const RECORDS_MIN: u64 = 500;
/// Own records together count this many times as much as the simulated ones …
const OWN_OVER_PRIOR: f64 = 3.0;
/// … but one own record at most this many times as much as a simulated one: a few must not be learnt by heart.
const OWN_WEIGHT_MAX: f64 = 20.0;
/// Records of the fixed reference set, and the seed that names it. No training uses this seed.
const REFERENCE_RECORDS: u64 = 4_000;
const REFERENCE_SEED: u64 = 0x7265_6665_7265_6e63;
/// A log loss this much lower beats the champion: less is noise.
const BEATS_BY: f64 = 0.001;

/// What to train.
#[derive(Clone, Debug)]
pub struct StoreTraining {
    /// Seed of initialization, order and the prior.
    pub seed: u64,
    /// Folder that gets a folder for the version.
    pub out: PathBuf,
    /// The version's name.
    pub version: String,
    /// For the manifest.
    pub trained_at: Timestamp,
    /// Simulated records that are trained on beside.
    pub prior_records: u64,
    /// Where to train.
    pub device: TrainingDevice,
}

/// How tokens are hashed: as the champion does, so that both can be asked about the same records.
pub fn hashing(champion: Option<&Model>, seed: u64) -> Hashing {
    champion.map_or(Hashing { seed, buckets: super::BUCKETS }, |model| model.manifest().hashing.clone())
}

/// Trains on own `records`, in the order of time, hashed by [`hashing`]; audits against the champion; publishes under
/// `out` when the audit passes. The last tenth audits, the tenths before it calibrate and validate.
pub fn train_on(
    records: &[Record],
    training: &StoreTraining,
    champion: Option<&Model>,
    progress: &mut dyn FnMut(TrainingProgress),
) -> Result<Trained, TrainingError> {
    let found = records.len() as u64;
    if found < RECORDS_MIN {
        return Err(TrainingError::TooFewRecords { found, min: RECORDS_MIN });
    }
    let hashing = hashing(champion, training.seed);
    let hash = TokenHash::new(hashing.seed, hashing.buckets);
    let prior = simulated::simulate(training.seed, training.prior_records, &hash, progress);
    let tenth = records.len() / 10;
    let (train, rest) = records.split_at(records.len() - 3 * tenth);
    let (validation, rest) = rest.split_at(tenth);
    let (calibration, last) = rest.split_at(tenth);
    let weight = (prior.len() as f64 * OWN_OVER_PRIOR / train.len() as f64).clamp(1.0, OWN_WEIGHT_MAX) as f32;
    let own = train.iter().map(|record| Example { record, weight });
    let examples = Examples {
        train: own.chain(Example::all(&prior)).collect(),
        validation: Example::all(validation).collect(),
        calibration: Example::all(calibration).collect(),
    };
    let mut manifest = ModelManifest {
        version: training.version.clone(),
        parent_version: champion.map(|model| model.manifest().version.clone()),
        trained_at: Some(training.trained_at),
        source: "store".to_owned(),
        record_count: found,
        seed: training.seed,
        features: model::feature_names(),
        normalization: examples.normalization(),
        hashing,
        weights_sha256: String::new(),
        audit: AuditReport::default(),
    };
    let (network, losses) = fit(training.seed, training.device, &examples, &manifest, progress)?;
    progress(TrainingProgress::Auditing);
    let reference = simulated::simulate(REFERENCE_SEED, REFERENCE_RECORDS, &hash, &mut |_| ());
    let mut audit = audit::audit(&network, &manifest.normalization, last, &Bars::OWN)?;
    let mut comparison = None;
    if let Some(champion) = champion {
        let compared = ChampionComparison {
            version: champion.manifest().version.clone(),
            recent: audit::summary(&network, &manifest.normalization, last)?,
            champion_recent: audit::summary_of(champion, last)?,
            reference: audit::summary(&network, &manifest.normalization, &reference)?,
            champion_reference: audit::summary_of(champion, &reference)?,
        };
        audit.checks.extend(audit::against_champion(&compared));
        comparison = Some(compared);
    }
    let beats_champion = comparison
        .as_ref()
        .is_none_or(|compared| compared.recent.log_loss < compared.champion_recent.log_loss - BEATS_BY);
    audit.champion.clone_from(&comparison);
    manifest.audit = audit;
    let report = report::TrainingReport::of(&network, &manifest.normalization, last, losses, comparison)?;
    let manifest = publish(&training.out, manifest, &network, &report)?;
    Ok(Trained { manifest, beats_champion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator;

    /// Records of a world in which every retry of what the base model fears succeeds: own outcomes must outweigh it.
    fn own(number: u64, turned: bool) -> Vec<Record> {
        let hash = TokenHash::new(1, super::super::BUCKETS);
        (0..number)
            .map(|index| {
                let mut record = simulator::record(99, index, &hash);
                record.failed ^= turned;
                record
            })
            .collect()
    }

    fn training(out: &std::path::Path, version: &str, prior_records: u64) -> StoreTraining {
        StoreTraining {
            seed: 1,
            out: out.to_owned(),
            version: version.into(),
            trained_at: Timestamp::from_microseconds(0),
            prior_records,
            device: TrainingDevice::Cpu,
        }
    }

    #[test]
    fn a_version_is_published_compared_and_told_from_its_champion() {
        let out = tempfile::tempdir().unwrap();
        let first = train_on(&own(6_000, false), &training(out.path(), "first", 2_000), None, &mut |_| ()).unwrap();
        assert!(first.beats_champion && first.manifest.parent_version.is_none());
        let champion = Model::load(&out.path().join("first")).unwrap();
        let more = own(12_000, false);
        let second = train_on(&more, &training(out.path(), "second", 2_000), Some(&champion), &mut |_| ());
        let second = second.unwrap().manifest;
        let compared = second.audit.champion.unwrap();
        assert_eq!((second.parent_version.as_deref(), compared.version.as_str()), (Some("first"), "first"));
        assert!(compared.recent.log_loss < compared.champion_recent.log_loss + 0.01, "{compared:?}");
    }

    #[test]
    fn a_version_that_lost_what_the_champion_knew_is_not_published() {
        let out = tempfile::tempdir().unwrap();
        train_on(&own(6_000, false), &training(out.path(), "first", 2_000), None, &mut |_| ()).unwrap();
        let champion = Model::load(&out.path().join("first")).unwrap();
        let lost = train_on(&own(6_000, true), &training(out.path(), "lost", 0), Some(&champion), &mut |_| ());
        let Err(TrainingError::AuditFailed(manifest)) = lost else { panic!("{lost:?}") };
        let failed: Vec<_> = manifest.audit.checks.iter().filter(|(_, passed)| !**passed).collect();
        assert!(failed.iter().any(|(check, _)| check.contains("reference set")), "{failed:?}");
        assert!(!out.path().join("lost").exists());
    }

    #[test]
    fn too_few_own_records_are_refused() {
        let out = tempfile::tempdir().unwrap();
        let trained = train_on(&own(100, false), &training(out.path(), "few", 0), None, &mut |_| ());
        assert!(matches!(trained, Err(TrainingError::TooFewRecords { found: 100, min: 500 })));
    }
}
