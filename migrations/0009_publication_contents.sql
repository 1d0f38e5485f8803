-- What stands in each publication, so that a withdrawal reaches every snapshot
-- that holds what is withdrawn.
create table publication_articles (
    publication bigint not null references publications (sequence),
    article uuid not null references articles (id),
    revision bigint not null,
    -- The page it was printed on; null for an article published by itself, and
    -- where it was not recorded yet.
    page integer,
    -- The tombstone that took it back out of this publication.
    withdrawn_by bigint references publications (sequence),
    primary key (publication, article)
);

create index publication_articles_article on publication_articles (article, publication desc);

-- The photos that the articles of a publication use, with the file as it was
-- published.
create table publication_photos (
    publication bigint not null,
    article uuid not null,
    photo uuid not null references photos (id),
    sha256 bytea not null check (length(sha256) = 32),
    content_type text not null,
    size_bytes bigint not null,
    width_px integer not null,
    height_px integer not null,
    primary key (publication, article, photo),
    foreign key (publication, article) references publication_articles (publication, article)
);

create index publication_photos_article on publication_photos (article);
create index publication_photos_photo on publication_photos (photo, publication desc);

-- What readers get of a publication instead of its sealed bytes since something
-- in it was withdrawn; empty bytes if all of it was. The sealed bytes stay for
-- the ledger and are not served any more.
create table redactions (
    publication bigint primary key references publications (sequence),
    bytes bytea not null
);

alter table redactions alter column bytes set storage external;

-- A withdrawn issue keeps its row, which then names the tombstone: its running
-- number stays taken.
alter table published_issues add column withdrawn boolean not null default false;

create index publications_resource on publications (resource, sequence desc);

-- Publications made before this was recorded: the newest one of each article,
-- in the revision that was signed last before it.
insert into publication_articles (publication, article, revision)
select s.publication, s.article,
       coalesce(case when p.kind::text like 'article%' then p.revision end,
                (select max(r.revision) from article_revisions r
                 join reviews v on v.subject = r.article and v.content_digest = r.content_digest
                 where r.article = s.article and v.create_time <= p.publish_time),
                a.revision)
from published_articles s
join publications p on p.sequence = s.publication
join articles a on a.id = s.article;

-- Their photos, by an article that uses the photo or else any of the same
-- publication.
insert into publication_photos
select f.publication, s.article, f.photo, f.sha256, f.content_type, f.size_bytes, f.width_px, f.height_px
from published_photos f
cross join lateral (
    select s.article from published_articles s
    where s.publication = f.publication
    order by exists (select from article_photos u where u.article = s.article and u.photo = f.photo) desc,
             s.article
    limit 1
) s;

drop table published_photos;
