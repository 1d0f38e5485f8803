-- What an editor grants of a picture for print and for digital use: a channel
-- narrows the overall licence; these defaults take nothing from it.
alter table photos
    add column print_excluded boolean not null default false,
    add column print_start_date date,
    add column print_end_date date,
    add column digital_excluded boolean not null default false,
    add column digital_start_date date,
    add column digital_end_date date,
    add constraint photos_print_dates check (print_start_date <= print_end_date),
    add constraint photos_digital_dates check (digital_start_date <= digital_end_date),
    add column keywords text[] not null default '{}',
    -- 拍摄地点: where it was taken.
    add column place text not null default '';

-- The days on which readers are served the file as it was published: as granted
-- when it was published, and since then as an editor has decided about the photo
-- while it still had this file. Null means without bound.
alter table publication_photos
    add column digital_start_date date,
    add column digital_end_date date,
    -- On no day, whatever the bounds: taken back, excluded, or never cleared.
    add column digital_withheld boolean not null default false;

-- What was published before this was recorded: as the photo says now, if it still
-- has the file. An unknown clearance takes nothing back: a replaced file leaves
-- one, and no editor has decided anything.
update publication_photos f
set digital_start_date = p.license_start_date,
    digital_end_date = p.license_end_date,
    digital_withheld = p.clearance = 'do_not_use'
from photos p
where p.id = f.photo and p.file_sha256 = f.sha256;
