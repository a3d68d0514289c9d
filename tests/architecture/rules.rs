//! The table of layers, and the rules about SQL, Lua and `anyhow`.

use crate::sources::Source;

/// Each layer and whom it may import from. A layer that is not here does not exist yet: give it its place.
///
/// Layers of one line of the design may import each other only where it says so here: the outside things report to
/// `telemetry`. `rate_limit` knows neither Postgres nor what is stored in it.
const LAYERS: [(&str, &[&str]); 9] = [
    ("config", &[]),
    ("domain", &[]),
    ("telemetry", &["config"]),
    ("auth", &["config", "domain"]),
    ("postgres", &["domain"]),
    ("rate_limit", &["config", "telemetry"]),
    ("repository", &["config", "domain", "telemetry", "auth", "postgres"]),
    ("http", &["config", "domain", "telemetry", "auth", "rate_limit", "repository"]),
    // The composition root names every layer but the one that starts it.
    ("app", &["config", "domain", "telemetry", "auth", "postgres", "rate_limit", "repository", "http"]),
];

/// Starts what `app` puts together, and works on Postgres where no application is needed. Nothing imports it.
const CLI: (&str, &[&str]) = ("cli", &["config", "domain", "telemetry", "auth", "postgres", "app"]);

/// What other layers than `postgres` may name of sqlx: types, no statements.
const SQLX_TYPES: [(&str, &[&str]); 2] = [("domain", &["Type"]), ("repository", &["PgConnection", "Error"])];

fn allowed(layer: &str) -> Option<&'static [&'static str]> {
    LAYERS.iter().chain([&CLI]).find(|(name, _)| *name == layer).map(|(_, imports)| *imports)
}

/// Imports that the table does not have.
pub(crate) fn wrong_imports(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for Source { file, module, paths, .. } in sources {
        // The crate's own root, and the binary's.
        let Some(layer) = module.first() else { continue };
        let Some(allowed) = allowed(layer) else {
            violations.push(format!("{file}: {layer} is not in the table of layers"));
            continue;
        };
        let imports = paths.iter().filter(|named| named.is_ours);
        violations.extend(
            imports
                .filter(|named| named.path[0] != *layer && !allowed.contains(&named.path[0].as_str()))
                .map(|named| format!("{file}: {layer} may not import {}", named.path.join("::"))),
        );
    }
    violations
}

/// `anyhow` where errors have types.
pub(crate) fn anyhow_outside_cli(sources: &[Source]) -> Vec<String> {
    outside("cli", sources, "anyhow", |_| false)
}

/// Anything of sqlx but a few types outside of `postgres`. The seed may: no service ever runs its statements, and they
/// depend on having the whole database to themselves.
pub(crate) fn sql_outside_postgres(sources: &[Source]) -> Vec<String> {
    let served: Vec<Source> = sources.iter().filter(|source| !source.file.starts_with("cli/seed/")).cloned().collect();
    outside("postgres", &served, "sqlx", |source| {
        let types = SQLX_TYPES.iter().find(|(layer, _)| source.0 == *layer);
        types.is_some_and(|(_, types)| types.contains(&source.1))
    })
}

fn outside(home: &str, sources: &[Source], name: &str, is_allowed: impl Fn((&str, &str)) -> bool) -> Vec<String> {
    let mut violations = Vec::new();
    for Source { file, module, paths, .. } in sources {
        let layer = module.first().map_or("", String::as_str);
        if layer == home {
            continue;
        }
        let named = paths.iter().filter(|named| !named.is_ours && named.path[0] == name);
        violations.extend(
            named
                .filter(|named| !is_allowed((layer, named.path.get(1).map_or("", String::as_str))))
                .map(|named| format!("{file}: {} belongs into {home}", named.path.join("::"))),
        );
    }
    violations
}

/// Scripts that are included from another folder than their own or its parent, and those that nobody includes.
pub(crate) fn misplaced_scripts(sources: &[Source], scripts: &[String]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut included = Vec::new();
    for source in sources {
        let folder = source.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        for script in &source.scripts {
            if script.contains("..") || script.starts_with('/') || script.matches('/').count() > 1 {
                violations.push(format!("{}: {script} is not beside its caller", source.file));
            } else {
                included.push(format!("{folder}/{script}"));
            }
        }
    }
    let unused = scripts.iter().filter(|script| !included.contains(script));
    violations.extend(unused.map(|script| format!("{script} is not included by a file beside it")));
    violations
}
