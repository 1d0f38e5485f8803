-- Where the retained history of changes begins: the place of the last change
-- that was removed because of its age, all zeros while none was. A cursor at or
-- before it, other than at exactly this place, asks for what is gone.
create table change_retention (
    only_row boolean primary key default true check (only_row),
    transaction xid8 not null,
    id bigint not null,
    change_time timestamptz not null
);

insert into change_retention (transaction, id, change_time) values ('0', 0, 'epoch');
