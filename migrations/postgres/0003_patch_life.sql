-- Drafts, superseded patches, and what the configuration service needs to answer from memory.

-- Counts the changes of patches, policies and freezes, in the order in which they are committed: whoever holds the row's
-- lock has the next number, so that a reader who asks for what came after a number misses nothing.
create table config_revision (
    id bigint primary key not null check (id = 1),
    revision bigint not null
);
insert into config_revision (id, revision) values (1, 0);

create function paramedic_tell_revision() returns trigger language plpgsql as $$
begin
    perform pg_notify('paramedic_config', new.revision::text);
    return null;
end
$$;
create trigger config_revision_told after update on config_revision
    for each row execute function paramedic_tell_revision();

alter table patches drop constraint patches_status_check;
alter table patches add constraint patches_status_check
    check (status in ('draft', 'active', 'paused', 'revoked', 'superseded'));
alter table patches add column revision bigint not null default 0;
drop index patches_in_scope;
create index patches_changed on patches (revision);
create index patches_live on patches (id) where status = 'active';

alter table patch_history add column decision_id text;
create index patch_history_newest on patch_history (changed_at desc, patch_id desc, version desc);
create function paramedic_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end
$$;
create trigger patch_history_stays before update or delete on patch_history
    for each row execute function paramedic_refuse_change();

-- Jobs that start with their own configuration. Lifted, never deleted.
create table freezes (
    id text collate "C" primary key not null,
    scope text not null,
    reason text,
    created_by text not null,
    created_at bigint not null,
    lifted_by text,
    lifted_at bigint
);
create index freezes_newest on freezes (created_at desc, id desc);

-- Which attempts started with a guarded patch.
create table patch_attempts (
    patch_id text collate "C" not null,
    attempt_id text collate "C" not null,
    primary key (patch_id, attempt_id)
);
