//! Names and log lines that the documents quote between backticks: each is in the sources, so that no document tells of what has
//! another name by now.

use std::path::Path;

use super::files;

/// Names and texts of other programs.
const FOREIGN: [&str; 18] = [
    "_bucket",
    "cargo insta review",
    "deadline has elapsed",
    "evicted_keys",
    "histogram_quantile",
    "min_over_time",
    "permission denied for schema public",
    "permission denied for table invalidation_outbox",
    "pg_dump",
    "pg_stat_statements",
    "query_wait_timeout",
    "server_round_robin",
    "session_replication_role",
    "stop_grace_period",
    "terminationGracePeriodSeconds",
    // An example of a test's name.
    "second_reader_waits_for_the_lease_holder",
    "make help",
    "make test",
];

/// The files whose names and texts the documents may quote.
fn sources() -> String {
    let is_source = |file: &&String| {
        let extension = Path::new(file.as_str()).extension().and_then(|extension| extension.to_str());
        let by_name = ["Makefile", ".env.example"].contains(&file.as_str()) || file.starts_with("scripts/");
        by_name || extension.is_some_and(|extension| ["rs", "lua", "sql", "toml"].contains(&extension))
    };
    let own = file!();
    let mut text = String::new();
    for file in files::all().iter().filter(is_source).filter(|file| !own.ends_with(file.as_str())) {
        text.push_str(file);
        text.push('\n');
        text.push_str(&files::read(file));
    }
    text
}

/// What is between backticks outside of blocks of code.
fn quoted(document: &str) -> Vec<String> {
    let mut in_block = false;
    let mut prose = String::new();
    for line in document.lines() {
        let is_fence = line.starts_with("```");
        in_block ^= is_fence;
        if !in_block && !is_fence {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Names in code (`with_underscores`, `CamelCase`), and lines of a log (lower-case words).
fn claims(quoted: &str) -> Vec<&str> {
    let is_line = quoted.contains(' ') && quoted.chars().all(|char| char.is_ascii_lowercase() || " ;".contains(char));
    if is_line {
        return vec![quoted];
    }
    let is_camel =
        |word: &str| word.chars().zip(word.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase());
    let words = quoted.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.len() > 3 && (word.contains('_') || is_camel(word))).collect()
}

#[test]
fn names_and_log_lines_in_documents_are_in_the_sources() {
    let sources = sources();
    // The guide tells of an entity that there is not.
    let is_document = |file: &&String| {
        *file == "README.md" || file.starts_with("docs/") && file.ends_with("md") && !file.ends_with("ADD-AN-ENTITY.md")
    };

    let mut unknown = Vec::new();
    for document in files::all().iter().filter(is_document) {
        for quoted in quoted(&files::read(document)) {
            let missing = claims(&quoted).into_iter().filter(|claim| !sources.contains(claim));
            let missing =
                missing.filter(|claim| !FOREIGN.iter().any(|foreign| claim == foreign || claim.ends_with(foreign)));
            unknown.extend(missing.map(|claim| format!("{document}: {claim}")));
        }
    }

    assert!(unknown.is_empty(), "\n{}\n", unknown.join("\n"));
}
