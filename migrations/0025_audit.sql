-- The audit tells of every mutation and of every one that was refused: who, what, when,
-- from where, by which call, on which resource, and how it ended.
alter table audit_events
    -- The id of the call, as its answer and the logs have it; null for rows from before.
    add column call_id uuid,
    -- The address that the call came from; null for what the service does by itself.
    add column peer text,
    -- How it ended: OK, or the name of the gRPC code and the reason of the refusal.
    add column code text not null default 'OK',
    add column reason text not null default '';

-- Who calls without a valid credential is nobody that is known.
alter table audit_events alter column person drop not null, alter column role drop not null,
    add check (code <> 'OK' or (person is not null and role is not null));

create index audit_events_resource on audit_events (resource text_pattern_ops, id);
create index audit_events_person on audit_events (person, id);
create index audit_events_time on audit_events (event_time);
create index audit_events_call on audit_events ((call_id::text));
create index audit_events_refused on audit_events (id) where code <> 'OK';

-- Rows are never changed, and never removed while they are younger than six months:
-- what an operator may set as the retention begins there, as the Cybersecurity Law of
-- the PRC asks for logs of at least six months (article 21). This holds for the role of
-- the service and for everyone else; only who owns the table can take it away, which is
-- why the service should run as another role than the one that migrates.
drop trigger audit_events_append_only on audit_events;

create trigger audit_events_append_only before update or truncate on audit_events
    for each statement execute function refuse_change_of_history();

create function refuse_removal_of_young_rows() returns trigger language plpgsql as $$
begin
    if old.event_time > now() - interval '183 days' then
        raise exception 'rows of % are kept for 183 days', tg_table_name;
    end if;
    return old;
end
$$;

create trigger audit_events_keep_young before delete on audit_events
    for each row execute function refuse_removal_of_young_rows();
