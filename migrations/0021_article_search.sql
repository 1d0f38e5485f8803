-- What articles are found by: their texts folded (one case, one width, simplified
-- characters), with every character and every two neighbours as numbers (grams). The
-- program folds and cuts; it fills these tables when it starts after this migration.
--
-- Texts and grams lie beside the rows: most of what a search does is to walk over
-- rows by day.
create table article_search (
    article uuid primary key references articles (id) on delete cascade,
    newspaper text not null,
    -- By which results are ranked: of the newest published issue that it stands in,
    -- else of its first publication, else of its creation.
    day date not null,
    headline text not null,
    column_name text not null,
    bylines text not null,
    folded text not null,
    grams integer[] not null
) with (toast_tuple_target = 320);

-- Numbers do not compress, and texts are looked at more often than written.
alter table article_search alter column grams set storage external;

create index article_search_by_day on article_search (day desc, article desc);
-- Postgres collects new entries and sorts them in now and then, which holds up whoever
-- saves just then: little at a time.
create index article_search_grams on article_search using gin (grams) with (gin_pending_list_limit = 1024);

-- The same for what readers are served; an article that is withdrawn leaves it at
-- once.
create table published_article_search (
    article uuid primary key references published_articles (article) on delete cascade,
    newspaper text not null,
    day date not null,
    headline text not null,
    column_name text not null,
    bylines text not null,
    folded text not null,
    grams integer[] not null
) with (toast_tuple_target = 320);

alter table published_article_search alter column grams set storage external;

create index published_article_search_by_day on published_article_search (day desc, article desc);
create index published_article_search_by_newspaper
    on published_article_search (newspaper, day desc, article desc);
create index published_article_search_grams on published_article_search
    using gin (grams) with (gin_pending_list_limit = 1024);

-- How the entries of all search indexes were made, once they have all been made that
-- way.
create table search_indexes (
    only_row boolean primary key default true check (only_row),
    entries_version integer not null
);

-- The day by which an article is ranked.
create function article_search_day(sought uuid) returns date language sql stable as $$
    select coalesce(
        (select max(i.publish_date)
         from publication_articles stands
         join publications p on p.sequence = stands.publication
         join published_issues i on i.newspaper = p.newspaper and i.id = split_part(p.resource, '/', 4)
         where stands.article = sought and stands.withdrawn_by is null
           and p.kind in ('issue_published', 'issue_corrected')),
        (select min(p.publish_time at time zone 'UTC')::date
         from publication_articles stands
         join publications p on p.sequence = stands.publication
         where stands.article = sought and stands.withdrawn_by is null),
        (select (a.create_time at time zone 'UTC')::date from articles a where a.id = sought)
    )
$$;

-- Where there is nothing yet, nothing is made in an older way.
insert into search_indexes (entries_version)
select 1 where not exists (select from articles) and not exists (select from photos);
