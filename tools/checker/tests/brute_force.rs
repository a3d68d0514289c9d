//! The verdict against brute force: on small random histories of one row, nothing is wrong exactly if some order of the
//! writes explains every read.

use aside_checker::{
    history::{Action, History, Outcome, Read, Seen, SeenName, SeenPost, Write},
    time::Interval,
    verdict::judge,
};
use proptest::{collection::vec, prelude::*};

const POST: u32 = 1;
const AUTHOR: u32 = 1;
/// All answered before, so that only the writes below matter.
const CREATED: u32 = 100;

/// A write of the post: its number is its place, its version was answered or is yet to be seen.
#[derive(Clone, Debug)]
struct Edit {
    interval: Interval,
    outcome: Outcome,
    /// Only means something when it is done.
    version: u32,
}

/// A read of the post: the write whose text it shows, and the version.
#[derive(Clone, Debug)]
struct Look {
    interval: Interval,
    shows: usize,
    version: u32,
}

fn interval() -> impl Strategy<Value = Interval> {
    (10_u64..40, 0_u64..12).prop_map(|(start, length)| Interval { start, end: start + length })
}

fn edit() -> impl Strategy<Value = Edit> {
    let outcome = prop_oneof![4 => Just(Outcome::Done), 2 => Just(Outcome::Unknown), 1 => Just(Outcome::Refused)];
    (interval(), outcome, 2_u32..6).prop_map(|(interval, outcome, version)| Edit { interval, outcome, version })
}

/// Mostly a look at a version as its write made it, so that not every history is wrong for the same reason.
fn look(edits: usize) -> impl Strategy<Value = (Interval, usize, Option<u32>)> {
    (interval(), 0..=edits, prop_oneof![4 => Just(None), 1 => (1_u32..6).prop_map(Some)])
}

fn histories() -> impl Strategy<Value = (Vec<Edit>, Vec<Look>)> {
    vec(edit(), 0..4).prop_flat_map(|edits| {
        let number = edits.len();
        vec(look(number), 0..4).prop_map(move |looks| {
            let looks = looks.into_iter().map(|(interval, shows, version)| {
                let made = shows.checked_sub(1).map_or(1, |edit| edits[edit].version);
                Look { interval, shows, version: version.unwrap_or(made) }
            });
            (edits.clone(), looks.collect())
        })
    })
}

fn history(edits: &[Edit], looks: &[Look]) -> History {
    let write =
        |number: u32, interval, outcome, action| Write { number, client: 0, replica: 0, interval, outcome, action };
    let mut writes = vec![
        write(50, Interval { start: 0, end: 1 }, Outcome::Done, Action::CreateUser { user: AUTHOR }),
        write(
            CREATED,
            Interval { start: 2, end: 3 },
            Outcome::Done,
            Action::CreatePost { post: POST, author: AUTHOR, id: 7 },
        ),
    ];
    for (number, edit) in (CREATED + 1..).zip(edits) {
        let version = if edit.outcome == Outcome::Done { edit.version } else { 0 };
        let action = Action::EditPost { post: POST, version, expected: None };
        writes.push(write(number, edit.interval, edit.outcome, action));
    }
    let reads = looks.iter().map(|look| {
        let body = CREATED + u32::try_from(look.shows).expect("few writes");
        let author = SeenName { user: AUTHOR, name: 50 };
        let found = Some(SeenPost { post: POST, id: 7, version: look.version, body, author });
        Read { client: 1, replica: 0, interval: look.interval, session: None, seen: Seen::Post { asked: POST, found } }
    });
    History { reads: reads.collect(), writes, ..History::default() }
}

/// Tries every set of the unanswered writes, every order, and every moment.
///
/// A write that is shown has the version it is shown with. Versions go up along the order; of writes that nobody has seen
/// they are unknown, and may be anything between. Each write takes effect at a moment of its interval, in that order; each
/// read shows the last one of some moment of its own.
fn is_explained(edits: &[Edit], looks: &[Look]) -> bool {
    let unknown: Vec<usize> = (0..edits.len()).filter(|&one| edits[one].outcome == Outcome::Unknown).collect();
    (0..1_u32 << unknown.len()).any(|chosen| {
        let happened = |one: usize| match edits[one].outcome {
            Outcome::Done => true,
            Outcome::Refused => false,
            Outcome::Unknown => {
                unknown.iter().position(|&other| other == one).is_some_and(|bit| chosen >> bit & 1 == 1)
            }
        };
        let all: Vec<usize> = (0..edits.len()).filter(|&one| happened(one)).collect();
        orders(&all).iter().any(|order| explains(edits, looks, order))
    })
}

fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for &first in of {
        let rest: Vec<usize> = of.iter().copied().filter(|&one| one != first).collect();
        all.extend(orders(&rest).into_iter().map(|order| [vec![first], order].concat()));
    }
    all
}

fn explains(edits: &[Edit], looks: &[Look], order: &[usize]) -> bool {
    // The versions that are known, along the order, beginning with the creation's.
    let mut versions = vec![1];
    for &one in order {
        let mut known: Vec<u32> = looks.iter().filter(|look| look.shows == one + 1).map(|look| look.version).collect();
        if edits[one].outcome == Outcome::Done {
            known.push(edits[one].version);
        }
        known.dedup();
        match known[..] {
            [] => {}
            [version] if version > *versions.last().expect("the creation's") => versions.push(version),
            _ => return false,
        }
    }
    if looks.iter().any(|look| look.shows == 0 && look.version != 1) {
        return false;
    }
    // Moments, as early as can be: those between whole numbers are as good as these.
    let mut earliest = Vec::new();
    let mut moment = 3;
    for &one in order {
        moment = moment.max(edits[one].interval.start);
        if edits[one].outcome == Outcome::Done && moment > edits[one].interval.end {
            return false;
        }
        earliest.push(moment);
    }
    // As late as can be, from the other end.
    let mut latest = Vec::new();
    let mut moment = u64::MAX;
    for &one in order.iter().rev() {
        if edits[one].outcome == Outcome::Done {
            moment = moment.min(edits[one].interval.end);
        }
        latest.insert(0, moment);
    }
    looks.iter().all(|look| {
        let place = if look.shows == 0 { None } else { order.iter().position(|&one| one + 1 == look.shows) };
        if look.shows > 0 && place.is_none() {
            return false;
        }
        let begins = place.map_or(0, |place| earliest[place]);
        let ends = latest.get(place.map_or(0, |place| place + 1)).copied().unwrap_or(u64::MAX);
        begins <= look.interval.end && ends >= look.interval.start
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_wrong_exactly_if_some_order_explains_every_read((edits, looks) in histories()) {
        let verdict = judge(&history(&edits, &looks), 0);

        prop_assert_eq!(verdict.is_clean(), is_explained(&edits, &looks), "{:#?}", verdict);
    }
}

#[test]
fn both_answers_are_common_among_the_random_histories() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();

    let explained = (0..2_000)
        .filter(|_| {
            let (edits, looks) = histories().new_tree(&mut runner).unwrap().current();
            is_explained(&edits, &looks)
        })
        .count();

    assert!((200..1_800).contains(&explained), "{explained} of 2000");
}
