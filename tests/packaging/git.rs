//! Line feeds in every checkout.

use std::fs;

use super::files;

#[test]
fn no_text_file_has_carriage_returns() {
    let with_returns: Vec<String> = files::all()
        .into_iter()
        .filter(|path| {
            fs::read(files::root().join(path)).is_ok_and(|bytes| !bytes.contains(&0) && bytes.contains(&b'\r'))
        })
        .collect();

    assert!(with_returns.is_empty(), "{with_returns:?}");
}

#[test]
fn git_checks_out_line_feeds_whatever_its_settings_are() {
    let attributes = files::read(".gitattributes");
    let rules: Vec<&str> = attributes.lines().collect();

    for rule in ["* text=auto eol=lf", "migrations/*.sql text eol=lf", "*.lua text eol=lf", "scripts/** text eol=lf"] {
        assert!(rules.contains(&rule), "{rule} is missing");
    }
}
