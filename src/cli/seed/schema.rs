//! Removes indexes, primary and foreign keys and triggers during a load.
//!
//! Building an index of stored rows costs a fraction of updating it for each row, and one join then checks a foreign key. The
//! catalog provides the statements that restore them, so only the migrations define the schema. CHECK and NOT NULL stay in force.
//! Before COMMIT the catalog has to be exactly as before.

use anyhow::{Context, Result, ensure};
use sqlx::{FromRow, PgConnection};

use super::{progress::Progress, statement::execute};

/// A part of the schema, as statements made by Postgres itself, which has quoted the names in them. Comments and replica identities of indexes are not kept; the migrations have none.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct Part {
    name: String,
    remove: String,
    restore: String,
}

/// In the order of removal: foreign keys before the keys that they refer to. Restored in the opposite order.
///
/// Triggers are only disabled. They write changed entries to the outbox; no cache has entries of new rows in empty tables.
const PARTS: &str = "
    WITH tables AS (SELECT unnest($1::text[]::regclass[]) AS id)
    SELECT name, remove, restore
    FROM (
        SELECT 1 AS stage, tgname::text AS name,
               format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname) AS remove,
               format('ALTER TABLE %s ENABLE %s TRIGGER %I', tgrelid::regclass,
                      CASE tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, tgname) AS restore
        FROM pg_trigger
        WHERE tgrelid IN (SELECT id FROM tables) AND NOT tgisinternal AND tgenabled <> 'D'
      UNION ALL
        SELECT CASE contype WHEN 'f' THEN 2 ELSE 4 END, conname::text,
               format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
               format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint
        WHERE conrelid IN (SELECT id FROM tables) AND contype IN ('p', 'u', 'x', 'f')
           OR confrelid IN (SELECT id FROM tables) AND contype = 'f'
      UNION ALL
        SELECT 3, indexrelid::regclass::text, format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
        FROM pg_index
        WHERE indrelid IN (SELECT id FROM tables)
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
    ) AS parts
    ORDER BY stage, remove";

/// Removed parts of the schema, until [`restore`](Self::restore) or a rollback.
#[derive(Debug)]
#[must_use = "the schema is incomplete until it is restored"]
pub(super) struct SetAside {
    tables: &'static [&'static str],
    parts: Vec<Part>,
}

impl SetAside {
    /// Removes indexes and keys of these tables, and the foreign keys of others that refer to them, within the transaction
    /// under way.
    pub(super) async fn take(connection: &mut PgConnection, tables: &'static [&'static str]) -> Result<Self> {
        let parts = parts(connection, tables).await?;
        for part in &parts {
            execute(connection, &part.remove).await.with_context(|| format!("cannot set {} aside", part.name))?;
        }
        Ok(Self { tables, parts })
    }

    /// Restores all parts.
    pub(super) async fn restore(self, connection: &mut PgConnection, progress: Progress) -> Result<()> {
        let phase = progress.steps("indexes", self.parts.len());
        for part in self.parts.iter().rev() {
            phase.name_step(&part.name);
            execute(connection, &part.restore).await.with_context(|| format!("cannot restore {}", part.name))?;
            phase.add(1);
        }
        phase.finish();
        ensure!(
            parts(connection, self.tables).await? == self.parts,
            "indexes and keys do not read as they did before the load"
        );
        Ok(())
    }
}

async fn parts(connection: &mut PgConnection, tables: &[&str]) -> Result<Vec<Part>> {
    sqlx::query_as(PARTS).bind(tables).fetch_all(connection).await.context("cannot read the schema from the catalog")
}
