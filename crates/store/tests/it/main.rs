//! The contract of the store, on every engine: SQLite in memory, SQLite in a file, PostgreSQL.
//!
//! PostgreSQL is `PARAMEDIC_TEST_DATABASE_URL`, or else a throw-away server that the suite starts. Where neither can be
//! had, the suite fails.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod attempts;
mod audit;
mod crash;
mod failure_logs;
mod failures;
mod freezes;
mod host_samples;
mod opening;
mod patch_changes;
mod patch_life;
mod patches;
mod policy;
mod recommendations;
mod samples;
mod savings;
mod shadow;
mod successes;
mod tokens;
mod unclassified;

use std::{future::Future, pin::Pin};

use paramedic_store::Store;

/// One case's own, empty database.
#[derive(Clone)]
struct Database {
    url: String,
    store: Store,
}

impl Database {
    async fn at(url: String) -> Self {
        Self { store: Store::open(&url).await.expect("the store opens"), url }
    }

    /// Another store on the same database, as another process has it; in memory there is no other.
    async fn other_store(&self) -> Store {
        if self.url.contains(":memory:") { self.store.clone() } else { Store::open(&self.url).await.expect("it opens") }
    }
}

/// Why the database refuses a statement that goes around the store; nothing where nobody else can reach it, in memory.
async fn refused(url: &str, sql: &'static str) -> Option<String> {
    let error = if url.contains(":memory:") {
        return None;
    } else if url.starts_with("sqlite") {
        let pool = sqlx::SqlitePool::connect(url).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap_err()
    } else {
        let pool = sqlx::PgPool::connect(url).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap_err()
    };
    Some(error.to_string())
}

type Case = fn(Database) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! cases {
    ($($module:ident: $($case:ident)+;)+) => {
        const CASES: &[(&str, Case)] = &[
            $($((concat!(stringify!($module), "::", stringify!($case)), |database| Box::pin($module::$case(database))),)+)+
        ];
    };
}

cases! {
    opening: answers_a_ping opens_twice_and_keeps_what_is_stored;
    failures: the_first_report_wins log_text_is_not_kept a_failure_has_no_decision_before_it_is_decided
        the_first_decision_wins two_tasks_decide_one_failure_once lists_page_newest_first filters_narrow
        a_cursor_of_another_make_is_refused names_are_data_not_sql;
    attempts: the_first_record_wins history_is_of_one_job_newest_first since_is_read_oldest_first_in_pages
        the_first_outcome_wins one_attempt_is_found;
    savings: decided_attempts_are_joined_with_the_next_one;
    shadow: decisions_are_joined_with_the_first_attempt_that_followed;
    successes: jobs_that_succeed_often_enough_are_listed_by_name;
    recommendations: the_first_recommendation_wins history_is_of_one_job;
    host_samples: a_repeated_post_stores_nothing_twice samples_are_of_one_application old_samples_are_deleted;
    patches: a_new_patch_is_active_at_version_one the_same_content_again_is_the_same_patch
        other_content_under_the_same_id_is_refused two_tasks_create_one_patch a_patch_expires_by_the_clock
        uses_run_out uses_are_counted_once_under_contention lists_filter_by_status
        lists_page_without_gaps;
    patch_changes: each_change_is_a_version_and_an_entry a_stale_version_changes_nothing
        a_repeated_change_changes_nothing revoked_is_for_ever an_expired_patch_can_be_prolonged
        a_paused_patch_stays_paused_when_it_is_replaced two_tasks_change_one_patch_in_order history_pages
        the_same_content_is_still_the_same_patch_after_a_change an_unknown_patch_is_not_found
        uses_do_not_change_the_version a_reason_may_hold_any_character;
    patch_life: a_draft_applies_once_it_is_activated a_successor_takes_the_place_of_the_one_before
        a_patch_goes_back_to_any_version a_renewal_keeps_the_content history_tells_before_after_and_the_decision
        changes_are_told_in_order_with_revisions live_patches_are_read_in_pages uses_are_added_in_batches
        an_attempt_tells_its_patches a_guard_counts_attempts_with_and_without_the_patch
        what_ended_long_ago_is_forgotten history_cannot_be_rewritten
        word_of_a_change_comes_from_another_store;
    audit: every_kind_of_change_is_told_in_one_order entries_are_narrowed entries_page_without_gaps
        entries_cannot_be_rewritten;
    freezes: a_freeze_is_in_force_until_it_is_lifted freezes_page;
    failure_logs: the_first_logs_win old_and_too_many_logs_are_deleted;
    unclassified: groups_are_ranked_by_cost_then_failures the_first_row_of_a_failure_wins_and_samples_are_newest_first
        lists_of_groups_page old_rows_are_deleted a_cursor_of_another_list_is_refused;
    tokens: a_token_is_kept_by_its_digest a_rotated_token_keeps_its_old_secret_for_a_while
        a_revoked_token_is_no_credential_and_cannot_be_rotated the_last_use_never_goes_back
        tokens_list_newest_first_in_pages;
    policy: none_before_one_is_put versions_count_up a_stale_version_puts_nothing two_tasks_put_one_after_the_other;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_on_sqlite_in_memory() {
    run_all(|_| async { "sqlite::memory:".to_owned() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_on_a_sqlite_file() {
    let folder = tempfile::tempdir().unwrap();
    run_all(|number| {
        let file = folder.path().join(format!("case-{number}")).join("paramedic.db");
        async move { format!("sqlite://{}", file.display()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_on_postgresql() {
    let server = paramedic_test_postgres::Server::find_or_start().await;
    let suite = &server;
    run_all(|number| async move { suite.new_database(&format!("case_{number}")).await }).await;
    server.stop().await;
}

/// Runs every case on a database of its own and names each that failed.
async fn run_all<F: Future<Output = String>>(new_database: impl Fn(usize) -> F) {
    let mut failed = Vec::new();
    for (number, (name, case)) in CASES.iter().enumerate() {
        let database = Database::at(new_database(number).await).await;
        let store = database.store.clone();
        if let Err(error) = tokio::spawn(case(database)).await {
            failed.push(format!("{name}: {error}"));
        }
        store.close().await;
    }
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), CASES.len(), failed.join("\n"));
}
