//! Whom bylines refer to, in Postgres.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{byline::Signer, error::Result};

/// Who signs where a byline is about to refer to these reporters, with a lock that
/// keeps them from being deleted or merged; of those who are there and live.
pub async fn hold_reporters(connection: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Signer>> {
    let mut signers = HashMap::new();
    // Who was asked for, by whom that leads to.
    let mut asked: HashMap<Uuid, Vec<Uuid>> = ids.iter().map(|id| (*id, vec![*id])).collect();
    // A duplicate leads straight to the real one. More rounds follow only if that one
    // is merged in between.
    while !asked.is_empty() {
        let next: Vec<Uuid> = asked.keys().copied().collect();
        let rows = sqlx::query!(
            r#"select id, display_name, merged_into, delete_time is null as "live!"
               from reporters where id = any((select $1::uuid[])::uuid[]) order by id for share"#,
            &next
        )
        .fetch_all(&mut *connection)
        .await?;
        let mut onward: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for row in rows {
            let by = asked.remove(&row.id).unwrap_or_default();
            if let Some(real) = row.merged_into {
                onward.entry(real).or_default().extend(by);
            } else if row.live {
                let signer = Signer { id: row.id, display_name: row.display_name };
                signers.extend(by.into_iter().map(|id| (id, signer.clone())));
            }
        }
        asked = onward;
    }
    Ok(signers)
}

/// Whether any of these reporters goes by this name, as their own or a pen name.
pub async fn any_is_called(connection: &mut PgConnection, ids: &[Uuid], name: &str) -> Result<bool> {
    if ids.is_empty() {
        return Ok(false);
    }
    let called = sqlx::query_scalar!(
        r#"select exists (select from reporters where id = any($1) and (display_name = $2 or $2 = any(pen_names))) as "called!""#,
        ids,
        name
    );
    Ok(called.fetch_one(connection).await?)
}
