-- The head of the ledger: one row, locked by whoever publishes, so that the
-- ledger has no gaps and is in commit order. Publishing is rare.
create table ledger_head (
    only_row boolean primary key default true check (only_row),
    sequence bigint not null,
    hash bytea not null check (length(hash) = 32)
);

insert into ledger_head (sequence, hash) values (0, decode(repeat('00', 32), 'hex'));

create type publication_kind as enum (
    'issue_published', 'issue_corrected', 'issue_withdrawn',
    'article_published', 'article_corrected', 'article_withdrawn'
);

-- The ledger: every act of publishing, append-only and hash-chained.
create table publications (
    sequence bigint primary key check (sequence >= 1),
    kind publication_kind not null,
    -- The name of the issue or article.
    resource text not null,
    newspaper text not null references newspapers (id),
    revision bigint not null,
    size_bytes bigint not null,
    sha256 bytea not null check (length(sha256) = 32),
    previous_hash bytea not null check (length(previous_hash) = 32),
    hash bytea not null check (length(hash) = 32),
    publisher text not null,
    publish_time timestamptz not null,
    note text not null,
    supersedes bigint references publications (sequence),
    acknowledged text[] not null
);

-- The sealed bytes of a publication, apart from the ledger so that walking the
-- ledger does not drag them along. Compressed bytes would have to be unpacked
-- for each read: stored plain.
create table snapshots (
    publication bigint primary key references publications (sequence),
    bytes bytea not null
);

alter table snapshots alter column bytes set storage external;

-- What readers find by issue: the newest publication of each published issue,
-- with the facts that a list shows.
create table published_issues (
    newspaper text not null references newspapers (id),
    id text not null,
    publication bigint not null references publications (sequence),
    number integer not null,
    publish_date date not null,
    page_count integer not null,
    primary key (newspaper, id)
);

create index published_issues_by_date on published_issues (newspaper, publish_date desc, id desc);

-- What readers find by article: the article as it was last published, sealed
-- for itself.
create table published_articles (
    article uuid primary key references articles (id),
    publication bigint not null references publications (sequence),
    bytes bytea not null
);

alter table published_articles alter column bytes set storage external;

-- What readers find by photo: the file as it was last published.
create table published_photos (
    photo uuid primary key references photos (id),
    publication bigint not null references publications (sequence),
    sha256 bytea not null check (length(sha256) = 32),
    content_type text not null,
    size_bytes bigint not null,
    width_px integer not null,
    height_px integer not null
);

-- The ledger and its snapshots are history: no one edits or removes a row.
create function refuse_change_of_history() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are never changed or removed', tg_table_name;
end
$$;

create trigger publications_append_only before update or delete or truncate on publications
    for each statement execute function refuse_change_of_history();
create trigger snapshots_append_only before update or delete or truncate on snapshots
    for each statement execute function refuse_change_of_history();
create trigger article_revisions_no_update before update or truncate on article_revisions
    for each statement execute function refuse_change_of_history();
