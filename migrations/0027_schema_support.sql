-- Which programs can work on this schema. A server of the release before runs on
-- beside a newer one while servers are replaced one by one: it finds migrations here
-- that it does not know, and looks whether it may.
create table schema_support (
    only_row boolean primary key default true check (only_row),
    -- The number of the newest migration that a program must know, at least. A
    -- migration that takes something away, or demands what was not demanded, raises it
    -- to the newest one of the release before it; what that release still uses is not
    -- taken away.
    oldest_migration bigint not null
);

insert into schema_support (oldest_migration) values (27);
