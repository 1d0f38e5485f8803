//! Access tokens in Postgres.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{admin::Role, digest::Digest, error::Result};

/// Keeps a token, by its digest.
pub async fn insert_token(
    connection: &mut PgConnection,
    digest: Digest,
    person: &str,
    role: Role,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into access_tokens (id, token_digest, person, role, create_time)
         values ($1, $2, $3, $4::text::role, $5)",
        Uuid::now_v7(),
        digest.as_bytes(),
        person,
        role.as_str(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
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
