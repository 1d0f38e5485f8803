-- What editors say about how a picture is cut: the part of it that is shown, as
-- {left, top, width, height}, and the point that matters most, as {x, y}; in
-- fractions of the picture as it is displayed. Null means all of it, and its
-- middle.
alter table photos
    add column crop jsonb,
    add column focal_point jsonb;

-- The same as published, with the words that a rendition carries.
alter table publication_photos
    add column crop jsonb,
    add column focal_point jsonb,
    add column caption text not null default '',
    add column credit_line text not null default '',
    add column copyright_notice text not null default '';

-- A photo that is published still has the words it was published with: every
-- change of them would have made it a draft. What was published before its
-- newest publication is not served any more.
update publication_photos p
set caption = f.caption, credit_line = f.credit_line, copyright_notice = f.copyright_notice
from photos f
where f.id = p.photo and f.state = 'published' and f.file_sha256 = p.sha256;

-- Renditions that have been made. Their bytes lie in the photo store under the
-- key: SHA-256 over the digest of the original and everything else that they
-- follow from. They can be made again at any time.
create table renditions (
    key bytea primary key check (length(key) = 32),
    original_sha256 bytea not null check (length(original_sha256) = 32),
    sha256 bytea not null check (length(sha256) = 32),
    size_bytes bigint not null,
    width_px integer not null,
    height_px integer not null,
    create_time timestamptz not null
);

-- What goes with an original when it is purged.
create index renditions_original on renditions (original_sha256);
