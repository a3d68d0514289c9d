//! What each kind of entry needs beside its loader, by the table of kinds: a kind that lacks some of it fails a test that names it.

use std::{collections::BTreeSet, fs, path::Path};

use aside::repository::{EntryKind, KINDS};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::{application::Backend, seed, test_database::TestDatabase};

/// Changes of tables by plain SQL, in this order, by ids of [`IDS`].
const CHANGES: [(&str, &str, &str); 12] = [
    ("users", "INSERT", "INSERT INTO users SELECT CYD, 'cyd', 'Cyd', NULL, '', 1, now(), now()"),
    ("users", "UPDATE", "UPDATE users SET display_name = 'Cy' WHERE id = CYD"),
    ("posts", "INSERT", "INSERT INTO posts SELECT POST, CYD, 'by hand', 1, now(), now()"),
    ("posts", "UPDATE", "UPDATE posts SET body = 'changed', author_id = ADA WHERE id = POST"),
    ("follows", "INSERT", "INSERT INTO follows SELECT CYD, ADA, now()"),
    ("follows", "UPDATE", "UPDATE follows SET followee_id = BOB WHERE follower_id = CYD"),
    (
        "sessions",
        "INSERT",
        "INSERT INTO sessions SELECT POST, CYD, sha256(''), now(), now(), now() + INTERVAL '1 d', now() + INTERVAL '1 d', ''",
    ),
    ("sessions", "UPDATE", "UPDATE sessions SET idle_expires_at = now() WHERE user_id = CYD"),
    ("sessions", "DELETE", "DELETE FROM sessions WHERE user_id = CYD"),
    ("follows", "DELETE", "DELETE FROM follows WHERE follower_id = CYD"),
    ("posts", "DELETE", "DELETE FROM posts WHERE id = POST"),
    ("users", "DELETE", "DELETE FROM users WHERE id = CYD"),
];

const IDS: [&str; 4] = ["ADA", "BOB", "CYD", "POST"];

/// The statement with ids in place of their names.
fn with_ids(statement: &str) -> String {
    IDS.iter().enumerate().fold(statement.to_owned(), |statement, (number, name)| {
        statement.replace(name, &format!("'{}'::uuid", uuid::Uuid::from_u128(number as u128)))
    })
}

fn kinds_of(table: &str) -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(move |kind| kind.tables.contains(&table)).map(|kind| kind.name)
}

fn tables() -> BTreeSet<&'static str> {
    KINDS.iter().flat_map(|kind| kind.tables).copied().collect()
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Kinds whose entries the outbox names.
async fn named(pool: &PgPool) -> BTreeSet<String> {
    let kinds = "SELECT DISTINCT split_part(cell, ':', 1) FROM invalidation_outbox";
    sqlx::query_scalar(kinds).fetch_all(pool).await.expect("the outbox").into_iter().collect()
}

#[test]
fn the_migrations_make_the_outbox_of_the_cache() {
    let migrations = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).expect("the folder");
    let texts = migrations.map(|file| fs::read_to_string(file.expect("a file").path()).expect("a text"));

    assert!(
        texts.into_iter().any(|text| text.contains(aside_cache::SCHEMA)),
        "aside_cache::SCHEMA changed: add a migration"
    );
}

#[test]
fn every_loader_has_its_kind_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/repository");
    let files = fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path());
    let source: String = files.map(|file| fs::read_to_string(file).expect("a source")).collect();
    let entities = source.lines().filter_map(|line| line.trim().strip_prefix("const ENTITY: &'static str = \""));
    let loaded: BTreeSet<&str> = entities.filter_map(|rest| rest.strip_suffix("\";")).collect();

    assert_eq!(loaded, KINDS.iter().map(|kind| kind.name).collect());
}

#[tokio::test]
async fn every_change_of_a_row_names_the_entries_that_are_made_of_it() {
    // No replica runs, so no relay empties the outbox.
    let (_database, pool) = seed::migrated().await;
    for table in tables() {
        for operation in ["INSERT", "UPDATE", "DELETE"] {
            let is_tried = CHANGES.iter().any(|(of, by, _)| (*of, *by) == (table, operation));
            assert!(is_tried, "CHANGES has no {operation} of {table}");
        }
    }

    for (table, operation, statement) in CHANGES {
        pool.execute("DELETE FROM invalidation_outbox").await.expect("an empty outbox");
        pool.execute(AssertSqlSafe(with_ids(statement))).await.unwrap_or_else(|error| panic!("{statement}: {error}"));

        let named = named(&pool).await;
        for kind in kinds_of(table) {
            assert!(named.contains(kind), "{operation} of {table} names no {kind} entry: a trigger is missing");
        }
    }
}

#[tokio::test]
async fn every_kind_is_self_checked_shown_and_documented() {
    let backend = Backend::create().await;
    let replica = backend.start().await;
    let metrics = reqwest::get(format!("http://{}/metrics", replica.admin)).await.expect("metrics");
    let metrics = metrics.text().await.expect("a text");
    let api: Value = replica.api().get_json("/openapi.json").await;
    let operations = document("docs/OPERATIONS.md");
    let grant =
        operations.lines().find(|line| line.starts_with("GRANT SELECT, INSERT")).expect("the rights of the service");

    for EntryKind { name, tables, routes } in KINDS {
        let checks = format!("cache_consistency_checks_total{{entity=\"{name}\"}}");
        assert!(
            tables.is_empty() || metrics.contains(&checks),
            "{name} is not in the self-check: its loader's IS_CHECKED"
        );
        assert!(
            operations.contains(&format!("| `{name}` |")),
            "{name} is not in the table of entries of docs/OPERATIONS.md"
        );
        for table in tables {
            assert!(grant.contains(table), "{table}, of {name}, is not in the GRANT of docs/OPERATIONS.md");
        }
        assert!(!routes.is_empty(), "no route shows {name}");
        for route in routes {
            assert!(api["paths"].get(route).is_some(), "{route}, which shows {name}, is not in the OpenAPI document");
        }
    }
}

#[tokio::test]
async fn every_table_of_a_kind_has_made_up_rows() {
    let database = TestDatabase::create().await;
    seed::loaded(&database, "--users 20 --sessions 20").await;
    let pool = database.pool().await;

    for table in tables() {
        let rows = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let rows: i64 = sqlx::query_scalar(rows).fetch_one(&pool).await.expect("a count");
        assert!(rows > 0, "{table} is not seeded");
    }
}
