-- 更正: corrections that the paper owes for articles that it has printed. A row
-- is closed, never removed: by whoever cancels it, or by the publication that
-- brought the correction.
create table owed_corrections (
    id uuid primary key,
    -- The article that was printed with the error.
    article uuid not null references articles (id),
    newspaper text not null references newspapers (id),
    -- Where the error was printed: the id of the issue, its day, the page.
    issue text not null,
    publish_date date not null,
    page integer not null check (page between 1 and 999),
    -- What is wrong, and who recorded it.
    reason text not null,
    person text not null,
    create_time timestamptz not null,
    cancel_reason text,
    cancel_person text,
    cancel_time timestamptz,
    settled_by bigint references publications (sequence),
    constraint owed_corrections_cancelled check (
        num_nulls(cancel_reason, cancel_person, cancel_time) in (0, 3)
    ),
    constraint owed_corrections_closed_once check (cancel_time is null or settled_by is null),
    foreign key (newspaper, issue) references issues (newspaper, id)
);

-- An article owes one correction at a time.
create unique index owed_corrections_open on owed_corrections (article)
    where cancel_time is null and settled_by is null;
create index owed_corrections_by_newspaper on owed_corrections (newspaper, publish_date)
    where cancel_time is null and settled_by is null;

-- Which articles say that they correct another one, which therefore stays.
create index articles_corrects on articles ((content ->> 'corrects')) where content ? 'corrects';
