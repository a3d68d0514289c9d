//! Something that is set and unset again and again and has no versions: whether somebody follows somebody.
//!
//! A state is possible for a read if some write of that state may be the last one that took effect before the read's end:
//! it was begun by then, and no write that certainly came after it had to be seen when the read started.

use super::bound::Bound;
use crate::time::{Micros, SECOND};

/// How long after its caller gave up a write may still happen: longer than a replica is stopped, a transaction lives, and
/// a request waits in a socket.
pub(super) const LINGERS: Micros = 20 * SECOND;

/// A write of one of the two states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switch {
    pub(super) state: bool,
    pub(super) start: Micros,
    /// The answer, or when the caller gave up.
    pub(super) end: Micros,
    /// `None` when nobody knows whether it happened.
    pub(super) bound: Option<Bound>,
}

/// All of them; in the beginning the state is `false`.
#[derive(Clone, Debug, Default)]
pub(super) struct Toggle {
    switches: Vec<Switch>,
}

impl Toggle {
    pub(super) fn new(mut switches: Vec<Switch>) -> Self {
        switches.sort_by_key(|switch| switch.start);
        for place in 0..switches.len() {
            if let Some(bound) = switches[place].bound
                && may_have_found_it_so(&switches[..place], switches[place])
            {
                switches[place].bound = Some(bound.excused());
            }
        }
        Self { switches }
    }

    /// Whether a read of this interval may show `state`.
    pub(super) fn is_possible(&self, state: bool, start: Micros, end: Micros) -> bool {
        let beginning = Switch { state: false, start: 0, end: 0, bound: None };
        let certainly_over = |one: &Switch, latest: Micros| {
            self.switches.iter().any(|other| {
                other.start > latest
                    && other.start > one.start
                    && other.bound.is_some_and(|bound| bound.binding < start)
            })
        };
        let may_show = |one: &Switch, latest: Micros| one.start <= end && !certainly_over(one, latest);
        (!state && may_show(&beginning, 0))
            || self.switches.iter().any(|one| one.state == state && may_show(one, latest_effect(one)))
    }
}

fn latest_effect(switch: &Switch) -> Micros {
    if switch.bound.is_some() { switch.end } else { switch.end + LINGERS }
}

/// A write that finds things as it wants them changes nothing and tells no cache. So it is exact only if the state before it
/// was certainly the other one, or was itself exact.
fn may_have_found_it_so(before: &[Switch], switch: Switch) -> bool {
    let may_still_happen = |earlier: &Switch| earlier.bound.is_none() && latest_effect(earlier) >= switch.start;
    if before.iter().any(|earlier| earlier.state == switch.state && may_still_happen(earlier)) {
        return true;
    }
    let same = before.iter().rev().take_while(|earlier| earlier.bound.is_none() || earlier.state == switch.state);
    same.filter(|earlier| earlier.state == switch.state)
        .any(|earlier| earlier.bound.is_none_or(|bound| bound.is_excused))
}
