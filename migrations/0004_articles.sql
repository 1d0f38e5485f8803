-- 稿件: the working copies of articles. The content is one JSON document, as
-- its review signs it as one; what other tables need of it is kept beside it
-- in the same transaction.
create table articles (
    id uuid primary key,
    newspaper text not null references newspapers (id),
    creator text not null,
    content jsonb not null,
    -- The SHA-256 over the content in its canonical form, which a review signs.
    content_digest bytea not null check (length(content_digest) = 32),
    -- The number of the newest revision, which is this content.
    revision bigint not null,
    state review_state not null,
    return_reason text not null default '',
    -- The sequence number of the newest publication that contains it.
    latest_publication bigint,
    version bigint not null default 1,
    create_time timestamptz not null,
    update_time timestamptz not null,
    delete_time timestamptz
);

create index articles_newspaper on articles (newspaper, id);

-- One saved version of an article. Rows are only ever added.
create table article_revisions (
    article uuid not null references articles (id),
    revision bigint not null check (revision >= 1),
    content jsonb not null,
    content_digest bytea not null,
    author text not null,
    create_time timestamptz not null,
    primary key (article, revision)
);

-- Which reporters the working copy refers to in its bylines, so that a
-- referenced reporter cannot be deleted.
create table article_reporters (
    article uuid not null references articles (id),
    reporter uuid not null references reporters (id),
    primary key (article, reporter)
);

create index article_reporters_reporter on article_reporters (reporter);

-- Which photos the working copy uses, beside or inside its text.
create table article_photos (
    article uuid not null references articles (id),
    photo uuid not null references photos (id),
    primary key (article, photo)
);

create index article_photos_photo on article_photos (photo);

-- Which reporters a photo's bylines refer to.
create table photo_reporters (
    photo uuid not null references photos (id),
    reporter uuid not null references reporters (id),
    primary key (photo, reporter)
);

create index photo_reporters_reporter on photo_reporters (reporter);
