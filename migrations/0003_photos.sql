-- Where a working copy stands in review; see the workflow of articles,
-- issues and photos.
create type review_state as enum ('draft', 'reviewed', 'published', 'withdrawn');

-- What has been found out about the rights in a picture.
create type clearance as enum ('unknown', 'cleared', 'do_not_use');

-- 图片: pictures. The files themselves lie in the photo store under their
-- SHA-256; a row without a digest still waits for its file.
create table photos (
    id uuid primary key,
    creator text not null,
    caption text not null,
    -- [{reporter, printed_name, role}], in printed order.
    bylines jsonb not null,
    credit_line text not null,
    copyright_notice text not null,
    usage_terms text not null,
    clearance clearance not null,
    -- The person who set the clearance; empty while it is unknown.
    cleared_by text not null,
    file_sha256 bytea check (length(file_sha256) = 32),
    file_content_type text,
    file_size_bytes bigint,
    file_width_px integer,
    file_height_px integer,
    state review_state not null,
    -- What a review signs: SHA-256 over the editorial fields and the file digest.
    content_digest bytea not null check (length(content_digest) = 32),
    return_reason text not null default '',
    version bigint not null default 1,
    create_time timestamptz not null,
    update_time timestamptz not null,
    delete_time timestamptz,
    constraint photos_file_facts check (
        num_nulls(file_sha256, file_content_type, file_size_bytes, file_width_px, file_height_px) in (0, 5)
    )
);
