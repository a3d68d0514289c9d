//! A sample of what goes by: noted without waiting, kept up to a bound, taken out as a whole.

use std::sync::Arc;

use parking_lot::Mutex;

/// The most that is kept; what finds no room is left out.
const ROOM: usize = 256;

/// Clones are the same sample.
#[derive(Clone, Debug)]
pub(super) struct Sample<T> {
    noted: Arc<Mutex<Vec<T>>>,
}

impl<T: Clone> Sample<T> {
    pub(super) fn new() -> Self {
        Self { noted: Arc::default() }
    }

    pub(super) fn note(&self, items: &[T]) {
        let mut noted = self.noted.lock();
        let room = ROOM - noted.len();
        noted.extend(items.iter().take(room).cloned());
    }

    pub(super) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.noted.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_left_out_until_the_sample_is_taken() {
        let sample = Sample::new();
        let many: Vec<usize> = (0..ROOM + 10).collect();

        sample.note(&many);
        sample.note(&[7]);

        assert_eq!(sample.take(), many[..ROOM]);
        sample.note(&[7]);
        assert_eq!(sample.take(), [7]);
    }
}
