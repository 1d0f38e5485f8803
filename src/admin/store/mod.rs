//! Access tokens in Postgres.

pub mod search;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{admin::Role, digest::Digest, error::Result};

/// Whether any token was ever made.
pub async fn any_token(connection: &mut PgConnection) -> Result<bool> {
    let any = sqlx::query_scalar!(r#"select exists (select from access_tokens) as "any!""#);
    Ok(any.fetch_one(connection).await?)
}

/// Keeps a token, by its digest; its id.
pub async fn insert_token(
    connection: &mut PgConnection,
    digest: Digest,
    person: &str,
    role: Role,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into access_tokens (id, token_digest, person, role, create_time)
         values ($1, $2, $3, $4::text::role, $5)",
        id,
        digest.as_bytes(),
        person,
        role.as_str(),
        now
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// The person and the role that a token stands for.
pub async fn find_token(connection: &mut PgConnection, digest: Digest) -> Result<Option<(String, Role)>> {
    let found = sqlx::query!(
        r#"select person, role::text as "role!" from access_tokens where token_digest = $1"#,
        digest.as_bytes()
    )
    .fetch_optional(connection)
    .await?;
    found.map(|token| Ok((token.person, Role::parse(&token.role)?))).transpose()
}
