-- Every original in the photo store, with what its bytes say. Whoever refers to
-- a file, or removes one, holds its row: so no file goes while it is taken up.
create table photo_files (
    sha256 bytea primary key check (length(sha256) = 32),
    content_type text not null,
    size_bytes bigint not null check (size_bytes > 0),
    -- As the picture is shown, after its orientation.
    width_px integer not null,
    height_px integer not null,
    -- How the stored pixels lie (Exif Orientation): 1 is upright.
    orientation smallint not null default 1 check (orientation between 1 and 8),
    -- What camera and agencies wrote into it, as typed fields; null if nobody has
    -- read it yet.
    embedded jsonb,
    -- All of it, as it was read, and what could not be read.
    metadata jsonb,
    create_time timestamptz not null,
    constraint photo_files_metadata check (num_nulls(embedded, metadata) in (0, 2))
);

-- Files from before this was kept.
insert into photo_files (sha256, content_type, size_bytes, width_px, height_px, create_time)
select file_sha256, file_content_type, file_size_bytes, file_width_px, file_height_px, create_time
from photos
where file_sha256 is not null
on conflict do nothing;

insert into photo_files (sha256, content_type, size_bytes, width_px, height_px, create_time)
select f.sha256, f.content_type, f.size_bytes, f.width_px, f.height_px, p.publish_time
from publication_photos f join publications p on p.sequence = f.publication
on conflict do nothing;

-- Who refers to a file.
create index photos_file_sha256 on photos (file_sha256);
create index publication_photos_sha256 on publication_photos (sha256);

-- Files that are coming. What has come lies in the photo store under the id of
-- the upload; the row says how far it is, so that any server can go on.
create table photo_uploads (
    id uuid primary key,
    photo uuid not null references photos (id) on delete cascade,
    uploader text not null,
    -- Whether the uploader was given its name, and may go on after a break.
    resumable boolean not null,
    -- What the uploader has declared: null or empty means nothing.
    size_bytes bigint check (size_bytes > 0),
    sha256 bytea check (length(sha256) = 32),
    content_type text not null,
    -- The call that is sending now or was last; a new one takes over. What a call
    -- writes lies under this id, apart from what others write.
    writer uuid not null,
    received_bytes bigint not null,
    -- The state of the digest over what has come.
    hasher bytea not null,
    -- In a bucket: the service's ids of the multipart upload and its parts, and
    -- how many bytes lie behind the last part.
    multipart text,
    parts text[] not null,
    tail_bytes bigint not null,
    -- When the photo got the file; null until then.
    store_time timestamptz,
    create_time timestamptz not null,
    update_time timestamptz not null,
    -- When it is removed, unless something comes before.
    expire_time timestamptz not null
);

create index photo_uploads_uploader on photo_uploads (uploader);
create index photo_uploads_photo on photo_uploads (photo);
create index photo_uploads_expire_time on photo_uploads (expire_time);
