//! The command line's grammar.

use clap::{Parser, Subcommand};

use crate::commands::{
    audit::Audit, classify::Classify, failures::Failures, models::Models, patches::Patches, right_sizing::RightSizing,
    rules::Rules, savings::Savings, submit::Submit, tokens::Tokens,
};
#[cfg(feature = "server")]
use crate::commands::{backup::Backup, serve::Serve, train::Train};
#[cfg(target_os = "linux")]
use crate::commands::{hostagent::HostAgent, top::Top};

/// Heals failed Spark jobs: classifies the failure, finds the configuration that the retry needs, and retries
#[derive(Debug, Parser)]
#[command(
    name = "paramedic",
    version,
    arg_required_else_help = true,
    after_help = "Example:\n  paramedic serve &\n  paramedic submit -- spark-submit --executor-memory 512m job.py\n\n\
                  Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 a service could not be reached"
)]
pub(crate) struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the classifier, the recommender and the configuration service in one process, on one port
    #[cfg(feature = "server")]
    Serve(Box<Serve>),
    /// Run a Spark job, and heal it when it fails
    Submit(Submit),
    /// Say what the logs of a failure mean, without a server
    Classify(Classify),
    /// Check, test and explain rules
    Rules(Rules),
    /// Show failures and what was decided on them
    Failures(Failures),
    /// Lower the memory of jobs that succeed
    RightSizing(RightSizing),
    /// Show what healing saved, against the jobs held out as control
    Savings(Savings),
    /// Show, create and revoke configuration patches
    Patches(Patches),
    /// Show who changed what, when and why
    Audit(Audit),
    /// Copy the data folder, also while it is served
    #[cfg(feature = "server")]
    Backup(Backup),
    /// Make, show, rotate and revoke the tokens by which everyone is told apart
    Tokens(Tokens),
    /// Show the models, and choose the one in use
    Models(Models),
    /// Train a model on what became of real attempts
    #[cfg(feature = "server")]
    Train(Box<Train>),
    /// Measure the Spark jobs of this host: run-queue waits and memory
    #[cfg(target_os = "linux")]
    #[command(name = "hostagent")]
    HostAgent(HostAgent),
    /// Show what the host agent sees, live
    #[cfg(target_os = "linux")]
    Top(Top),
}
