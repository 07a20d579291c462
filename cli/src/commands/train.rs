//! `paramedic train`: trains a model on what became of real attempts, or on simulated ones.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use paramedic_domain::{Clock, Timestamp, model::ModelManifest};
use paramedic_recommender::{
    model::{Model, network::TrainingDevice, registry::ModelRegistry},
    retraining::{ATTEMPTS_MAX, DAYS, PRIOR_RECORDS, version_at},
    settings::ModelSettings,
    simulator::Record,
    tokens::TokenHash,
    training::{
        self, RecordBuilder, SimulatedTraining, StoreTraining, Trained, TrainingError, TrainingProgress, report,
        train_simulated,
    },
};
use paramedic_spark::PriceTable;
use paramedic_store::Store;

use super::backup::{DATABASE_FILE, MODELS_FOLDER};
use crate::{exit::CommandError, output, packaged};

/// The arguments of `paramedic train`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic train --data-dir /var/lib/paramedic\n  \
                        paramedic train --simulated --records 200000 --seed 1 --out models --version base-1\n\n\
                        The version is in use at once where it beats the one in use; a running server takes it within \
                        seconds. Exits with 1 when there are too few records, or the model did not pass its audit; \
                        nothing is written then")]
pub(crate) struct Train {
    /// The folder of the server's SQLite database and models
    #[arg(long, value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
    /// `postgres://USER@HOST/DATABASE` or `sqlite://PATH`, instead of SQLite in the data folder
    #[arg(long, value_name = "URL", env = "PARAMEDIC_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The models that ship with the program [default: ./models, else those beside the program]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Train on attempts of the last days
    #[arg(long, value_name = "N", default_value_t = DAYS)]
    days: u32,
    /// Simulated records that are trained on beside the real ones, which outweigh them
    #[arg(long, value_name = "N", default_value_t = PRIOR_RECORDS)]
    prior_records: u64,
    /// Train the base model instead, on simulated failures and retries only
    #[arg(long)]
    simulated: bool,
    /// How many records to simulate
    #[arg(long, value_name = "N", default_value_t = SimulatedTraining::default().records, requires = "simulated")]
    records: u64,
    /// Seed of simulation, initialization and order: the same seed gives the same model
    #[arg(long, value_name = "N", default_value_t = SimulatedTraining::default().seed)]
    seed: u64,
    /// `auto` (CUDA where there is one), `cpu` or `cuda`
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: TrainingDevice,
    /// The folder of models; the version gets a folder in it [default: `models` in the data folder; with --simulated
    /// ./models]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The version's name [default: the time; with --simulated base-1]
    #[arg(long, value_name = "NAME", value_parser = folder_name)]
    version: Option<String>,
    /// Leave the model in use as it is, even if the new one is better
    #[arg(long)]
    no_promote: bool,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

/// A version names a folder, so it must be one name and no path.
fn folder_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !text.is_empty() && text.len() <= 100 && text.chars().all(plain) && !text.starts_with('.') {
        Ok(text.to_owned())
    } else {
        Err("use up to 100 letters, digits, `-`, `_` and `.`, and do not begin with `.`".to_owned())
    }
}

/// Trains, audits, publishes, and promotes what is better.
pub(crate) async fn run(arguments: Train, clock: Clock) -> Result<ExitCode, CommandError> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}").context("the progress bar")?);
    let done = if arguments.simulated {
        simulated(&arguments, &bar).map(|(manifest, out)| (manifest, out, None))
    } else {
        own(&arguments, &bar, clock.now()).await
    };
    bar.finish_and_clear();
    let (manifest, out, promoted) = done?;
    if arguments.json {
        output::print_json(&manifest)?;
    } else {
        output::print(&summary(&manifest, &out, promoted))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn simulated(arguments: &Train, bar: &ProgressBar) -> Result<(ModelManifest, PathBuf), CommandError> {
    let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from("models"));
    let training = SimulatedTraining {
        records: arguments.records,
        seed: arguments.seed,
        out: out.clone(),
        version: arguments.version.clone().unwrap_or_else(|| "base-1".to_owned()),
        device: arguments.device,
    };
    let trained = train_simulated(&training, &mut |progress| show(bar, progress));
    match trained {
        Ok(Trained { manifest, .. }) => Ok((manifest, out)),
        Err(error @ TrainingError::TooFewRecords { .. }) => Err(CommandError::Usage(error.to_string())),
        Err(error) => Err(CommandError::No(error.to_string())),
    }
}

