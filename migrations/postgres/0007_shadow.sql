-- What a challenger would have recommended, beside what the champion did.
create table shadow_decisions (
    recommendation_id text collate "C" not null,
    challenger text collate "C" not null,
    champion text collate "C" not null,
    decision text not null,
    decided_at bigint not null,
    primary key (recommendation_id, challenger)
);
create index shadow_decisions_of_challenger on shadow_decisions (challenger, decided_at, recommendation_id);
