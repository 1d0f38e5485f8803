-- 审: sign-offs of articles, issues and photos, by the uid of the subject. A
-- void sign-off stays as history.
create table reviews (
    id uuid primary key,
    subject uuid not null,
    stage smallint not null check (stage between 1 and 3),
    reviewer text not null,
    content_digest bytea not null,
    remark text not null,
    create_time timestamptz not null,
    void_time timestamptz
);

-- The last defence of two rules of review: a stage is signed once, and nobody
-- signs two stages.
create unique index reviews_stage_once on reviews (subject, stage) where void_time is null;
create unique index reviews_person_once on reviews (subject, reviewer) where void_time is null;

-- Who has written any of the content of an article, issue or photo, and so may
-- not sign it.
create table authors (
    subject uuid not null,
    person text not null,
    primary key (subject, person)
);
