//! Texts from a grammar: rules with several ways to say a thing, which refer to further rules (`phrases.txt`).

use std::collections::HashMap;

use crate::cli::seed::society::Random;

const PHRASES: &str = include_str!("phrases.txt");

/// The rules of `phrases.txt`, ready to be followed.
#[derive(Clone, Debug)]
pub(in crate::cli::seed) struct Grammar {
    rules: Vec<Vec<Way>>,
    post: usize,
    bio: usize,
}

/// One way to follow a rule.
type Way = Vec<Piece>;

#[derive(Clone, Copy, Debug)]
enum Piece {
    Text(&'static str),
    Rule(usize),
}

impl Grammar {
    /// Reads the phrases.
    ///
    /// # Panics
    ///
    /// If a rule is missing. The phrases are part of the program, and a test reads them.
    pub(in crate::cli::seed) fn new() -> Self {
        let sections = sections(PHRASES);
        let numbers: HashMap<_, _> = sections.iter().enumerate().map(|(number, (name, _))| (*name, number)).collect();
        let rules = sections.iter().map(|(_, ways)| ways.iter().map(|way| pieces(way, &numbers)).collect()).collect();
        Self { rules, post: numbers["post"], bio: numbers["bio"] }
    }

    /// Puts a post into `text` in place of what was there.
    pub(in crate::cli::seed) fn write_post(&self, random: &mut Random, text: &mut String) {
        text.clear();
        self.follow(self.post, random, text);
        capitalise(text);
    }

    /// Puts a bio into `text` in place of what was there.
    pub(in crate::cli::seed) fn write_bio(&self, random: &mut Random, text: &mut String) {
        text.clear();
        self.follow(self.bio, random, text);
    }

    fn follow(&self, rule: usize, random: &mut Random, text: &mut String) {
        let ways = &self.rules[rule];
        let chosen = usize::try_from(random.below(ways.len() as u64)).expect("below a length");
        for piece in &ways[chosen] {
            match piece {
                Piece::Text(words) => text.push_str(words),
                Piece::Rule(rule) => self.follow(*rule, random, text),
            }
        }
    }
}

/// Rules are written as they stand in mid-sentence. Their first letters are ASCII, as a test makes sure.
fn capitalise(text: &mut str) {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
}

/// Each rule's name and ways, in their order.
fn sections(phrases: &'static str) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut sections: Vec<(_, Vec<_>)> = Vec::new();
    for line in phrases.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(name) => sections.push((name, Vec::new())),
            None => sections.last_mut().expect("the first line names a rule").1.push(line),
        }
    }
    sections
}

fn pieces(way: &'static str, numbers: &HashMap<&str, usize>) -> Way {
    let mut pieces = Vec::new();
    let mut rest = way;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').expect("each brace is closed");
        pieces.push(Piece::Text(before));
        pieces.push(Piece::Rule(*numbers.get(name).unwrap_or_else(|| panic!("no rule is called {name}"))));
        rest = behind;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::cli::seed::society::Purpose;
    use crate::domain::{Bio, PostBody};

    fn written(count: u64, write: impl Fn(&mut Random, &mut String)) -> Vec<String> {
        let text_of = |index| {
            let mut text = "what was there".to_owned();
            write(&mut Random::new(1, Purpose::Post, index), &mut text);
            text
        };
        (0..count).map(text_of).collect()
    }

    #[test]
    fn rules_only_refer_to_rules_further_down_and_each_is_used() {
        let grammar = Grammar::new();
        let mut used = HashSet::from([grammar.post, grammar.bio]);

        for (number, ways) in grammar.rules.iter().enumerate() {
            assert!(!ways.is_empty(), "rule {number}");
            for piece in ways.iter().flatten() {
                let Piece::Rule(other) = piece else { continue };
                assert!(*other > number, "rule {number} refers to rule {other}");
                used.insert(*other);
            }
        }

        assert_eq!(used.len(), grammar.rules.len());
    }

    #[test]
    fn posts_and_bios_are_valid_and_begin_with_a_capital() {
        let grammar = Grammar::new();

        for post in written(5_000, |random, text| grammar.write_post(random, text)) {
            assert!(!post.starts_with(char::is_lowercase), "{post}");
            assert!(!post.contains(['{', '}']), "{post}");
            assert!(post.len() < 400, "{post}");
            PostBody::parse(post).unwrap();
        }
        for bio in written(2_000, |random, text| grammar.write_bio(random, text)) {
            assert!(!bio.starts_with(char::is_lowercase), "{bio}");
            Bio::parse(bio).unwrap();
        }
    }

    #[test]
    fn posts_hardly_repeat_themselves() {
        let grammar = Grammar::new();

        let posts = written(1_000, |random, text| grammar.write_post(random, text));

        let distinct: HashSet<_> = posts.iter().collect();
        assert!(distinct.len() > 800, "{}", distinct.len());
    }
}
