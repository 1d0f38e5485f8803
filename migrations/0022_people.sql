-- 检索记者: how a list in the Chinese order sorts a reporter (by pinyin, with tone
-- numbers, syllable by syllable), computed from the display name.
alter table reporters
    add column pinyin_order text collate "C" not null default '',
    -- The version whose names `pinyin_order` and `reporter_keys` were made of. They
    -- cannot be made in SQL: servers make those that are missing, and those of names
    -- that a server of an older version has written.
    add column search_version bigint not null default 0,
    -- 合并: the reporter who this duplicate turned out to be, and for whom it stands
    -- since then. That one is never a duplicate itself.
    add column merged_into uuid references reporters (id),
    add constraint reporters_merged check (
        merged_into is null or (merged_into <> id and delete_time is not null)
    );

create index reporters_search_version on reporters (id) where search_version <> version;
create index reporters_merged_into on reporters (merged_into) where merged_into is not null;

-- The two orders of a list.
create index reporters_by_pinyin on reporters (pinyin_order, (display_name collate "C"), id);
create index reporters_by_name on reporters ((display_name collate "C"), id);

-- What a reporter is found by, each from its beginning on: names and pen names,
-- folded and without what parts words, and how they are typed. By code point, so
-- that the index finds beginnings.
create table reporter_keys (
    reporter uuid not null references reporters (id) on delete cascade,
    key text collate "C" not null,
    primary key (reporter, key)
);

create index reporter_keys_key on reporter_keys (key, reporter);

-- A revision that nobody wrote: the copy of this one, made when two reporters were
-- merged, with the other one in its bylines.
alter table article_revisions add column carried_from bigint;
