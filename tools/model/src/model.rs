//! What a search needs to know of a world: where it begins, which steps there are, and how a state is kept.

use std::fmt::Debug;

pub use crate::kind::{Coverage, Kind};

/// A world that can be searched.
pub trait Model: Copy + Debug {
    /// The world between two steps. Plain data.
    type State: Copy + Debug;
    /// A state as a number: the same for all states that differ in names only, and never the same for others.
    type Packed: Packed;
    /// Who takes a step.
    type Actor: Copy + Debug;
    /// What happens in a step.
    type What: Kind;

    /// Where every way begins.
    fn initial(&self) -> Self::State;
    /// Fills `out` with every step out of `from`.
    fn successors(&self, from: &Self::State, out: &mut Vec<Next<Self>>);
    /// The state as a number, its names taken away.
    fn pack(&self, state: &Self::State) -> Self::Packed;
    /// A state that [`pack`](Self::pack) makes this number of.
    fn unpack(&self, packed: Self::Packed) -> Self::State;
    /// Where the search gives up, in states; what it then says holds for nothing.
    fn max_states(&self) -> usize;
}

/// A number that a state is kept as.
pub trait Packed: Copy + Eq + Debug {
    /// The number in 64 bits that differ, hardly ever equal for two different ones. Nobody chooses our states to collide,
    /// so a keyed hash would only cost time.
    fn mixed(self) -> u64;
}

impl Packed for u128 {
    #[expect(clippy::cast_possible_truncation, reason = "its two halves")]
    fn mixed(self) -> u64 {
        let mixed = (self as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ ((self >> 64) as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F).rotate_left(31);
        (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }
}

impl Packed for [u128; 2] {
    fn mixed(self) -> u64 {
        let [first, second] = self.map(Packed::mixed);
        (first.rotate_left(23) ^ second).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// One step: who does what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event<A, W> {
    /// Who.
    pub actor: A,
    /// What.
    pub what: W,
}

/// A step of this model.
pub type EventOf<M> = Event<<M as Model>::Actor, <M as Model>::What>;

/// One step out of a state.
#[derive(Clone, Copy, Debug)]
pub struct Next<M: Model> {
    /// Who does what.
    pub event: EventOf<M>,
    /// Where it leads. Names are kept as they were, so that a trace can be followed.
    pub state: M::State,
    /// What it breaks.
    pub violation: Option<Violation>,
}

/// How a promise was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Violation {
    /// A read answered with something older than the promise under test allows.
    Stale,
    /// A read answered with something that was never committed.
    Invented,
    /// A cell that nothing will ever change: nobody has its token and it has no TTL.
    Stuck,
}
