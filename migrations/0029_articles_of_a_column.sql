-- What stands in one column of the paper, by the days of what it tells of: without this,
-- all newer articles are taken apart to find a page of it.
create index articles_of_a_column_in_order_of_events
    on articles ((content ->> 'column'), (coalesce(content ->> 'event_date', '')), id);
