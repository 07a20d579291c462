-- What is kept of the logs of a failure: JSON, compressed with zstd. Deleted when old, or when all are too large.
create table failure_logs (
    failure_id text primary key not null,
    logs blob not null,
    stored_bytes integer not null,
    stored_at integer not null
) strict;
create index failure_logs_oldest on failure_logs (stored_at, failure_id, stored_bytes);

-- Failures that no rule classified, by the group of their template. Deleted when old.
-- Money in millionths of a dollar: sums are exact, and the same in both engines.
create table unclassified (
    failure_id text primary key not null,
    group_id text not null,
    template text not null,
    workflow text not null,
    job text not null,
    cost_micro_usd integer,
    decided_at integer not null,
    excerpt text
) strict;
create index unclassified_of_group on unclassified (group_id, decided_at desc, failure_id desc);
create index unclassified_oldest on unclassified (decided_at);
