//! `paramedic train`: trains a model.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use paramedic_domain::model::ModelManifest;
use paramedic_recommender::training::{SimulatedTraining, TrainingError, TrainingProgress, train_simulated};

use crate::{exit::CommandError, output};

/// The arguments of `paramedic train`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  paramedic train --simulated --records 200000 --seed 1 --out models --version base-1\n\n\
                        Exits with 1 when the model did not pass its audit; nothing is written then"
)]
pub(crate) struct Train {
    /// Train the base model, on simulated failures and retries
    #[arg(long, required = true)]
    simulated: bool,
    /// How many records to simulate
    #[arg(long, value_name = "N", default_value_t = SimulatedTraining::default().records)]
    records: u64,
    /// Seed of simulation, initialization and order: the same seed gives the same model
    #[arg(long, value_name = "N", default_value_t = SimulatedTraining::default().seed)]
    seed: u64,
    /// The folder of models; the version gets a folder in it
    #[arg(long, value_name = "DIR", default_value = "models")]
    out: PathBuf,
    /// The version's name
    #[arg(long, value_name = "NAME", default_value = "base-1", value_parser = folder_name)]
    version: String,
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

/// Trains, audits and publishes.
pub(crate) fn run(arguments: &Train) -> Result<ExitCode, CommandError> {
    let training = SimulatedTraining {
        records: arguments.records,
        seed: arguments.seed,
        out: arguments.out.clone(),
        version: arguments.version.clone(),
    };
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}").context("the progress bar")?);
    let trained = train_simulated(&training, &mut |progress| show(&bar, progress));
    bar.finish_and_clear();
    let manifest = match trained {
        Ok(manifest) => manifest,
        Err(error @ TrainingError::TooFewRecords(_)) => return Err(CommandError::Usage(error.to_string())),
        Err(error) => return Err(CommandError::No(error.to_string())),
    };
    if arguments.json {
        output::print_json(&manifest)?;
    } else {
        output::print(&summary(&manifest, &arguments.out))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(bar: &ProgressBar, progress: TrainingProgress) {
    let (message, position, length) = match progress {
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

fn summary(manifest: &ModelManifest, out: &std::path::Path) -> String {
    let audit = &manifest.audit;
    format!(
        "{} written to {}: AUC {:.3}, calibration error {:.3}, median cost error {:.1} %, on {} records held out",
        manifest.version,
        out.join(&manifest.version).display(),
        audit.auc,
        audit.calibration_error,
        audit.cost_error_median * 100.0,
        audit.records
    )
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
