-- What the trainer, the savings report and the ledger read by column instead of from JSON.

alter table attempts add column status text not null default 'failed';
alter table attempts add column cost_usd double precision;
alter table attempts add column recommendation_id text collate "C";
update attempts set recommendation_id = record::json ->> 'recommendation_id';
update attempts set status = record::json ->> 'status', cost_usd = (record::json ->> 'cost_usd')::double precision;
create index attempts_of_run on attempts (scheduler, workflow, job, run, attempt);
create index attempts_of_recommendation on attempts (recommendation_id) where recommendation_id is not null;

-- withheld: the action that a job held out as control was not given.
alter table decisions add column action text not null default 'do_not_retry';
alter table decisions add column withheld text;
update decisions set action = decision::json ->> 'action';

-- Which patches an attempt started with.
create index patch_attempts_of_attempt on patch_attempts (attempt_id);
