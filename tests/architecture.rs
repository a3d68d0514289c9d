//! The architecture, held by a machine: who may import whom, and where SQL, Lua and `anyhow` may be.

#[path = "architecture/cycles.rs"]
mod cycles;
#[path = "architecture/responses.rs"]
mod responses;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/sources.rs"]
mod sources;

use std::{fs, path::Path};

use sources::Source;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

/// The sources of each crate below `crates/`, as if the crate were one layer.
fn crates() -> Vec<Source> {
    let crates = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/crates"));
    let folders = fs::read_dir(crates).expect("the folder can be read").map(|entry| entry.expect("an entry").path());
    folders.flat_map(|folder| sources::read_crate(&folder)).collect()
}

fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// A source file with a violation planted in it.
fn planted(file: &str, text: &str) -> Vec<Source> {
    vec![Source::parse(file, text)]
}

#[test]
fn each_layer_imports_only_from_those_above_it() {
    assert_none(&rules::wrong_imports(&sources::read(folder())));
}

#[test]
fn an_import_from_below_is_found_in_every_form() {
    let from_below = [
        "use crate::repository::Writer;",
        "use crate::{config::Config, repository::{Writer, UserRepository}};",
        "use super::super::repository::Writer;",
        "fn f() { crate::repository::f() }",
        "fn f() { debug!(writer = crate::repository::f()) }",
        "mod tests { use crate::repository::Writer; }",
        "mod inner { use super::super::super::repository::Writer; }",
        "pub(crate) struct S(crate::repository::Writer);",
    ];
    for text in from_below {
        assert_eq!(
            rules::wrong_imports(&planted("rate_limit/limiter.rs", text)).len(),
            text.matches("Writer, U").count() + 1,
            "{text}"
        );
    }
    let from_above = "//! crate::repository::Writer\nuse crate::config::Config; fn f() { \"crate::http::serve\"; }";
    assert_none(&rules::wrong_imports(&planted("rate_limit/limiter.rs", from_above)));
    assert_eq!(rules::wrong_imports(&planted("utils/strings.rs", "")).len(), 1, "a layer that is not in the table");
}

#[test]
fn anyhow_is_only_in_cli() {
    assert_none(&rules::anyhow_outside_cli(&sources::read(folder())));

    assert_eq!(rules::anyhow_outside_cli(&planted("app.rs", "fn f() -> anyhow::Result<()> {}")).len(), 1);
    assert_eq!(rules::anyhow_outside_cli(&planted("app.rs", "fn f() { anyhow!(\"x\") }")).len(), 1);
}

#[test]
fn sql_is_only_in_postgres() {
    assert_none(&rules::sql_outside_postgres(&sources::read(folder())));

    for text in ["fn f() { sqlx::query!(\"SELECT 1\") }", "use sqlx::{PgConnection, query_as};", "use sqlx::*;"] {
        assert_eq!(rules::sql_outside_postgres(&planted("repository/posts.rs", text)).len(), 1, "{text}");
    }
}

#[test]
fn lua_is_beside_its_caller() {
    assert_none(&rules::misplaced_scripts(&sources::read(folder()), &sources::lua_files(folder())));

    let elsewhere = planted("rate_limit/shared.rs", "const S: &str = include_str!(\"../cache/scripts/fill.lua\");");
    let misplaced = rules::misplaced_scripts(&elsewhere, &["cache/scripts/fill.lua".to_owned()]);
    assert_eq!(misplaced.len(), 2, "it is far from its caller, and nobody beside it includes it: {misplaced:?}");
}

#[test]
fn only_the_write_section_sets_fences() {
    let of_crates = folder().with_file_name("crates");
    let texts = sources::texts(folder()).into_iter().chain(sources::texts(&of_crates));
    // What calls it, not what defines or describes it.
    let setters: Vec<String> = texts.filter(|(_, text)| text.contains(".fence(")).map(|(file, _)| file).collect();

    assert_eq!(setters, ["aside-cache/src/write.rs"], "a fence needs the row locks, and the outcome of COMMIT");
}

#[test]
fn handlers_return_what_their_documentation_says() {
    let handlers = fs::read_dir(folder().join("http/handlers")).expect("the folder can be read");
    for file in handlers.map(|entry| entry.expect("an entry").path()) {
        let text = fs::read_to_string(&file).expect("a source file is text");
        assert_none(&responses::undocumented_returns(&file.display().to_string(), &text));
    }

    let handler = |returned: &str| {
        format!(
            "#[utoipa::path(get, responses((status = OK, body = Page<User>)))]\n\
             pub(super) async fn list_users(id: PathId<UserId>) -> Result<{returned}, Problem> {{\n"
        )
    };
    assert_none(&responses::undocumented_returns("users.rs", &handler("Json<Page<User>>")));
    for other in ["Response", "Json<User>", "Json<Page<Post>>"] {
        assert_eq!(responses::undocumented_returns("users.rs", &handler(other)).len(), 1, "{other}");
    }
}

#[test]
fn no_modules_of_a_layer_need_each_other() {
    assert_none(&cycles::find(&sources::read(folder())));
    assert_none(&cycles::find(&crates()));
    assert!(crates().iter().any(|source| source.file == "aside_redis/handle.rs"), "crates are read");
}

#[test]
fn modules_that_need_each_other_are_found() {
    let file = |name: &str, text: &str| Source::parse(name, text);
    let facade = || file("cache/mod.rs", "mod a; mod b; mod c; pub use c::C;");

    let direct = [facade(), file("cache/a.rs", "use super::b::B;"), file("cache/b.rs", "use crate::cache::a::A;")];
    let by_facade = [facade(), file("cache/a.rs", "use super::C;"), file("cache/c.rs", "use super::a::A;")];
    let one_way = [facade(), file("cache/a.rs", "use super::{b::B, C};"), file("cache/b.rs", "use super::c::C;")];
    let in_tests =
        [facade(), file("cache/a.rs", "use super::b::B;"), file("cache/b.rs", "mod tests { use super::super::a::A; }")];

    assert_eq!(cycles::find(&direct), ["cache: a -> b -> a"]);
    assert_eq!(cycles::find(&by_facade), ["cache: a -> c -> a"]);
    assert_none(&cycles::find(&one_way));
    assert_none(&cycles::find(&in_tests));
}
