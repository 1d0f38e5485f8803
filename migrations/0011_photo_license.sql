-- The days for which the rights in a picture are granted, both included (PLUS
-- License Start Date and License End Date); null means without bound.
alter table photos
    add column license_start_date date,
    add column license_end_date date,
    add constraint photos_license_dates check (license_start_date <= license_end_date);
