create type role as enum ('reader', 'reporter', 'editor', 'publisher', 'operator');

-- Who may call. A token is kept only as its SHA-256: tokens are random and
-- long, so that a plain digest cannot be searched.
create table access_tokens (
    id uuid primary key,
    token_digest bytea not null unique check (length(token_digest) = 32),
    -- The person that the token stands for; signs reviews and publications.
    person text not null,
    role role not null,
    create_time timestamptz not null
);

-- The first answers to calls with a request id, for callers who repeat them.
create table requests (
    person text not null,
    request_id uuid not null,
    method text not null,
    -- SHA-256 of the request, to tell a repetition from a reuse.
    request_digest bytea not null,
    -- The encoded answer; null only inside the first call's transaction.
    answer bytea,
    create_time timestamptz not null,
    primary key (person, request_id)
);

create index requests_create_time on requests (create_time);

-- Every change of a working copy, in the transaction that made it.
-- `transaction` orders rows of concurrent transactions: a reader takes only
-- those below pg_snapshot_xmin(pg_current_snapshot()), so that it never skips
-- one that commits late.
create table changes (
    id bigint generated always as identity primary key,
    transaction xid8 not null default pg_current_xact_id(),
    resource text not null,
    kind text not null,
    person text not null,
    change_time timestamptz not null
);

create index changes_order on changes (transaction, id);

-- Who did what: one row for each mutation.
create table audit_events (
    id bigint generated always as identity primary key,
    event_time timestamptz not null,
    person text not null,
    role role not null,
    method text not null,
    resource text not null,
    request_id uuid,
    -- SHA-256 of the content before and after, where the resource has one.
    digest_before bytea,
    digest_after bytea
);

create trigger audit_events_append_only before update or delete or truncate on audit_events
    for each statement execute function refuse_change_of_history();
