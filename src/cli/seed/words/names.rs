//! Names of made-up users. Each number has its own name.

use std::fmt::Write as _;

use unicode_normalization::UnicodeNormalization;

use crate::cli::seed::society::{Purpose, Random, Shuffle};

const FIRST_NAMES: &str = include_str!("first_names.txt");
const LAST_NAMES: &str = include_str!("last_names.txt");

/// User 0, for sign-ins by users who try the service.
pub(in crate::cli::seed) const DEMO_USERNAME: &str = "demo";
const DEMO_DISPLAY_NAME: &str = "Demo Account";

/// Gives names to users.
#[derive(Clone, Debug)]
pub(in crate::cli::seed) struct Names {
    first: Vec<Name>,
    last: Vec<Name>,
    order: Shuffle,
}

/// A name, and its letters as a username may have them.
#[derive(Clone, Debug)]
struct Name {
    full: &'static str,
    plain: String,
}

impl Names {
    /// The names that belong to this seed.
    pub(in crate::cli::seed) fn new(seed: u64) -> Self {
        let (first, last) = (names(FIRST_NAMES), names(LAST_NAMES));
        let order = Shuffle::new(seed, Purpose::Names, first.len() as u64 * last.len() as u64);
        Self { first, last, order }
    }

    /// Puts the username and the display name of a user in place of what was there.
    ///
    /// Every first name goes with every last name once before any pair is used again, with a number behind it. Parts of names
    /// hold neither underscores nor digits, so no two users come to the same.
    pub(in crate::cli::seed) fn write(&self, user: u64, random: &mut Random, name: &mut String, display: &mut String) {
        name.clear();
        display.clear();
        if user == 0 {
            name.push_str(DEMO_USERNAME);
            display.push_str(DEMO_DISPLAY_NAME);
            return;
        }
        let pairs = self.first.len() as u64 * self.last.len() as u64;
        let (round, pair) = (user / pairs, self.order.place(user % pairs));
        let index = |number: u64| usize::try_from(number).expect("below a length");
        let first = &self.first[index(pair / self.last.len() as u64)];
        let last = &self.last[index(pair % self.last.len() as u64)];

        for part in [first.plain.as_str(), "_", last.plain.as_str()] {
            name.push_str(part);
        }
        if random.below(4) > 0 {
            name.make_ascii_lowercase();
        }
        if round > 0 {
            write!(name, "{}", round + 1).expect("a string takes all");
        }
        for part in [first.full, " ", last.full] {
            display.push_str(part);
        }
    }
}

fn names(list: &'static str) -> Vec<Name> {
    let plain = |full: &str| full.nfd().filter(char::is_ascii_alphabetic).collect();
    list.lines().map(|full| Name { full, plain: plain(full) }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::{DisplayName, Username};

    fn named(names: &Names, user: u64) -> (String, String) {
        let (mut name, mut display) = (String::new(), String::new());
        names.write(user, &mut Random::new(1, Purpose::Profile, user), &mut name, &mut display);
        (name, display)
    }

    #[test]
    fn the_parts_of_usernames_are_distinct() {
        for list in [FIRST_NAMES, LAST_NAMES] {
            let names = names(list);
            let plain: HashSet<_> = names.iter().map(|name| name.plain.to_lowercase()).collect();

            assert_eq!(plain.len(), names.len());
            assert!(names.iter().all(|name| (2..=11).contains(&name.plain.len())));
            assert!(names.iter().all(|name| name.full.chars().count() == name.plain.len()), "a letter got lost");
        }
    }

    #[test]
    fn a_hundred_thousand_users_have_valid_names_and_no_two_the_same() {
        let names = Names::new(1);
        let mut seen = HashSet::new();

        for user in 0..100_000 {
            let (name, display) = named(&names, user);
            assert_eq!(DisplayName::parse(&display).unwrap().as_str(), display);
            assert!(seen.insert(Username::parse(name).unwrap().folded()));
        }
    }

    #[test]
    fn the_name_of_the_last_possible_user_is_short_enough() {
        let names = Names::new(1);

        assert!((99_000_000..99_100_000).all(|user| Username::parse(named(&names, user).0).is_ok()));
    }

    #[test]
    fn the_first_user_is_the_demo_account() {
        assert_eq!(named(&Names::new(7), 0), ("demo".to_owned(), "Demo Account".to_owned()));
    }
}
