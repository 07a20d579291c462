//! `paramedic tokens`: who may ask.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use paramedic_domain::{Clock, IssuedToken, NewToken, Page, Role, Token, TokenId, TokenRotation};
use paramedic_service::Client;
#[cfg(feature = "server")]
use paramedic_store::Store;

use super::patches::{key_and_value, scope, scope_text, seconds};
use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

/// The arguments of `paramedic tokens`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  paramedic tokens create --name admin --role operator --database-url postgres://paramedic@db/paramedic\n  \
                        paramedic tokens create --name airflow --role scheduler --scope scheduler=airflow --expires-in 52w\n\n\
                        With --database-url the database is changed itself, as for the first token, that no server could \
                        be asked for; else a server is asked, with an operator's token"
)]
pub(crate) struct Tokens {
    /// The server
    #[command(flatten)]
    server: Server,
    /// Change this database itself, without a server: `postgres://USER@HOST/DATABASE` or `sqlite://PATH`
    #[cfg(feature = "server")]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// What to do
    #[command(subcommand)]
    command: TokensCommand,
}

#[derive(Debug, Subcommand)]
enum TokensCommand {
    /// Make a token, and print its secret, once
    #[command(after_help = "Example:\n  paramedic tokens create --name airflow --role scheduler > airflow.token")]
    Create(Create),
    /// List tokens, newest first
    #[command(after_help = "Example:\n  paramedic tokens list --json")]
    List {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Where the page before ended
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// Give a token another secret, and print it, once
    #[command(after_help = "Example:\n  paramedic tokens rotate 0192d3f0-5c1e-7b7e-9d41-2f1a6a7f0c55 --grace 1d")]
    Rotate {
        /// The token
        #[arg(value_name = "ID")]
        id: TokenId,
        /// How long the old secret is still taken: 90s, 30m, 12h or 7d, a week at most
        #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "1h")]
        grace: i64,
    },
    /// Take a token back, for ever; within a second no server takes it any more
    #[command(after_help = "Example:\n  paramedic tokens revoke 0192d3f0-5c1e-7b7e-9d41-2f1a6a7f0c55")]
    Revoke {
        /// The token
        #[arg(value_name = "ID")]
        id: TokenId,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Whose it is: it stands in every record of what is done with it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// scheduler, agent, `rule_author`, operator or viewer
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// The jobs that it may act for: scheduler, cluster, workflow, job, run, user or label.NAME; may be repeated
    #[arg(long, value_name = "FIELD=VALUE", value_parser = key_and_value)]
    scope: Vec<(String, String)>,
    /// Until when it is taken, from now: 90s, 30m, 12h, 7d or 52w
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    expires_in: Option<i64>,
}

/// Asks and prints.
pub(crate) async fn run(arguments: Tokens, clock: Clock) -> Result<ExitCode, CommandError> {
    let keeper = Keeper::of(&arguments, &clock).await?;
    let json = arguments.json;
    match arguments.command {
        TokensCommand::Create(create) => {
            let token = NewToken {
                name: create.name,
                role: create.role,
                scope: scope(create.scope)?,
                expires_at: create.expires_in.map(|seconds| clock.now().plus_seconds(seconds)),
            };
            tell_issued(&keeper.create(&token).await?, json)?;
        }
        TokensCommand::List { limit, cursor } => tell_list(&keeper.list(limit, cursor.as_deref()).await?, json)?,
        TokensCommand::Rotate { id, grace } => {
            let grace_s = u32::try_from(grace).unwrap_or(u32::MAX);
            tell_issued(&keeper.rotate(id, &TokenRotation { grace_s }).await?, json)?;
        }
        TokensCommand::Revoke { id } => {
            let token = keeper.revoke(id).await?;
            if json {
                output::print_json(&token)?;
            } else {
                output::print(&format!("token {id} of {} is revoked", output::shown(&token.name, 80)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The secret alone goes to standard output, so that it can be sent to a file; what it belongs to is told beside it.
fn tell_issued(issued: &IssuedToken, json: bool) -> Result<(), CommandError> {
    if json {
        output::print_json(issued)?;
        return Ok(());
    }
    let IssuedToken { token, secret } = issued;
    output::tell(&format!("token {} of {}, {}; its secret is not shown again:", token.id, token.name, token.role));
    output::print(secret.reveal())?;
    Ok(())
}

fn tell_list(page: &Page<Token>, json: bool) -> Result<(), CommandError> {
    if json {
        output::print_json(page)?;
        return Ok(());
    }
    let headers = ["token", "name", "role", "scope", "status", "expires", "last used"];
    let rows: Vec<_> = page.items.iter().map(row).collect();
    output::print(&output::table(&headers, &rows))?;
    output::tell_next_page(page.next_cursor.as_deref());
    Ok(())
}

fn row(token: &Token) -> Vec<String> {
    let never = || "never".to_owned();
    vec![
        token.id.to_string(),
        output::shown(&token.name, 40),
        token.role.to_string(),
        scope_text(&token.scope),
        token.status.to_string(),
        token.expires_at.map_or_else(never, |time| time.to_string()),
        token.last_used_at.map_or_else(never, |time| time.to_string()),
    ]
}

/// Who keeps the tokens: a server, or the database itself.
enum Keeper {
    Server(Box<Client>),
    #[cfg(feature = "server")]
    Database(Store, Clock),
}

#[cfg(feature = "server")]
mod database {
    //! The same, without a server.

    use paramedic_domain::{IssuedToken, NewToken, TokenId, TokenRotation, Validate};
    use paramedic_service::{digest_of, fresh_secret};

    use super::{Clock, CommandError, Store};

    /// The author of what is done without a server.
    pub(super) const AUTHOR: &str = "command line";

    pub(super) async fn create(store: &Store, clock: &Clock, token: &NewToken) -> Result<IssuedToken, CommandError> {
        check(token)?;
        let secret = fresh_secret()?;
        let digest = digest_of(secret.reveal());
        let token = store.create_token(TokenId::fresh(), token, digest, AUTHOR, clock.now()).await?;
        Ok(IssuedToken { token, secret })
    }

    pub(super) async fn rotate(
        store: &Store,
        clock: &Clock,
        id: TokenId,
        rotation: &TokenRotation,
    ) -> Result<IssuedToken, CommandError> {
        check(rotation)?;
        let (secret, now) = (fresh_secret()?, clock.now());
        let until = now.plus_seconds(i64::from(rotation.grace_s));
        let token = store.rotate_token(id, digest_of(secret.reveal()), until, AUTHOR, now).await?;
        Ok(IssuedToken { token, secret })
    }

    fn check(value: &impl Validate) -> Result<(), CommandError> {
        match value.violations().first() {
            Some(violation) => Err(CommandError::Usage(format!("{}: {}", violation.pointer, violation.detail))),
            None => Ok(()),
        }
    }
}

impl Keeper {
    async fn of(arguments: &Tokens, clock: &Clock) -> Result<Self, CommandError> {
        #[cfg(feature = "server")]
        if let Some(url) = &arguments.database_url {
            return Ok(Self::Database(Store::open(url).await?, clock.clone()));
        }
        let _ = clock;
        Ok(Self::Server(Box::new(arguments.server.client(ASK_TIMEOUT)?)))
    }

    async fn create(&self, token: &NewToken) -> Result<IssuedToken, CommandError> {
        match self {
            Self::Server(client) => Ok(client.create_token(token).await?),
            #[cfg(feature = "server")]
            Self::Database(store, clock) => database::create(store, clock, token).await,
        }
    }

    async fn list(&self, limit: u32, cursor: Option<&str>) -> Result<Page<Token>, CommandError> {
        match self {
            Self::Server(client) => Ok(client.tokens(limit, cursor).await?),
            #[cfg(feature = "server")]
            Self::Database(store, clock) => Ok(store.list_tokens(limit, cursor, clock.now()).await?),
        }
    }

    async fn rotate(&self, id: TokenId, rotation: &TokenRotation) -> Result<IssuedToken, CommandError> {
        match self {
            Self::Server(client) => Ok(client.rotate_token(id, rotation).await?),
            #[cfg(feature = "server")]
            Self::Database(store, clock) => database::rotate(store, clock, id, rotation).await,
        }
    }

    async fn revoke(&self, id: TokenId) -> Result<Token, CommandError> {
        match self {
            Self::Server(client) => Ok(client.revoke_token(id).await?),
            #[cfg(feature = "server")]
            Self::Database(store, clock) => Ok(store.revoke_token(id, database::AUTHOR, clock.now()).await?),
        }
    }
}
