//! What is compiled, and how: one set of features, so that `make demo`, `make bench` and `make soak` share what they compile; the quick
//! profile for `make run` alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use super::files;

/// The manifests of the workspace.
fn manifests() -> Vec<String> {
    let manifests: Vec<String> = files::all().into_iter().filter(|path| path.ends_with("Cargo.toml")).collect();
    assert!(manifests.contains(&"Cargo.toml".to_owned()) && manifests.contains(&"tools/bench/Cargo.toml".to_owned()));
    manifests
}

#[test]
fn versions_and_features_are_in_the_manifest_of_the_workspace_alone() {
    let mut own = Vec::new();
    for manifest in manifests() {
        let mut of_dependencies = false;
        for line in files::read(&manifest).lines() {
            if line.starts_with('[') {
                of_dependencies = line.ends_with("dependencies]") && line != "[workspace.dependencies]";
            } else if of_dependencies && line.contains('=') {
                // A clock that tests turn is for tests alone.
                let is_shared =
                    line.contains("workspace = true") && !line.contains("features") || line.contains("\"test-util\"");
                if !is_shared && !line.contains("path = ") {
                    own.push(format!("{manifest}: {line}"));
                }
            }
        }
    }

    assert!(own.is_empty(), "\n{}\n", own.join("\n"));
}

#[test]
fn make_run_builds_quickly_and_what_is_measured_or_shipped_is_optimised() {
    let builds = |file: &str, profile: &str| {
        let text = files::read(file);
        let mut builds = text.lines().filter(|line| line.contains("cargo build ")).peekable();
        assert!(builds.peek().is_some(), "{file} builds something");
        assert!(builds.all(|line| line.contains(&format!("cargo build {profile} --locked"))), "{file}");
    };

    builds("scripts/run", "--profile quick");
    for file in ["Dockerfile", "scripts/bench", "scripts/demo", "scripts/soak"] {
        builds(file, "--release");
    }
}

#[test]
fn no_crate_has_other_features_when_a_tool_is_built_too() {
    let alone = features(&["-p", "aside"]);

    for tool in ["aside-bench", "aside-checker", "aside-demo", "aside-steps"] {
        let others = features(&["-p", "aside", "-p", tool]);
        let differing: Vec<String> = alone
            .iter()
            .filter_map(|(name, features)| Some((name, features, others.get(name)?)))
            .filter(|(_, alone, other)| alone != other)
            .map(|(name, alone, other)| format!("{name}: {alone:?} alone, {other:?} with {tool}"))
            .collect();
        assert!(differing.is_empty(), "\n{}\n", differing.join("\n"));
    }
}

/// The features of each crate that a build of these packages compiles. A crate that is compiled for the machine that builds too may
/// have two sets.
fn features(packages: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let listed = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}\t{f}"])
        .args(packages)
        .current_dir(files::root())
        .output()
        .expect("cargo runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let mut features: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&listed.stdout).lines().filter(|line| !line.is_empty()) {
        let (package, set) = line.trim_end_matches(" (*)").split_once('\t').expect("a package and its features");
        features.entry(package.to_owned()).or_default().insert(set.to_owned());
    }
    features
}

#[test]
fn crates_for_other_services_bring_no_web_server_and_no_command_line() {
    for name in ["aside-cache", "aside-limiter"] {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "-e", "normal", "--prefix", "none", "-p", name])
            .current_dir(files::root())
            .output()
            .expect("cargo runs");
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
        let packages: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();

        assert!(packages.contains("aside-redis"), "{packages:?}");
        for unwanted in ["aside", "argon2", "axum", "clap", "hyper", "indicatif", "utoipa"] {
            assert!(!packages.contains(unwanted), "{name} brings {unwanted}");
        }
    }
}

#[test]
fn every_dependency_is_named_by_its_package() {
    let mut unused = Vec::new();
    for manifest in manifests() {
        let folder = manifest.trim_end_matches("Cargo.toml");
        let folder = if folder.is_empty() { "src/" } else { folder };
        let manifest_text = files::read(&manifest);
        // The example of a tool that lives with the examples.
        let elsewhere =
            manifest_text.lines().filter_map(|line| line.strip_prefix("path = \"../../")?.strip_suffix('"'));
        let elsewhere: Vec<&str> = elsewhere.collect();
        let is_source = |path: &String| {
            let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
            is_rust && (path.starts_with(folder) || elsewhere.contains(&path.as_str()))
        };
        let sources: String =
            files::all().iter().filter(|path| is_source(path)).map(|path| files::read(path)).collect();
        let dependencies = manifest_text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
        // Behind this comment: features that the tools' dependencies ask for.
        let dependencies = dependencies.split("\n[").next().and_then(|text| text.split("# Not used here").next());
        for name in dependencies.unwrap_or_default().lines().filter_map(|line| line.split_once(".workspace")) {
            let path = name.0.replace('-', "_");
            if ![format!("{path}::"), format!("{path}!")].iter().any(|named| sources.contains(named.as_str())) {
                unused.push(format!("{manifest}: {}", name.0));
            }
        }
    }

    assert!(unused.is_empty(), "\n{}\n", unused.join("\n"));
}
