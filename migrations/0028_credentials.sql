-- What a credential is for, and until when. Besides tokens there are client
-- certificates: `token_digest` is then the SHA-256 of the certificate (DER), which
-- the caller proves to hold in the TLS handshake.
alter table access_tokens
    add column certificate boolean not null default false,
    -- The newspapers it is for, by id; empty for all, and what belongs to none.
    add column newspapers text[] not null default '{}',
    -- What operators know it by.
    add column note text not null default '',
    add column creator text not null default '',
    add column expire_time timestamptz,
    add column revoke_time timestamptz,
    add column revoker text,
    -- Kept to the minute: servers note it now and then, not at each call.
    add column last_use_time timestamptz,
    -- Who runs the service runs it for all newspapers.
    add check (role <> 'operator' or newspapers = '{}');

-- Counts what makes a credential mean something else. Every server reads this one row
-- a few times a second and forgets what it knew of credentials when it has moved, so
-- that a revocation holds everywhere at once, whoever wrote it.
create table credential_changes (
    id boolean primary key default true check (id),
    number bigint not null
);

insert into credential_changes (number) values (0);

create function count_credential_change() returns trigger language plpgsql as $$
begin
    update credential_changes set number = number + 1;
    return null;
end
$$;

-- Not for `last_use_time`, which means nothing to anyone's rights. A new credential
-- was not known before, so that nothing has to be forgotten.
create trigger access_tokens_count_change
    after delete or truncate
        or update of token_digest, certificate, person, role, newspapers, expire_time, revoke_time
    on access_tokens
    for each statement execute function count_credential_change();
