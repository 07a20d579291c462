-- Tokens: the SHA-256 of each secret, never the secret. Revoked ones stay, for the record.
create table tokens (
    id text collate "C" primary key not null,
    name text not null,
    role text not null,
    scope text not null,
    digest text not null,
    previous_digest text,
    previous_until bigint,
    created_by text not null,
    created_at bigint not null,
    expires_at bigint,
    rotated_at bigint,
    revoked_at bigint,
    last_used_at bigint
);
create index tokens_newest on tokens (created_at desc, id desc);

-- One row: its version grows with every change of a token, so that servers see by one small read whether to read again.
create table token_version (
    only_row bigint primary key not null check (only_row = 1),
    version bigint not null
);
insert into token_version (only_row, version) values (1, 0);
