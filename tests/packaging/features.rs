//! One set of features: what `make run` compiles is not compiled once more for `make demo`, `make bench` or `make soak`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use super::files;

/// The packages of the workspace that have dependencies.
const MEMBERS: [&str; 6] = [".", "bench", "checker", "demo", "examples/steps", "stage"];

#[test]
fn versions_and_features_are_in_the_manifest_of_the_workspace_alone() {
    let mut own = Vec::new();
    for member in MEMBERS {
        let manifest = format!("{member}/Cargo.toml");
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
