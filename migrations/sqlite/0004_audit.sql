-- Changes of the policy, of freezes and of tokens, append-only. Those of patches stand in patch_history.
-- number is the policy's version, the configuration's revision (freezes) or the tokens' version.
create table audit_entries (
    kind text not null check (kind in ('policy', 'freeze', 'token')),
    subject text not null,
    number integer not null,
    change text not null,
    actor text not null,
    reason text,
    changed_at integer not null,
    before text,
    after text not null,
    primary key (kind, subject, number)
) strict;
create index audit_entries_newest on audit_entries (changed_at desc, subject desc, number desc);

insert into audit_entries (kind, subject, number, change, actor, changed_at, before, after)
select 'policy', 'policy', p.version, 'put', p.actor, p.created_at, earlier.policy, p.policy
from policies p left join policies earlier on earlier.version = p.version - 1;

create trigger audit_entries_stay before update on audit_entries
begin
    select raise(abort, 'audit_entries is append-only');
end;
create trigger audit_entries_are_kept before delete on audit_entries
begin
    select raise(abort, 'audit_entries is append-only');
end;
