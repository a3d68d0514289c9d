//! One mutant on trial: its tests, and the checker if asked for.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::{Mutant, sources::Sources};

/// What somebody said of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was noticed, by these tests or findings, after so long.
    Noticed(Vec<String>, Duration),
    /// Nothing failed.
    Survived,
    /// Nothing can be said: the words of the compiler, or of a program that could not run.
    Unclear(String),
}

/// Where mutants are tried.
#[derive(Debug)]
pub struct Court {
    sources: Sources,
    target: PathBuf,
}

impl Court {
    /// A copy of the sources below `folder`, with a target folder of its own.
    ///
    /// # Errors
    ///
    /// When the sources cannot be copied.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { sources: Sources::copy(folder.join("sources"))?, target: folder.join("target") })
    }

    /// Tries one mutant: whether its tests notice, and whether the checker does within `checker_seconds`.
    ///
    /// # Errors
    ///
    /// When the mutant cannot be made, or cargo cannot be started.
    pub fn try_one(&self, mutant: &Mutant, checker: Option<&[String]>) -> io::Result<(Verdict, Option<Verdict>)> {
        let _changed = self.sources.change(mutant.changes)?;
        let by_tests = self.test(mutant)?;
        let by_checker = checker.map(|arguments| self.check(arguments)).transpose()?;
        Ok((by_tests, by_checker))
    }

    fn test(&self, mutant: &Mutant) -> io::Result<Verdict> {
        let mut noticed = Vec::new();
        let mut took = Duration::ZERO;
        for arguments in mutant.noticed_by {
            let built = self.cargo(&["test", "--package", "aside", "--locked", "--no-run"], arguments)?;
            if !built.status.success() {
                return Ok(Verdict::Unclear(last_lines(&built.stderr)));
            }
            let begin = Instant::now();
            let run = self.cargo(&["test", "--package", "aside", "--locked"], arguments)?;
            took += begin.elapsed();
            let failed = failed_tests(&String::from_utf8_lossy(&run.stdout));
            if failed.is_empty() {
                return Ok(Verdict::Survived);
            }
            noticed.extend(failed);
        }
        Ok(Verdict::Noticed(noticed, took))
    }

    fn check(&self, arguments: &[String]) -> io::Result<Verdict> {
        let packages = ["build", "--locked", "--package", "aside", "--package", "aside-checker", "--bins"];
        let built = self.cargo(&packages, &[])?;
        if !built.status.success() {
            return Ok(Verdict::Unclear(last_lines(&built.stderr)));
        }
        let programs = self.target.join("debug");
        let begin = Instant::now();
        let mut check = Command::new(programs.join("aside-checker"));
        check.current_dir(self.sources.folder()).arg("--aside").arg(programs.join("aside")).args(arguments);
        let run = check.stdin(Stdio::null()).output()?;
        Ok(match run.status.code() {
            Some(0) => Verdict::Survived,
            Some(1) => Verdict::Noticed(findings(&String::from_utf8_lossy(&run.stdout)), begin.elapsed()),
            _broken => Verdict::Unclear(last_lines(&run.stderr)),
        })
    }

    fn cargo(&self, arguments: &[&str], further: &[&str]) -> io::Result<Output> {
        Command::new(env!("CARGO"))
            .current_dir(self.sources.folder())
            .env("CARGO_TARGET_DIR", &self.target)
            .args(arguments)
            .args(further)
            .stdin(Stdio::null())
            .output()
    }
}

/// The tests that failed, by what libtest prints.
fn failed_tests(output: &str) -> Vec<String> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    lines.map(str::to_owned).collect()
}

/// What the checker has found, and how often: its lines `<count> times: <kind>`.
fn findings(output: &str) -> Vec<String> {
    let is_count = |line: &&str| line.split_once(" times: ").is_some_and(|(count, _)| count.parse::<u32>().is_ok());
    output.lines().filter(is_count).map(str::to_owned).collect()
}

fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_read_off_what_cargo_prints() {
        let output = "running 2 tests\ntest a::b ... FAILED\ntest a::c ... ok\n\nfailures:\n";

        assert_eq!(failed_tests(output), ["a::b"]);
    }

    #[test]
    fn findings_are_read_off_what_the_checker_prints() {
        let output = "seed 1\n\nlost update: of version 3\n\n12 times: lost update\nmany times: no count\n";

        assert_eq!(findings(output), ["12 times: lost update"]);
    }
}
