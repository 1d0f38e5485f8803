-- Published issues as an archive: in their order, by number, and by the day of the
-- year.
--
-- The order of the issues of one day: by running number, those without one (extras)
-- behind; then by id.
alter table published_issues
    add column day_order integer not null
        generated always as (case number when 0 then 2147483647 else number end) stored,
    -- Month and day as one number: 421 is 21 April.
    add column month_day smallint not null
        generated always as (
            (extract(month from publish_date) * 100 + extract(day from publish_date))::smallint
        ) stored;

-- Ids are compared by their bytes, so that the order is the same in every database.
drop index published_issues_by_date;
create index published_issues_by_date
    on published_issues (newspaper, publish_date, day_order, id collate "C");
create index published_issues_by_month_day
    on published_issues (newspaper, month_day, publish_date, day_order, id collate "C");
create index published_issues_by_number on published_issues (newspaper, number);
