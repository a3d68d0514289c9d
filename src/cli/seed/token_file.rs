//! The file of bearer tokens: readable by its owner only, and there only if the load was committed.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::auth::SessionToken;

/// The place of the tokens. They are written beside it and take it when [`keep`](Self::keep) is called; if that never
/// happens, the file is removed, also during a write.
#[derive(Debug)]
pub(super) struct TokenFile {
    path: PathBuf,
    partial: PathBuf,
}

/// Takes the tokens.
#[derive(Debug)]
pub(super) struct TokenWriter(BufWriter<File>);

impl TokenFile {
    /// Creates the file. An error shows before the load, not after minutes of it.
    pub(super) fn create(path: &Path) -> Result<(Self, TokenWriter)> {
        let mut name = path.file_name().with_context(|| format!("{} names no file", path.display()))?.to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(name);
        let file =
            owner_only().open(&partial).with_context(|| format!("cannot write the tokens file {}", path.display()))?;
        Ok((Self { path: path.to_owned(), partial }, TokenWriter(BufWriter::new(file))))
    }

    /// Gives the file its name, in place of any that had it before.
    pub(super) fn keep(self) -> Result<()> {
        fs::rename(&self.partial, &self.path).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl TokenWriter {
    /// Adds a line.
    pub(super) fn add(&mut self, token: &SessionToken) -> Result<()> {
        writeln!(self.0, "{}", token.expose()).context("cannot write the tokens file")
    }

    /// Makes sure that every line has reached the file.
    pub(super) fn finish(mut self) -> Result<()> {
        self.0.flush().context("cannot write the tokens file")
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // Gone already if it was kept.
        let _kept = fs::remove_file(&self.partial);
    }
}

/// An existing file may have another owner and other permissions, so the file has to be a new one.
fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn tokens_that_are_not_kept_leave_nothing_behind() {
        let path = env::temp_dir().join(format!("aside-tokens-{}", SessionToken::generate().hash()));
        let (file, mut writer) = TokenFile::create(&path).unwrap();

        drop(file);
        writer.add(&SessionToken::generate()).unwrap();
        writer.finish().unwrap();

        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let left = fs::read_dir(env::temp_dir()).unwrap().filter_map(Result::ok);
        assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(&name)));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_found_out_at_once() {
        let refusal = TokenFile::create(Path::new("/nowhere/at/all")).unwrap_err();

        assert_eq!(refusal.to_string(), "cannot write the tokens file /nowhere/at/all");
    }
}
