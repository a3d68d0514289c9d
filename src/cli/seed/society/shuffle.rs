//! A shuffled deck without the deck: a permutation of `0..size` in constant memory.
//!
//! A Feistel network over a grid of about `sqrt(size)` rows and columns (Black and Rogaway, "Ciphers with Arbitrary Finite
//! Domains", 2002). A place beyond the deck is sent through again until it falls on a card, which is rare: the grid is
//! hardly larger than the deck.

use super::random::{Purpose, Random, mix};

const ROUNDS: usize = 4;

/// A permutation of the numbers below a size.
#[derive(Clone, Debug)]
pub(in crate::cli::seed) struct Shuffle {
    size: u64,
    rows: u64,
    columns: u64,
    keys: [u64; ROUNDS],
}

impl Shuffle {
    /// The permutation of `0..size` that belongs to this seed and purpose.
    pub(in crate::cli::seed) fn new(seed: u64, purpose: Purpose, size: u64) -> Self {
        let mut random = Random::new(seed, purpose, u64::MAX);
        let rows = size.isqrt().max(1);
        Self { size, rows, columns: size.div_ceil(rows).max(1), keys: std::array::from_fn(|_| random.bits()) }
    }

    /// Where `card`, which must be below the size, lies.
    pub(in crate::cli::seed) fn place(&self, card: u64) -> u64 {
        debug_assert!(card < self.size, "{card} is not below {}", self.size);
        let mut place = self.deal(card);
        while place >= self.size {
            place = self.deal(place);
        }
        place
    }

    /// A permutation of the whole grid: each round shifts one coordinate by a number made of the other.
    fn deal(&self, place: u64) -> u64 {
        let (mut row, mut column) = (place / self.columns, place % self.columns);
        for [even, odd] in self.keys.as_chunks().0 {
            row = (row + mix(column ^ even) % self.rows) % self.rows;
            column = (column + mix(row ^ odd) % self.columns) % self.columns;
        }
        row * self.columns + column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_lies_in_one_place() {
        for size in [1, 2, 3, 7, 10, 100, 101, 9_999] {
            let shuffle = Shuffle::new(1, Purpose::Fame, size);

            let mut places: Vec<_> = (0..size).map(|card| shuffle.place(card)).collect();
            places.sort_unstable();

            assert!(places.into_iter().eq(0..size), "{size}");
        }
    }

    #[test]
    fn the_order_is_mixed_and_belongs_to_the_seed() {
        let dealt = |seed| (0..52).map(|card| Shuffle::new(seed, Purpose::Fame, 52).place(card)).collect::<Vec<_>>();

        assert_eq!(dealt(1), dealt(1));
        assert_ne!(dealt(1), dealt(2));
        assert!(dealt(1).windows(2).filter(|pair| pair[0] < pair[1]).count() < 40);
    }
}
