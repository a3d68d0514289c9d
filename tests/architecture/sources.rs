//! What the source files name, read from their tokens.
//!
//! The lexer is `proc-macro2`'s: comments and strings never count, and the insides of macros do, unlike in a syntax tree.

use std::{fs, path::Path};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path as it is written, one for each leaf of a `use` tree: `["crate", "cache", "Cache"]`.
pub(crate) type Words = Vec<String>;

/// One source file.
#[derive(Clone)]
pub(crate) struct Source {
    /// Within `src`, like `cache/fly.rs`.
    pub(crate) file: String,
    /// What it is, like `["cache", "fly"]`; of a `mod.rs` that of its folder.
    pub(crate) module: Words,
    /// Paths in it, resolved: those of ours start with the layer, others with the name of a crate.
    pub(crate) paths: Vec<Named>,
    /// Lua files that it includes, as they are written.
    pub(crate) scripts: Vec<String>,
}

/// A path, and where it is named.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) path: Words,
    /// Whether the path is one of this crate's.
    pub(crate) is_ours: bool,
    /// Whether it is in tests.
    pub(crate) in_tests: bool,
}

/// Name and text of every source file below `folder`.
pub(crate) fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    list(folder, &mut files);
    let text = |file: &String| {
        let name = Path::new(file).strip_prefix(folder).expect("it is below the folder").display().to_string();
        (name, fs::read_to_string(file).expect("a source file is text"))
    };
    files.iter().filter(|file| has_extension(file, "rs")).map(text).collect()
}

/// Every source file below `folder`.
pub(crate) fn read(folder: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    list(folder, &mut files);
    files.sort();
    let rust = files.iter().filter(|file| has_extension(file, "rs"));
    rust.map(|file| {
        let text = fs::read_to_string(file).expect("a source file is text");
        let file = Path::new(file).strip_prefix(folder).expect("it is below the folder");
        Source::parse(file.to_str().expect("names are ASCII"), &text)
    })
    .collect()
}

/// Every source file of the crate in `folder`; its modules are those of a layer that is called as the crate.
pub(crate) fn read_crate(folder: &Path) -> Vec<Source> {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("names are ASCII").replace('-', "_");
    let sources = folder.join("src");
    let mut files = Vec::new();
    list(&sources, &mut files);
    files.sort();
    let rust = files.iter().filter(|file| has_extension(file, "rs"));
    rust.map(|file| {
        let text = fs::read_to_string(file).expect("a source file is text");
        let file = Path::new(file).strip_prefix(&sources).expect("it is below the folder").display();
        Source::parse(&format!("{name}/{file}"), &text.replace("crate::", &format!("crate::{name}::")))
    })
    .collect()
}

/// The Lua files below `folder`, relative to it.
pub(crate) fn lua_files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    list(folder, &mut files);
    let lua = files.iter().filter(|file| has_extension(file, "lua"));
    lua.map(|file| file.strip_prefix(folder.to_str().expect("ASCII")).expect("below").trim_matches('/').to_owned())
        .collect()
}

fn list(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path.to_str().expect("names are ASCII").to_owned());
        }
    }
}

impl Source {
    /// Reads the text of the file called `file`.
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        let mut module: Words = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if ["mod", "lib", "main"].contains(&module.last().map_or("", String::as_str)) {
            module.pop();
        }
        let mut source = Self { file: file.to_owned(), module, paths: Vec::new(), scripts: Vec::new() };
        let tokens: TokenStream = text.parse().expect("a source file is made of tokens");
        let within = source.module.clone();
        source.walk(tokens, &within, file.ends_with("_tests.rs"));
        source
    }

    fn walk(&mut self, tokens: TokenStream, within: &[String], in_tests: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(_) => {
                    let mut leaves = Vec::new();
                    let end = path(&tokens, at, &mut Vec::new(), &mut leaves);
                    self.paths.extend(leaves.into_iter().filter_map(|leaf| resolve(leaf, within, in_tests)));
                    at = end;
                }
                TokenTree::Group(group) => {
                    let inline =
                        (at >= 2 && group.delimiter() == Delimiter::Brace && tokens[at - 2].to_string() == "mod")
                            .then(|| tokens[at - 1].to_string());
                    let in_tests = in_tests || inline.as_deref() == Some("tests");
                    let inner: Words = within.iter().cloned().chain(inline).collect();
                    self.walk(group.stream(), &inner, in_tests);
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    self.scripts.extend(text.strip_suffix(".lua\"").map(|name| format!("{}.lua", &name[1..])));
                    at += 1;
                }
                TokenTree::Punct(_) => at += 1,
            }
        }
    }
}

/// Reads the path that starts at `at`, with every leaf of a `use` tree; gives where it ends.
fn path(tokens: &[TokenTree], mut at: usize, so_far: &mut Words, leaves: &mut Vec<Words>) -> usize {
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) => so_far.push(word.to_string()),
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => so_far.push("*".to_owned()),
            Some(TokenTree::Group(tree)) if tree.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = tree.stream().into_iter().collect();
                for branch in inner.split(|token| token.to_string() == ",").filter(|branch| !branch.is_empty()) {
                    path(branch, 0, &mut so_far.clone(), leaves);
                }
                return at + 1;
            }
            _generics => {
                leaves.push(std::mem::take(so_far));
                return at;
            }
        }
        let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == ':');
        if !(is_colon(tokens.get(at + 1)) && is_colon(tokens.get(at + 2))) {
            leaves.push(std::mem::take(so_far));
            return at + 1;
        }
        at += 3;
    }
}

/// Makes a path absolute. A single word is no path, unless it is a crate that one may be forbidden to name.
fn resolve(written: Words, within: &[String], in_tests: bool) -> Option<Named> {
    let supers = written.iter().take_while(|word| *word == "super").count();
    let ours = |base: &[String], skip: usize| Named {
        path: base.iter().chain(&written[skip..]).cloned().collect(),
        is_ours: true,
        in_tests,
    };
    match written.first()?.as_str() {
        // Alone they are a visibility.
        "crate" | "self" | "super" if written.len() == 1 => None,
        "crate" => Some(ours(&[], 1)),
        "self" => Some(ours(within, 1)),
        "super" => Some(ours(&within[..within.len().saturating_sub(supers)], supers)),
        _ if written.len() > 1 || written[0] == "anyhow" => Some(Named { path: written, is_ours: false, in_tests }),
        _ => None,
    }
}

fn has_extension(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|found| found == extension)
}
