-- What lists are filtered and sorted by, each with the id behind it, so that a page
-- begins where the one before it ended.
create index articles_by_state on articles (state, id);
create index articles_by_creator on articles (creator, id);
create index articles_by_column on articles ((content ->> 'column'), id);
create index articles_by_event_date on articles ((content ->> 'event_date'), id);
create index articles_in_order_of_events on articles ((coalesce(content ->> 'event_date', '')), id);
create index articles_by_update_time on articles (update_time, id);
create index articles_by_create_time on articles (create_time, id);
create index articles_by_delete_time on articles (delete_time, id) where delete_time is not null;
create index articles_by_keyword on articles using gin ((content -> 'keywords') jsonb_path_ops);

-- For "mine".
create index authors_by_person on authors (person, subject);

create index photos_by_state on photos (state, id);
create index photos_by_clearance on photos (clearance, id);
create index photos_by_creator on photos (creator, id);
create index photos_by_content_type on photos (file_content_type, id);
create index photos_by_create_time on photos (create_time, id);
create index photos_by_update_time on photos (update_time, id);
create index photos_by_delete_time on photos (delete_time, id) where delete_time is not null;
create index photos_by_keyword on photos using gin (keywords);

create index reporters_by_update_time on reporters (update_time, id);
