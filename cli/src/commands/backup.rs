//! `paramedic backup`: a copy of the data folder, taken while it is served.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use paramedic_store::Store;

use crate::{exit::CommandError, output};

/// The database in a data folder.
pub(crate) const DATABASE_FILE: &str = "paramedic.sqlite";
/// The models trained here, and which is in use, in a data folder.
pub(crate) const MODELS_FOLDER: &str = "models";
/// Deepest folder below the models that is copied: a version's own is the first.
const DEPTH_MAX: usize = 8;

/// The arguments of `paramedic backup`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic backup --data-dir /var/lib/paramedic /backup/paramedic-2026-01-31\n\n\
                        Restore: stop the server and start it on the copy: `paramedic serve --data-dir COPY`.\n\
                        PostgreSQL has its own: pg_dump --format=custom")]
pub(crate) struct Backup {
    /// The data folder of `paramedic serve`, which may be running
    #[arg(long, value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
    /// The folder to make; it must not be there yet
    #[arg(value_name = "COPY")]
    copy: PathBuf,
}

/// Copies beside the target and renames in the end: what has the name is whole.
pub(crate) async fn run(arguments: Backup) -> Result<ExitCode, CommandError> {
    let Backup { data_dir, copy } = arguments;
    let database = data_dir.join(DATABASE_FILE);
    if !database.is_file() {
        return Err(CommandError::Usage(format!(
            "--data-dir {}: there is no {DATABASE_FILE} in it; a server over PostgreSQL is backed up by pg_dump",
            data_dir.display()
        )));
    }
    if copy.exists() {
        return Err(CommandError::Usage(format!("{} is there already: name a folder that is not", copy.display())));
    }
    let Some(name) = copy.file_name() else {
        return Err(CommandError::Usage(format!("{} names no folder", copy.display())));
    };
    let aside = copy.with_file_name(format!("{}.partial-{}", name.to_string_lossy(), std::process::id()));
    fs::create_dir_all(&aside).with_context(|| format!("{} cannot be made", aside.display()))?;
    let copied = copy_into(&data_dir, &database, &aside).await;
    let named = copied.and_then(|()| {
        fs::rename(&aside, &copy).with_context(|| format!("{} cannot be made", copy.display()))?;
        Ok(())
    });
    if let Err(error) = named {
        // Best effort: the error is the one that counts.
        let _ = fs::remove_dir_all(&aside);
        return Err(error);
    }
    let bytes = fs::metadata(copy.join(DATABASE_FILE)).map_or(0, |file| file.len());
    output::print(&format!(
        "copied {} to {} ({bytes} bytes of database); restore by `paramedic serve --data-dir {}`",
        data_dir.display(),
        copy.display(),
        copy.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn copy_into(data_dir: &Path, database: &Path, aside: &Path) -> Result<(), CommandError> {
    Store::back_up(&format!("sqlite://{}", database.display()), &aside.join(DATABASE_FILE)).await?;
    let models = data_dir.join(MODELS_FOLDER);
    if models.is_dir() {
        copy_folder(&models, &aside.join(MODELS_FOLDER), DEPTH_MAX)
            .with_context(|| format!("{} cannot be copied", models.display()))?;
    }
    Ok(())
}

/// Files and folders; what is neither (a link, a socket) is left out.
fn copy_folder(from: &Path, to: &Path, depth_left: usize) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_file() {
            fs::copy(entry.path(), &target)?;
            fs::File::open(&target)?.sync_all()?;
        } else if kind.is_dir() && depth_left > 0 {
            copy_folder(&entry.path(), &target, depth_left - 1)?;
        }
    }
    Ok(())
}
