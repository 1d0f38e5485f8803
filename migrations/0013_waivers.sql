-- Checks that the caller waived by name, as codes of `PublishCheck`, sorted: the
-- same in all rows of one mutation.
alter table audit_events add column waived text[] not null default '{}';
