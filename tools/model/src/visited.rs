//! The states a search has seen, in the order it saw them, each with the one it came from.
//!
//! States are kept whole, not as hashes, so nothing is ever taken for something else. A hash table of positions finds
//! them. For each state: 16 bytes itself (32 where a model needs two numbers), 4 for its parent, 11 to 21 in the table.

use crate::model::Packed;

/// The place of a state in the order of their discovery.
pub(crate) type Position = u32;

/// States come in pages, so that growing copies nothing and needs no second piece of memory as large as the first.
const PAGE: usize = 1 << 18;

/// Seen states.
#[derive(Debug)]
pub(crate) struct Visited<P> {
    states: Vec<Vec<P>>,
    parents: Vec<Vec<Position>>,
    len: usize,
    table: Vec<Slot>,
    /// Memory that `insert_all` uses again and again.
    hashes: Vec<(usize, u32)>,
    slots: Vec<Slot>,
    known: Vec<bool>,
}

/// A place in the table. The upper half of the hash stands beside the position, so that hardly ever a state has to be
/// fetched from far away only to see that it is another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Slot {
    tag: u32,
    position: Position,
}

impl Slot {
    const EMPTY: Self = Self { tag: 0, position: Position::MAX };
}

impl<P: Packed> Visited<P> {
    /// None yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            states: Vec::new(),
            parents: Vec::new(),
            len: 0,
            table: vec![Slot::EMPTY; 1 << 16],
            hashes: Vec::new(),
            slots: Vec::new(),
            known: Vec::new(),
        }
    }

    /// How many.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The state at this position.
    #[must_use]
    pub(crate) fn state(&self, position: Position) -> P {
        let position = position as usize;
        self.states[position / PAGE][position % PAGE]
    }

    /// From which state it was first reached; the first one is its own parent.
    #[must_use]
    pub(crate) fn parent(&self, position: Position) -> Position {
        let position = position as usize;
        self.parents[position / PAGE][position % PAGE]
    }

    /// Adds those of these states that are new, each with the position that it was reached from.
    ///
    /// Nearly all the time of a search goes by waiting for memory. So all the slots of a batch are fetched before the
    /// first one is looked at, then all the states that they point to: the processor waits for many at once.
    ///
    /// # Panics
    ///
    /// At 2^32 states.
    pub(crate) fn insert_all(&mut self, batch: &[(P, Position)]) {
        while (self.len + batch.len()) * 4 >= self.table.len() * 3 {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let mut hashes = std::mem::take(&mut self.hashes);
        hashes.clear();
        hashes.extend(batch.iter().map(|(state, _)| hash(*state)));
        let mut slots = std::mem::take(&mut self.slots);
        slots.clear();
        slots.extend(hashes.iter().map(|(place, _)| self.table[place & mask]));
        let mut known = std::mem::take(&mut self.known);
        known.clear();
        known.extend(slots.iter().zip(&hashes).zip(batch).map(|((slot, (_, tag)), (state, _))| {
            *slot != Slot::EMPTY && slot.tag == *tag && self.state(slot.position) == *state
        }));
        for (((place, tag), known), (state, parent)) in hashes.iter().zip(&known).zip(batch) {
            if !known {
                self.insert(place & mask, *tag, *state, *parent);
            }
        }
        (self.hashes, self.slots, self.known) = (hashes, slots, known);
    }

    fn insert(&mut self, place: usize, tag: u32, state: P, parent: Position) {
        let mask = self.table.len() - 1;
        let mut place = place;
        while self.table[place] != Slot::EMPTY {
            let slot = self.table[place];
            if slot.tag == tag && self.state(slot.position) == state {
                return;
            }
            place = (place + 1) & mask;
        }
        let position = Position::try_from(self.len).expect("fewer than 2^32 states");
        self.table[place] = Slot { tag, position };
        self.append(state, parent);
    }

    fn append(&mut self, state: P, parent: Position) {
        if self.len.is_multiple_of(PAGE) {
            self.states.push(Vec::with_capacity(PAGE));
            self.parents.push(Vec::with_capacity(PAGE));
        }
        let page = self.len / PAGE;
        self.states[page].push(state);
        self.parents[page].push(parent);
        self.len += 1;
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        // The old table goes before the new one comes: all that it said can be said again.
        self.table = Vec::new();
        self.table = vec![Slot::EMPTY; size];
        let mask = size - 1;
        for (position, state) in self.states.iter().flatten().enumerate() {
            let position = Position::try_from(position).expect("fewer than 2^32 states");
            let (place, tag) = hash(*state);
            let mut place = place & mask;
            while self.table[place] != Slot::EMPTY {
                place = (place + 1) & mask;
            }
            self.table[place] = Slot { tag, position };
        }
    }
}

/// A place and a tag.
#[expect(clippy::cast_possible_truncation, reason = "parts of well mixed numbers")]
fn hash(state: impl Packed) -> (usize, u32) {
    let mixed = state.mixed();
    (mixed as usize, (mixed >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_kept_once() {
        let mut visited = Visited::new();
        let states: Vec<u128> = (0..100_000).map(|number: u128| number << 61 | number).collect();
        let batch: Vec<_> = states.iter().chain(&states).map(|state| (*state, 7)).collect();

        batch.chunks(1_000).for_each(|chunk| visited.insert_all(chunk));

        assert_eq!(visited.len(), states.len());
        assert_eq!(visited.state(77_777), states[77_777]);
        assert_eq!(visited.parent(77_777), 7);
    }
}
