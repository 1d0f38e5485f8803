//! Credentials in Postgres.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    admin::{
        Role,
        credential::{Credential, Grant},
    },
    db::list::{self, Key, List, Sort, Sql},
    digest::Digest,
    error::Result,
    filter::{Comparison, Filter, Operator, Order, Value},
    workflow::store::digest,
};

/// Whether any credential was ever made.
pub async fn any(connection: &mut PgConnection) -> Result<bool> {
    let any = sqlx::query_scalar!(r#"select exists (select from access_tokens) as "any!""#);
    Ok(any.fetch_one(connection).await?)
}

/// Whether something is a credential already, revoked ones too.
pub async fn is_known(connection: &mut PgConnection, shown: Digest) -> Result<bool> {
    let known = sqlx::query_scalar!(
        r#"select exists (select from access_tokens where token_digest = $1) as "known!""#,
        shown.as_bytes()
    );
    Ok(known.fetch_one(connection).await?)
}

/// Keeps a credential, by the digest of what callers show.
pub async fn insert(connection: &mut PgConnection, credential: &Credential, shown: Digest) -> Result<()> {
    let Grant { person, role, newspapers, note, expire_time } = &credential.grant;
    sqlx::query!(
        "insert into access_tokens (id, token_digest, certificate, person, role, newspapers, note, creator,
                                    create_time, expire_time)
         values ($1, $2, $3, $4, $5::text::role, $6, $7, $8, $9, $10)",
        credential.id,
        shown.as_bytes(),
        credential.certificate.is_some(),
        person,
        role.as_str(),
        newspapers,
        note,
        credential.creator,
        credential.create_time,
        *expire_time
    )
    .execute(connection)
    .await?;
    Ok(())
}

struct Row {
    id: Uuid,
    token_digest: Vec<u8>,
    certificate: bool,
    person: String,
    role: String,
    newspapers: Vec<String>,
    note: String,
    creator: String,
    create_time: DateTime<Utc>,
    expire_time: Option<DateTime<Utc>>,
    revoke_time: Option<DateTime<Utc>>,
    revoker: Option<String>,
    last_use_time: Option<DateTime<Utc>>,
}

impl Row {
    fn credential(self) -> Result<Credential> {
        Ok(Credential {
            id: self.id,
            grant: Grant {
                person: self.person,
                role: Role::parse(&self.role)?,
                newspapers: self.newspapers,
                note: self.note,
                expire_time: self.expire_time,
            },
            certificate: self.certificate.then(|| digest(&self.token_digest)).transpose()?,
            creator: self.creator,
            create_time: self.create_time,
            revoked: self.revoke_time.zip(self.revoker),
            last_use_time: self.last_use_time,
        })
    }
}

/// Several credentials, in no order; those that are there.
pub async fn find_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Credential>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, token_digest, certificate, person, role::text as "role!", newspapers, note, creator,
                  create_time, expire_time, revoke_time, revoker, last_use_time
           from access_tokens where id = any($1)"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::credential).collect()
}

/// One credential.
pub async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Credential>> {
    Ok(find_all(connection, &[id]).await?.pop())
}

/// One credential, locked against other changes until the transaction ends.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Credential>> {
    sqlx::query!("select id from access_tokens where id = $1 for update", id)
        .fetch_optional(&mut *connection)
        .await?;
    find(connection, id).await
}

/// The credential that somebody shows, if it is of this form and not revoked. Looked
/// up by its digest: how long that takes says nothing about the secret.
pub async fn shown(
    connection: &mut PgConnection,
    shown: Digest,
    certificate: bool,
) -> Result<Option<Credential>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, token_digest, certificate, person, role::text as "role!", newspapers, note, creator,
                  create_time, expire_time, revoke_time, revoker, last_use_time
           from access_tokens where token_digest = $1 and certificate = $2 and revoke_time is null"#,
        shown.as_bytes(),
        certificate
    )
    .fetch_optional(connection)
    .await?;
    row.map(Row::credential).transpose()
}

/// Revokes a credential.
pub async fn revoke(
    connection: &mut PgConnection,
    id: Uuid,
    revoker: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update access_tokens set revoke_time = $2, revoker = $3 where id = $1 and revoke_time is null",
        id,
        now,
        revoker
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How often credentials have changed what they mean.
pub async fn changes(connection: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar!("select number from credential_changes").fetch_one(connection).await?)
}

/// Which of these credentials are in force.
pub async fn in_force(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "select id from access_tokens where id = any($1) and revoke_time is null
           and (expire_time is null or expire_time > now())",
        ids
    );
    Ok(ids.fetch_all(connection).await?)
}

/// Notes when credentials were last used.
pub async fn note_use(connection: &mut PgConnection, ids: &[Uuid], times: &[DateTime<Utc>]) -> Result<()> {
    sqlx::query!(
        "update access_tokens t set last_use_time = greatest(t.last_use_time, u.time)
         from unnest($1::uuid[], $2::timestamptz[]) as u (id, time) where t.id = u.id",
        ids,
        times
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The ids of a page of credentials, in order.
pub async fn ids(
    connection: &mut PgConnection,
    filter: &Filter,
    order: Order,
    show_revoked: bool,
    after: Option<&Key>,
    rows_max: i64,
) -> Result<Vec<Uuid>> {
    let descending = order.descending;
    // None is ever deleted. The id begins with the time that it was made at.
    let page = List { table: "access_tokens t", sort: None, descending, after, show_deleted: true, rows_max };
    let push = |sql: &mut Sql| {
        list::push_filter(sql, filter, &push_comparison);
        if !show_revoked {
            sql.push(" and revoke_time is null");
        }
    };
    list::ids(connection, &page, push).await
}

/// Where a credential stands in a list.
pub fn key(credential: &Credential) -> Key {
    Key { sort: Sort::Id, id: credential.id }
}

fn push_comparison(sql: &mut Sql, comparison: &Comparison) {
    let column = match comparison.field {
        "role" => return list::push_named(sql, "t.role", comparison, "::role"),
        "newspaper" => return push_newspaper(sql, comparison),
        "person" => "t.person",
        "creator" => "t.creator",
        "create_time" => "t.create_time",
        "expire_time" => "t.expire_time",
        "revoke_time" => "t.revoke_time",
        "last_use_time" => "t.last_use_time",
        // Every field of the table of fields stands above, as a test shows.
        _ => "null",
    };
    list::push_comparison(sql, column, comparison);
}

/// That it names a newspaper, or any.
fn push_newspaper(sql: &mut Sql, comparison: &Comparison) {
    if comparison.operator == Operator::NotEqual {
        sql.push("not ");
    }
    if comparison.value == Value::Any {
        sql.push("(t.newspapers <> '{}')");
        return;
    }
    sql.push("(");
    sql.push_bind(list::last_part(&comparison.value).to_owned()).push(" = any(t.newspapers))");
}

/// Which of these newspapers are there and live.
pub async fn newspapers(connection: &mut PgConnection, ids: &[String]) -> Result<Vec<String>> {
    let live = sqlx::query_scalar!(
        "select id from newspapers where id = any($1) and delete_time is null for share",
        ids
    );
    Ok(live.fetch_all(connection).await?)
}
