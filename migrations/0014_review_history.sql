-- 审稿历史: `reviews` keeps returns (退稿) beside sign-offs, and which revision
-- of an article was reviewed. Returns from before stand on their resource only.
create type review_outcome as enum ('signed', 'returned');

alter table reviews
    -- The default is for servers of an older version, which know sign-offs only.
    add column outcome review_outcome not null default 'signed',
    -- The revision of the article; null for issues and photos.
    add column revision bigint,
    drop constraint reviews_stage_check,
    -- A return is of stage 0 if every stage had signed.
    add constraint reviews_stage_check check (
        stage between 1 and 3 or (stage = 0 and outcome = 'returned')
    ),
    -- A return is never in force, and so in the way of no sign-off.
    add constraint reviews_return_void check (outcome = 'signed' or void_time is not null);

-- What a sign-off is about is the newest revision of its time that says what
-- was signed.
update reviews set revision = (
    select max(saved.revision) from article_revisions saved
    where saved.article = reviews.subject and saved.content_digest = reviews.content_digest
      and saved.create_time <= reviews.create_time
);

-- For the history of one subject, and for the revisions that must be kept.
create index reviews_history on reviews (subject, create_time desc, id desc);
