-- Drafts, superseded patches, and what the configuration service needs to answer from memory.

-- Counts the changes of patches, policies and freezes, in the order in which they are committed: whoever holds the row's
-- lock has the next number, so that a reader who asks for what came after a number misses nothing.
create table config_revision (
    id integer primary key not null check (id = 1),
    revision integer not null
) strict;
insert into config_revision (id, revision) values (1, 0);

-- A check cannot be changed in place: both tables are made anew, the one that refers to the other first to go.
create table patches_new (
    id text primary key not null,
    version integer not null,
    status text not null check (status in ('draft', 'active', 'paused', 'revoked', 'superseded')),
    content text not null,
    source text not null,
    scope_scheduler text not null,
    scope_cluster text not null,
    scope_workflow text not null,
    scope_job text not null,
    scope_run text not null,
    scope_user text not null,
    scope_after_attempt integer not null,
    expires_at integer,
    max_uses integer,
    uses integer not null,
    created_by text not null,
    created_at integer not null,
    updated_at integer not null,
    revision integer not null default 0
) strict;
insert into patches_new
    select id, version, status, content, source, scope_scheduler, scope_cluster, scope_workflow, scope_job, scope_run,
        scope_user, scope_after_attempt, expires_at, max_uses, uses, created_by, created_at, updated_at, 0
    from patches;
create table patch_history_new (
    patch_id text not null references patches_new (id),
    version integer not null,
    change text not null,
    actor text not null,
    reason text,
    decision_id text,
    changed_at integer not null,
    after text not null,
    primary key (patch_id, version)
) strict;
insert into patch_history_new
    select patch_id, version, change, actor, reason, null, changed_at, after from patch_history;
drop table patch_history;
drop table patches;
alter table patches_new rename to patches;
alter table patch_history_new rename to patch_history;
create index patches_newest on patches (created_at desc, id desc);
create index patches_changed on patches (revision);
create index patches_live on patches (id) where status = 'active';
create index patch_history_newest on patch_history (changed_at desc, patch_id desc, version desc);

create trigger patch_history_stays before update on patch_history
begin
    select raise(abort, 'patch_history is append-only');
end;
create trigger patch_history_is_kept before delete on patch_history
begin
    select raise(abort, 'patch_history is append-only');
end;

-- Jobs that start with their own configuration. Lifted, never deleted.
create table freezes (
    id text primary key not null,
    scope text not null,
    reason text,
    created_by text not null,
    created_at integer not null,
    lifted_by text,
    lifted_at integer
) strict;
create index freezes_newest on freezes (created_at desc, id desc);

-- Which attempts started with a guarded patch.
create table patch_attempts (
    patch_id text not null,
    attempt_id text not null,
    primary key (patch_id, attempt_id)
) strict;