async fn own(
    arguments: &Train,
    bar: &ProgressBar,
    now: Timestamp,
) -> Result<(ModelManifest, PathBuf, Option<bool>), CommandError> {
    let data_models = arguments.data_dir.join(MODELS_FOLDER);
    let base_dir = packaged::folder("models", arguments.models.as_deref())?;
    let registry = ModelRegistry::open(ModelSettings { base_dir: Some(base_dir), data_dir: Some(data_models.clone()) });
    let champion = registry.champion();
    let records = read(arguments, champion.as_deref(), bar, now).await?;
    let out = arguments.out.clone().unwrap_or_else(|| data_models.clone());
    let training = StoreTraining {
        seed: arguments.seed,
        out: out.clone(),
        version: arguments.version.clone().unwrap_or_else(|| version_at(now)),
        trained_at: now,
        prior_records: arguments.prior_records,
        device: arguments.device,
    };
    let trained = train(records, training, champion, bar.clone()).await?;
    let promoted = trained.beats_champion && !arguments.no_promote && out == data_models;
    if promoted {
        registry.promote(&trained.manifest.version).map_err(|error| CommandError::No(error.to_string()))?;
    }
    Ok((trained.manifest, out, Some(promoted)))
}

async fn read(
    arguments: &Train,
    champion: Option<&Model>,
    bar: &ProgressBar,
    now: Timestamp,
) -> Result<Vec<Record>, CommandError> {
    let unreachable = |error: paramedic_store::StoreError| CommandError::Unreachable(error.to_string());
    let own = || format!("sqlite://{}", arguments.data_dir.join(DATABASE_FILE).display());
    let url = arguments.database_url.clone().unwrap_or_else(own);
    let store = Store::open(&url).await.map_err(unreachable)?;
    let hashing = training::hashing(champion, arguments.seed);
    let builder = RecordBuilder::new(TokenHash::new(hashing.seed, hashing.buckets), PriceTable::default());
    let since = now.plus_seconds(-i64::from(arguments.days) * 24 * 3600);
    let mut progress = |progress| show(bar, progress);
    let records = training::read_records(&store, since, ATTEMPTS_MAX, builder, &mut progress);
    let records = records.await.map_err(unreachable)?;
    store.close().await;
    Ok(records)
}

/// Trains off the threads that serve.
async fn train(
    records: Vec<Record>,
    training: StoreTraining,
    champion: Option<Arc<Model>>,
    bar: ProgressBar,
) -> Result<Trained, CommandError> {
    let trained = tokio::task::spawn_blocking(move || {
        training::train_on(&records, &training, champion.as_deref(), &mut |progress| show(&bar, progress))
    });
    trained.await.context("the training")?.map_err(|error| CommandError::No(error.to_string()))
}

fn show(bar: &ProgressBar, progress: TrainingProgress) {
    let (message, position, length) = match progress {
        TrainingProgress::Reading { done } => ("reading attempts".to_owned(), done, done),
        TrainingProgress::Simulating { done, total } => ("simulating".to_owned(), done, total),
        TrainingProgress::Epoch { epoch, epochs_max, training_loss, validation_loss } => (
            format!("training, loss {training_loss:.4}, validation loss {validation_loss:.4}"),
            u64::from(epoch),
            u64::from(epochs_max),
        ),
        TrainingProgress::Auditing => ("auditing".to_owned(), 1, 1),
    };
    bar.set_length(length);
    bar.set_message(message);
    bar.set_position(position);
}

fn summary(manifest: &ModelManifest, out: &Path, promoted: Option<bool>) -> String {
    let audit = &manifest.audit;
    let folder = out.join(&manifest.version);
    let mut lines = vec![format!(
        "{} written to {}: AUC {:.3}, calibration error {:.3}, median cost error {:.1} %, on {} records held out",
        manifest.version,
        folder.display(),
        audit.auc,
        audit.calibration_error,
        audit.cost_error_median * 100.0,
        audit.records
    )];
    if let Some(compared) = &audit.champion {
        lines.push(format!(
            "log loss on the last records {:.4}, that of {} {:.4}",
            compared.recent.log_loss, compared.version, compared.champion_recent.log_loss
        ));
    }
    lines.push(format!("report: {}", folder.join(report::PAGE_FILE).display()));
    lines.extend(
        promoted
            .map(|promoted| if promoted { "it is in use from now on" } else { "the model in use stays" }.to_owned()),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_folders_name_and_no_path() {
        assert!(folder_name("base-1").is_ok() && folder_name("2026-01-31T02-00-00Z").is_ok());
        for wrong in ["", "..", "a/b", ".hidden", "a b"] {
            assert!(folder_name(wrong).is_err(), "{wrong}");
        }
    }
}
