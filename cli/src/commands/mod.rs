//! The commands, a file each.

pub(crate) mod audit;
#[cfg(feature = "server")]
pub(crate) mod backup;
pub(crate) mod circumstances;
pub(crate) mod classify;
pub(crate) mod failures;
#[cfg(target_os = "linux")]
pub(crate) mod hostagent;
pub(crate) mod logs;
pub(crate) mod models;
pub(crate) mod patches;
pub(crate) mod right_sizing;
pub(crate) mod rules;
pub(crate) mod savings;
#[cfg(feature = "server")]
pub(crate) mod serve;
pub(crate) mod submit;
pub(crate) mod tokens;
#[cfg(target_os = "linux")]
pub(crate) mod top;
#[cfg(feature = "server")]
pub(crate) mod train;

use std::{future::Future, process::ExitCode};

use anyhow::Context as _;
use paramedic_domain::Clock;

use crate::{
    arguments::{Arguments, Command},
    exit::CommandError,
};

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let clock = Clock::system();
    match arguments.command {
        #[cfg(feature = "server")]
        Command::Serve(serve) => block_on(serve::run(*serve, clock)),
        Command::Submit(submit) => block_on(submit::run(submit, clock)),
        Command::Classify(classify) => classify::run(&classify),
        Command::Rules(rules) => rules::run(&rules),
        Command::Failures(failures) => block_on(failures::run(failures)),
        Command::RightSizing(right_sizing) => block_on(right_sizing::run(right_sizing)),
        Command::Savings(savings) => block_on(savings::run(savings)),
        Command::Patches(patches) => block_on(patches::run(patches, clock)),
        #[cfg(feature = "server")]
        Command::Backup(backup) => block_on(backup::run(backup)),
        Command::Audit(audit) => block_on(audit::run(audit, clock)),
        Command::Tokens(tokens) => block_on(tokens::run(tokens, clock)),
        Command::Models(models) => block_on(models::run(models)),
        #[cfg(feature = "server")]
        Command::Train(train) => block_on(train::run(*train, clock)),
        #[cfg(target_os = "linux")]
        Command::HostAgent(hostagent) => hostagent::run(&hostagent, clock),
        #[cfg(target_os = "linux")]
        Command::Top(top) => top::run(&top, clock),
    }
}

fn block_on<T>(command: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime does not start")?;
    let result = runtime.block_on(command);
    // A blocking read that outlived its time limit must not hold the exit.
    runtime.shutdown_background();
    result
}
