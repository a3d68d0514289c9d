//! Links of the README and of `docs/`: each leads to a file that is there, and to a heading that is in it.

use std::{fs, path::Path};

use super::files;

/// The part behind `#` that a heading has on GitHub.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// What is wrong with a link of the document, if anything is.
fn complaint(document: &Path, target: &str) -> Option<String> {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { document.to_owned() } else { document.parent()?.join(file) };
    if !path.exists() {
        return Some(format!("{} links to {target}, which is not there", document.display()));
    }
    let headings = if heading.is_empty() { String::new() } else { fs::read_to_string(&path).expect("a document") };
    let is_there = heading.is_empty() || headings.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
    (!is_there).then(|| format!("{} links to {target}, and there is no such heading", document.display()))
}

#[test]
fn links_of_documents_lead_to_files_and_headings() {
    let is_text = |file: &str| Path::new(file).extension().is_some_and(|extension| extension == "md");
    let is_document = |file: &&String| *file == "README.md" || file.starts_with("docs/") && is_text(file);

    let mut links = 0;
    let mut complaints = Vec::new();
    for document in files::all().iter().filter(is_document) {
        for rest in files::read(document).split("](").skip(1) {
            let target = rest.split(')').next().expect("a first part");
            if !target.contains("://") {
                links += 1;
                complaints.extend(complaint(&files::root().join(document), target));
            }
        }
    }

    assert!(links > 100, "{links} links only");
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
