//! Retries that were run for real, kept in files: what simulator and model are held against.

use std::{
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use paramedic_domain::{
    AttemptRecord, Classification, Configuration, Policy, RecommendationRequest, model::ScoreSummary,
};
use paramedic_spark::{MemoryModel, PriceTable};
use serde::Deserialize;

use super::audit;
use crate::{
    facts::Facts,
    features::FeatureSpace,
    guardrails::Guardrails,
    model::{Model, ModelError},
    pipeline::reference,
    simulator::Record,
};

/// Most bytes of a file that are read.
const BYTES_MAX: u64 = 64 << 20;

/// A failed attempt and what became of it with other configurations; `models/measured/README.md` tells the format.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredFailure {
    /// The job's name.
    pub id: String,
    /// The attempt that failed.
    pub failed: AttemptRecord,
    /// What the rules said of it.
    pub classification: Classification,
    /// What was run afterwards, each from the beginning.
    pub retries: Vec<MeasuredRetry>,
}

/// One run of the job.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredRetry {
    /// The whole configuration.
    pub config: Configuration,
    /// It failed too.
    pub failed: bool,
    /// How long it ran.
    pub seconds: f64,
}

impl MeasuredFailure {
    /// The retries that the recommender might have proposed, each with its record: the features that a model had been asked
    /// with. None where Spark would refuse a configuration.
    pub fn records(&self, model: &Model) -> Option<Vec<(&MeasuredRetry, Record)>> {
        let memory = MemoryModel::of(&self.failed.config).ok()?;
        let request = RecommendationRequest {
            job: self.failed.job.clone(),
            application_id: None,
            config: self.failed.config.clone(),
            classification: self.classification.clone(),
            evidence: self.failed.evidence.clone(),
        };
        let facts = Facts::gather(&request, &memory, &[], &[]);
        let reference = reference(&facts, &memory, &request.config);
        let space = FeatureSpace::new(&facts, reference, PriceTable::default());
        let context = space.context(model.hash());
        let policy = Policy::default();
        let guardrails = Guardrails::new(&facts, &memory, &request.config, &policy);
        let mut found = Vec::new();
        for retry in &self.retries {
            let memory = MemoryModel::of(&retry.config).ok()?;
            if guardrails.admit(&memory) {
                let (context, candidate) = (context.clone(), space.candidate(&memory));
                found.push((retry, Record { context, candidate, failed: retry.failed, seconds: retry.seconds }));
            }
        }
        Some(found)
    }
}

/// Reads a file of measured failures, a JSON object a line.
pub fn read_measured(path: &Path) -> Result<Vec<MeasuredFailure>, ModelError> {
    let file_error = |source| ModelError::File { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(file_error)?;
    let mut failures = Vec::new();
    for line in BufReader::new(file.take(BYTES_MAX)).lines() {
        let failure = serde_json::from_str(&line.map_err(file_error)?);
        failures.push(failure.map_err(|source| ModelError::Manifest { path: path.to_owned(), source })?);
    }
    Ok(failures)
}

/// How good a model's predictions of such retries are.
pub fn summary_of_measured(model: &Model, records: &[Record]) -> Result<ScoreSummary, ModelError> {
    audit::summary_of(model, records)
}
