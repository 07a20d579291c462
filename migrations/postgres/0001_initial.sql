-- Ids and JSON are TEXT, times are microseconds since the Unix epoch: the same in both engines, so that one SQL text and
-- one Rust type serve both. Ids compare as bytes, as they do in SQLite.

-- A failure as it was reported, without the text of its logs.
create table failures (
    id text collate "C" primary key not null,
    report text not null,
    reported_at bigint not null
);

-- What was answered to a failure report. Written once.
create table decisions (
    failure_id text collate "C" primary key not null,
    scheduler text not null,
    workflow text not null,
    job text not null,
    class text not null,
    category text not null,
    decided_at bigint not null,
    decision text not null
);
create index decisions_newest on decisions (decided_at desc, failure_id desc);
create index decisions_of_job on decisions (workflow, job, decided_at desc);

-- What was answered to an outcome report. Written once.
create table outcomes (
    attempt_id text collate "C" primary key not null,
    report text not null,
    receipt text not null,
    recorded_at bigint not null
);

-- The end of each attempt: the labels. Written once.
create table attempts (
    attempt_id text collate "C" primary key not null,
    scheduler text not null,
    workflow text not null,
    job text not null,
    run text not null,
    attempt bigint not null,
    record text not null,
    recorded_at bigint not null
);
create index attempts_of_job on attempts (scheduler, workflow, job, recorded_at desc);
create index attempts_oldest on attempts (recorded_at, attempt_id);

-- Recommendations by request. Written once.
create table recommendations (
    id text collate "C" primary key not null,
    scheduler text not null,
    workflow text not null,
    job text not null,
    recommendation text not null,
    recommended_at bigint not null
);
create index recommendations_of_job on recommendations (scheduler, workflow, job, recommended_at desc);

-- What host agents saw. Deleted when old.
create table host_samples (
    application_id text not null,
    sampled_at bigint not null,
    host text not null,
    executor_id text not null,
    sample text not null,
    primary key (application_id, sampled_at, host, executor_id)
);
create index host_samples_oldest on host_samples (sampled_at);

-- Patches as they are now; how they became so stands in patch_history.
-- status is active, paused or revoked: expired is computed when it is read.
-- The scope's fields are those of content, to search by: '' (no name is empty) and 0 where it names none, so that the
-- patches of a job are found by equality.
create table patches (
    id text collate "C" primary key not null,
    version bigint not null,
    status text not null check (status in ('active', 'paused', 'revoked')),
    content text not null,
    source text not null,
    scope_scheduler text not null,
    scope_cluster text not null,
    scope_workflow text not null,
    scope_job text not null,
    scope_run text not null,
    scope_user text not null,
    scope_after_attempt bigint not null,
    expires_at bigint,
    max_uses bigint,
    uses bigint not null,
    created_by text not null,
    created_at bigint not null,
    updated_at bigint not null
);
create index patches_newest on patches (created_at desc, id desc);
create index patches_in_scope on patches (scope_workflow, scope_job, scope_run) where status = 'active';

-- Append-only.
create table patch_history (
    patch_id text collate "C" not null references patches (id),
    version bigint not null,
    change text not null,
    actor text not null,
    reason text,
    changed_at bigint not null,
    after text not null,
    primary key (patch_id, version)
);

-- Append-only; the greatest version is in force.
create table policies (
    version bigint primary key not null,
    policy text not null,
    actor text not null,
    created_at bigint not null
);
