-- 报纸: the titles, with the standing facts of their mastheads.
create table newspapers (
    -- Chosen by the caller: the last part of `newspapers/{newspaper}`. Never reused.
    id text primary key,
    uid uuid not null unique,
    title text not null,
    serial_code text not null,
    supervising_body text not null,
    publishing_body text not null,
    chief_editor text not null,
    hotline text not null,
    website text not null,
    email text not null,
    time_zone text not null,
    language_code text not null,
    price_note text not null,
    review_stages smallint not null check (review_stages between 1 and 3),
    -- Counts changes; the etag is made of it.
    version bigint not null default 1,
    create_time timestamptz not null,
    update_time timestamptz not null,
    delete_time timestamptz
);
