//! The `paramedic` command line: one binary that heals failed Spark jobs, and shows what it did.

mod arguments;
mod commands;
mod decision_text;
mod exit;
mod output;
mod packaged;
mod server;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    exit::code_of(commands::run(arguments::Arguments::parse()))
}
