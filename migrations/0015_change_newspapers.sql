-- The newspaper that a change belongs to, so that the feed can be filtered
-- without looking anything up: null for what belongs to none, such as photos.
-- Kept as it was: an article does not change its newspaper.
alter table changes add column newspaper text;

update changes set newspaper = split_part(resource, '/', 2) where resource like 'newspapers/%';

update changes c set newspaper = a.newspaper
from articles a
where c.resource = 'articles/' || a.id;
