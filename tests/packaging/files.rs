//! The files of the repository, without what git ignores.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A text file of the repository.
pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// The paths of all files, relative to the root. `.gitignore` has lines like `/target` only.
pub(super) fn all() -> Vec<String> {
    let ignored = read(".gitignore");
    let ignored: Vec<PathBuf> = ignored.lines().map(|line| root().join(line.trim_start_matches('/'))).collect();
    let mut files = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("an entry of a folder can be read").path();
            if path.file_name().is_some_and(|name| name == ".git") || ignored.contains(&path) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(root()).expect("it is below the root");
                files.push(path.to_str().expect("the names are UTF-8").to_owned());
            }
        }
    }
    files
}
