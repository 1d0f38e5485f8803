//! Tables out of the database and into it. Which tables there are, the database
//! says: a table that a later version adds is in its backups too.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use sqlx::AssertSqlSafe;

use crate::{
    backup::manifest::{Sequence, Table},
    db::Connection,
    digest::Digest,
    error::{Error, Result},
    workflow::store::digest,
};

/// What a foreign key says: this table refers to that one.
struct Reference {
    from: String,
    to: String,
}

/// Begins to look at the database as it is at this moment.
pub async fn begin_view(connection: &mut Connection) -> Result<()> {
    execute(connection, "begin isolation level repeatable read, read only").await?;
    // What is written out is read in anywhere.
    execute(
        connection,
        "set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC';
         set local bytea_output = 'hex'; set local extra_float_digits = 1; set local client_encoding = 'UTF8'",
    )
    .await
}

/// Begins to fill the database.
pub async fn begin(connection: &mut Connection) -> Result<()> {
    execute(connection, "begin").await
}

/// Has Postgres look at what the tables hold now, so that it plans well from the start.
pub async fn analyze(connection: &mut Connection) -> Result<()> {
    execute(connection, "analyze").await
}

/// Ends what was begun, and keeps it.
pub async fn commit(connection: &mut Connection) -> Result<()> {
    execute(connection, "commit").await
}

async fn execute(connection: &mut Connection, statement: &'static str) -> Result<()> {
    sqlx::raw_sql(statement).execute(connection).await?;
    Ok(())
}

/// The version of Postgres, for people.
pub async fn postgres_version(connection: &mut Connection) -> Result<String> {
    let version = sqlx::query_scalar!(r#"select current_setting('server_version') as "version!""#);
    Ok(version.fetch_one(connection).await?)
}

/// The tables of the schema, each behind those that it refers to.
pub async fn tables(connection: &mut Connection) -> Result<Vec<Table>> {
    let rows = sqlx::query!(
        r#"select quote_ident(c.relname) as "name!",
                  array(select quote_ident(a.attname) from pg_attribute a
                        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                          and a.attgenerated::text = ''
                        order by a.attnum) as "columns!",
                  array(select quote_ident(a.attname) || case when a.attcollation <> 0 then ' collate "C"' else '' end
                        from pg_index i
                        cross join unnest(i.indkey::int2[]) with ordinality k (attnum, place)
                        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                        where i.indrelid = c.oid and i.indisprimary
                        order by k.place) as "key!",
                  exists (select from pg_index i
                          join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
                          where i.indrelid = c.oid and i.indisprimary and i.indnkeyatts = 1
                            and a.atttypid = 'bool'::regtype) as "one_row!"
           from pg_class c
           where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
             and not c.relispartition and c.relname <> '_sqlx_migrations'
           order by c.relname collate "C""#
    )
    .fetch_all(&mut *connection)
    .await?;
    let tables = rows.into_iter().map(|row| Table {
        // A table without a key has no order of its own; none of ours is.
        order: if row.key.is_empty() { row.columns.clone() } else { row.key },
        name: row.name,
        columns: row.columns,
        one_row: row.one_row,
    });
    let references = sqlx::query_as!(
        Reference,
        r#"select quote_ident(f.relname) as "from!", quote_ident(t.relname) as "to!"
           from pg_constraint k join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
           where k.contype::text = 'f' and k.conrelid <> k.confrelid
             and k.connamespace = current_schema()::regnamespace"#
    );
    in_order(tables.collect(), references.fetch_all(connection).await?)
}

/// Each table behind those that it refers to.
fn in_order(mut tables: Vec<Table>, references: Vec<Reference>) -> Result<Vec<Table>> {
    let mut needs: HashMap<String, HashSet<String>> = HashMap::new();
    for Reference { from, to } in references {
        needs.entry(from).or_default().insert(to);
    }
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let done: HashSet<String> = ordered.iter().map(|table| table.name.clone()).collect();
        let is_ready = |table: &Table| needs.get(&table.name).is_none_or(|needed| needed.is_subset(&done));
        let (ready, waiting): (Vec<Table>, Vec<Table>) = tables.into_iter().partition(is_ready);
        if ready.is_empty() {
            let names: Vec<String> = waiting.into_iter().map(|table| table.name).collect();
            return Err(Error::Internal(format!("the tables {} refer to each other", names.join(", "))));
        }
        ordered.extend(ready);
        tables = waiting;
    }
    Ok(ordered)
}

