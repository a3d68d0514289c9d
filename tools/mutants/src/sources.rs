//! A copy of the sources that may be changed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::Change;

/// What is not copied: what is built, what runs, what was before.
const LEFT_OUT: [&str; 3] = ["target", ".git", ".services"];

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The copy.
#[derive(Debug)]
pub struct Sources {
    folder: PathBuf,
}

impl Sources {
    /// Copies the sources to `folder`, in place of what is there.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written.
    pub fn copy(folder: PathBuf) -> io::Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        copy(root(), &folder)?;
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes these changes until the guard is dropped.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written, or does not have the text exactly once.
    pub fn change(&self, changes: &[Change]) -> io::Result<Changed> {
        let mut changed = Changed { before: Vec::new() };
        for change in changes {
            let path = self.folder.join(change.file);
            let text = fs::read_to_string(&path)?;
            let new = replaced(&text, change).map_err(io::Error::other)?;
            fs::write(&path, new)?;
            changed.before.push((path, text));
        }
        Ok(changed)
    }
}

/// Puts the files back as they were.
#[derive(Debug)]
pub struct Changed {
    before: Vec<(PathBuf, String)>,
}

impl Drop for Changed {
    fn drop(&mut self) {
        // The last first, for a file that was changed twice.
        for (path, text) in self.before.drain(..).rev() {
            if let Err(error) = fs::write(&path, text) {
                eprintln!("mutants: {} was not put back: {error}", path.display());
            }
        }
    }
}

/// The text with the change made in it.
///
/// # Errors
///
/// A sentence, when the text is not there exactly once.
pub fn replaced(text: &str, change: &Change) -> Result<String, String> {
    match text.matches(change.was).count() {
        1 => Ok(text.replacen(change.was, change.is, 1)),
        times => Err(format!("{} has this text {times} times, not once:\n{}", change.file, change.was)),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}
