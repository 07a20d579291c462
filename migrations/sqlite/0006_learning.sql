-- What the trainer, the savings report and the ledger read by column instead of from JSON.

alter table attempts add column status text not null default 'failed';
alter table attempts add column cost_usd real;
alter table attempts add column recommendation_id text;
update attempts set recommendation_id = json_extract(record, '$.recommendation_id');
update attempts set status = json_extract(record, '$.status'), cost_usd = json_extract(record, '$.cost_usd');
create index attempts_of_run on attempts (scheduler, workflow, job, run, attempt);
create index attempts_of_recommendation on attempts (recommendation_id) where recommendation_id is not null;

-- withheld: the action that a job held out as control was not given.
alter table decisions add column action text not null default 'do_not_retry';
alter table decisions add column withheld text;
update decisions set action = json_extract(decision, '$.action');

-- Which patches an attempt started with.
create index patch_attempts_of_attempt on patch_attempts (attempt_id);
