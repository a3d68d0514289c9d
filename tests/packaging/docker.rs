//! `.dockerignore` against what the build in the Dockerfile reads.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::files;

/// The rules of a `.dockerignore` that excludes everything and then lists what the build reads.
struct Allowed(Vec<String>);

impl Allowed {
    fn read() -> Self {
        let text = files::read(".dockerignore");
        let mut rules = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(rules.next(), Some("*"), "everything is excluded first");
        let paths = rules.map(|rule| match rule.strip_prefix('!') {
            // Engines disagree on the folders above such a pattern.
            Some(path) if !path.contains(['*', '?', '[']) => path.to_owned(),
            _other => panic!("{rule}: after the first line there are only paths to let through"),
        });
        Self(paths.collect())
    }

    fn lets_through(&self, path: &str) -> bool {
        self.0.iter().any(|allowed| Path::new(path).starts_with(allowed))
    }

    /// The files that the engine gets.
    fn files(&self) -> BTreeSet<String> {
        files::all().into_iter().filter(|path| self.lets_through(path)).collect()
    }
}

/// Cargo reads every manifest of the workspace, and looks for the targets of each, whatever it builds.
#[test]
fn cargo_finds_the_whole_workspace_in_what_docker_gets() {
    let context = tempfile::tempdir().expect("a folder can be made");
    for path in Allowed::read().files() {
        let copy = context.path().join(&path);
        fs::create_dir_all(copy.parent().expect("it is below a folder")).expect("a folder can be made");
        fs::copy(files::root().join(&path), copy).expect("a file can be copied");
    }

    let read = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(context.path())
        .output()
        .expect("cargo runs");

    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn docker_gets_all_that_the_service_is_compiled_from() {
    let context = Allowed::read().files();
    let is_read = |path: &&String| {
        ["src/", "crates/", "migrations/", ".sqlx/", ".cargo/"].iter().any(|folder| path.starts_with(folder))
            || ["Cargo.toml", "Cargo.lock", "build.rs"].contains(&path.as_str())
    };

    let missing: Vec<String> =
        files::all().iter().filter(is_read).filter(|path| !context.contains(*path)).cloned().collect();

    assert!(missing.is_empty(), "{missing:?}");
}

/// A file that is compiled in from elsewhere; those of tests are not in the image.
#[test]
fn no_source_includes_a_file_that_docker_does_not_get() {
    let context = Allowed::read().files();
    let is_source = |path: &&String| {
        ["src/", "crates/"].iter().any(|folder| path.starts_with(folder))
            && Path::new(path).extension().is_some_and(|kind| kind == "rs")
            && !path.ends_with("_tests.rs")
    };

    for source in files::all().iter().filter(is_source) {
        for included in included(&files::read(source)) {
            let folder = Path::new(source).parent().expect("it is below src");
            let path = normalized(&folder.join(&included));
            assert!(context.contains(&path), "{source} includes {path}");
        }
    }
}

#[test]
fn docker_gets_no_secret_and_nothing_that_was_built() {
    let allowed = Allowed::read();

    for path in [
        ".env",
        ".git/config",
        ".services/state",
        "target/release/aside",
        "tools/bench/article/server.mjs",
        "docs/a.md",
    ] {
        assert!(!allowed.lets_through(path), "{path}");
    }
}

#[test]
fn the_binary_of_the_image_is_stripped() {
    assert!(files::read("Dockerfile").contains("CARGO_PROFILE_RELEASE_STRIP=symbols"));
}

/// The arguments of `include_str!` and `include_bytes!`.
fn included(source: &str) -> Vec<String> {
    let calls = ["include_str!(\"", "include_bytes!(\""];
    let arguments = calls.iter().flat_map(|call| source.split(call).skip(1));
    arguments.filter_map(|rest| rest.split_once('"')).map(|(path, _)| path.to_owned()).collect()
}

/// Without `..`.
fn normalized(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().map(|part| part.to_str().expect("the names are UTF-8")) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}
