//! The guards of the cache protocol, each with the change that takes it out, and what must notice.
//!
//! A test that cannot fail is a defect. `make mutants` copies the sources, takes one guard out, and runs the tests that are
//! about it; those must fail. With `--checker SECONDS` the checker must find it too, by driving the service from outside.
//! `docs/TESTING.md` says what came of it.
//!
//! | module | holds |
//! |---|---|
//! | [`table`] | the mutants |
//! | [`sources`] | the copy of the sources, and how a change is made in it |
//! | [`trial`] | one mutant on trial |

pub mod sources;
pub mod table;
pub mod trial;

/// One guard taken out.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// What the service does then.
    pub does: &'static str,
    /// What is changed.
    pub changes: &'static [Change],
    /// What fails: arguments of `cargo test` behind `--package aside`, up to the names of tests.
    pub noticed_by: &'static [&'static [&'static str]],
}

/// A text that is replaced by another, in one file.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The file, from the root of the repository.
    pub file: &'static str,
    /// The text, which is there exactly once.
    pub was: &'static str,
    /// What takes its place.
    pub is: &'static str,
}
