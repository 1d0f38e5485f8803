-- Publication at a time to come. The order as its publisher gave it, with what
-- went wrong if it failed; and when a server next has to carry it out, which is
-- null once it failed.
alter table issues
    add column schedule jsonb,
    add column publish_due timestamptz;

alter table articles
    add column schedule jsonb,
    add column publish_due timestamptz;

create index issues_publish_due on issues (publish_due) where publish_due is not null;
create index articles_publish_due on articles (publish_due) where publish_due is not null;
