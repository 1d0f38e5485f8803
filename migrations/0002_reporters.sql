-- 记者: the people who may sign what the paper prints.
create table reporters (
    id uuid primary key,
    display_name text not null,
    pen_names text[] not null,
    press_card_number text not null,
    desk text not null,
    email text not null,
    phone text not null,
    -- Computed from the display name: how it is typed.
    pinyin text[] not null,
    retired boolean not null,
    version bigint not null default 1,
    create_time timestamptz not null,
    update_time timestamptz not null,
    delete_time timestamptz
);
