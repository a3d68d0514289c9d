//! The `.env` file.

use std::{fs, io, path::Path};

use super::ConfigError;

/// The variables of a `.env` file; none without the file. Errors name the line and do not show it, since it may hold a secret.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let complaint = |what: String| ConfigError::new(vec![format!("{}{what}", path.display())]);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(complaint(format!(" cannot be read: {error}"))),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut variables = Vec::new();
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        match item {
            Ok(variable) => variables.push(variable),
            Err(dotenvy::Error::LineParse(line, _)) => {
                let number = line_number(text, &line);
                let expected = "expected NAME=value, the value in quotes if it has spaces or quotes in it";
                return Err(complaint(format!(", line {number}, cannot be understood: {expected}")));
            }
            Err(error) => return Err(complaint(format!(" cannot be read: {error}"))),
        }
    }
    Ok(variables)
}

/// The line at which the parser failed, counted from 1.
fn line_number(text: &str, part: &str) -> usize {
    let before = text.find(part.trim()).unwrap_or(0);
    text[..before].matches('\n').count() + 1
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A file that goes away with the test.
    pub(in crate::config) struct Written(PathBuf);

    impl Written {
        pub(in crate::config) fn path(&self) -> &Path {
            &self.0
        }

        pub(in crate::config) fn new(name: &str, text: &str) -> Self {
            let path = std::env::temp_dir().join(format!("aside-{}-{name}.env", std::process::id()));
            fs::write(&path, text).unwrap();
            Self(path)
        }
    }

    impl Drop for Written {
        fn drop(&mut self) {
            let _gone_already = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn no_file_is_no_variables() {
        assert_eq!(read(Path::new("no/such/file")), Ok(vec![]));
    }

    #[test]
    fn comments_quotes_and_a_byte_order_mark_are_understood() {
        let file = Written::new("good", "\u{feff}A=1\n# B=2\n\nC=\"x y\" # why\n");

        assert_eq!(read(&file.0), Ok(vec![("A".into(), "1".into()), ("C".into(), "x y".into())]));
    }

    #[test]
    fn a_malformed_line_is_named_by_number_and_not_shown() {
        let file = Written::new("bad", "A=1\n\nDATABASE_URL=postgres://u:hush hush@h/d\nB=2\n");

        let error = read(&file.0).unwrap_err().to_string();

        assert!(error.contains(", line 3, "), "{error}");
        assert!(!error.contains("hush"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn a_file_that_is_no_text_is_a_complaint() {
        let folder = std::env::temp_dir();

        assert!(read(&folder).is_err());
    }
}
