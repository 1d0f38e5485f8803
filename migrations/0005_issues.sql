-- 期: dated issues of a newspaper, and the layout of their pages.
create table issues (
    uid uuid primary key,
    newspaper text not null references newspapers (id),
    -- Chosen by the caller: the last part of the name. Never reused.
    id text not null,
    creator text not null,
    -- 第N期; 0 for an issue without a running number.
    number integer not null check (number >= 0),
    publish_date date not null,
    weather_condition text not null,
    weather_wind text not null,
    weather_low_celsius integer,
    weather_high_celsius integer,
    price_note text not null,
    planned_page_count integer not null check (planned_page_count >= 0),
    state review_state not null,
    -- What a review signs: SHA-256 over the facts above and the layout.
    content_digest bytea not null check (length(content_digest) = 32),
    return_reason text not null default '',
    latest_publication bigint,
    -- How often it has been published.
    publication_count bigint not null default 0,
    version bigint not null default 1,
    create_time timestamptz not null,
    update_time timestamptz not null,
    delete_time timestamptz,
    constraint issues_name unique (newspaper, id)
);

create index issues_by_date on issues (newspaper, publish_date desc, id desc);

-- 版: one page of an issue.
create table pages (
    issue uuid not null references issues (uid),
    number integer not null check (number between 1 and 999),
    section text not null,
    editor text not null,
    version bigint not null default 1,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (issue, number)
);

create type placement_role as enum ('unspecified', 'lead', 'secondary', 'brief', 'photo_story');

-- One article put on one page; the texts are as printed there, empty where the
-- article's own stands.
create table placements (
    issue uuid not null,
    page integer not null,
    position integer not null check (position >= 1),
    article uuid not null references articles (id),
    role placement_role not null,
    headline text not null,
    kicker text not null,
    byline text not null,
    primary key (issue, page, position),
    foreign key (issue, page) references pages (issue, number) on delete cascade
);

create index placements_article on placements (article);