/// The counters of the schema that have been used.
pub async fn sequences(connection: &mut Connection) -> Result<Vec<Sequence>> {
    let found = sqlx::query_as!(
        Sequence,
        r#"select quote_ident(sequencename) as "name!", last_value as "last_number!" from pg_sequences
           where schemaname = current_schema() and last_value is not null order by sequencename collate "C""#
    );
    Ok(found.fetch_all(connection).await?)
}

/// Moves a counter to where it stood.
pub async fn set_sequence(connection: &mut Connection, sequence: &Sequence) -> Result<()> {
    let moved =
        sqlx::query!("select setval($1::text::regclass, $2, true)", sequence.name, sequence.last_number);
    moved.fetch_one(connection).await?;
    Ok(())
}

/// The digests and lengths of the originals that something refers to.
pub async fn photos(connection: &mut Connection) -> Result<Vec<(Digest, i64)>> {
    let rows = sqlx::query!(
        r#"select f.sha256, f.size_bytes from photo_files f
           where exists (select from photos p where p.file_sha256 = f.sha256)
              or exists (select from publication_photos p where p.sha256 = f.sha256)
           order by f.sha256"#
    );
    let rows = rows.fetch_all(connection).await?;
    rows.into_iter().map(|row| Ok((digest(&row.sha256)?, row.size_bytes))).collect()
}

/// The hash of a publication, in hex; none if there is no such publication.
pub async fn hash_of(connection: &mut Connection, sequence: i64) -> Result<Option<String>> {
    let hash = sqlx::query_scalar!("select hash from publications where sequence = $1", sequence);
    let hash = hash.fetch_optional(connection).await?;
    hash.map(|hash| Ok(digest(&hash)?.to_string())).transpose()
}

/// The first table that has rows which did not come with the schema.
pub async fn filled(connection: &mut Connection, tables: &[Table]) -> Result<Option<String>> {
    for table in tables.iter().filter(|table| !table.one_row) {
        let sql = format!("select exists (select from {})", table.name);
        let has_rows: bool = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        if has_rows {
            return Ok(Some(table.name.clone()));
        }
    }
    Ok(None)
}

/// The rows of a table, in order, as text.
pub async fn copy_out<'c>(
    connection: &'c mut Connection,
    table: &Table,
) -> Result<BoxStream<'c, Result<Bytes>>> {
    let (columns, order) = (table.columns.join(", "), table.order.join(", "));
    let sql = format!("copy (select {columns} from {} order by {order}) to stdout", table.name);
    let rows = connection.copy_out_raw(&sql).await?;
    Ok(rows.map(|piece| piece.map_err(Error::from)).boxed())
}

/// Fills a table that is empty but for the row that comes with the schema; how many
/// rows it has then.
pub async fn copy_in(
    connection: &mut Connection,
    table: &Table,
    pieces: &mut tokio::sync::mpsc::Receiver<Bytes>,
) -> Result<u64> {
    if table.one_row {
        let sql = format!("delete from {}", table.name);
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    }
    let sql = format!("copy {} ({}) from stdin", table.name, table.columns.join(", "));
    let mut filling = connection.copy_in_raw(&sql).await?;
    while let Some(piece) = pieces.recv().await {
        filling.send(piece).await?;
    }
    Ok(filling.finish().await?)
}
