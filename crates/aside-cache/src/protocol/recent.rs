//! The most recent items: noted without waiting, kept up to a bound, taken as a whole.

use std::sync::Arc;

use parking_lot::Mutex;

/// The bound; items beyond it are left out.
const MOST: usize = 256;

/// Recent items. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Recent<T> {
    noted: Arc<Mutex<Vec<T>>>,
}

impl<T: Clone> Recent<T> {
    pub(super) fn new() -> Self {
        Self { noted: Arc::default() }
    }

    pub(super) fn note(&self, items: &[T]) {
        let mut noted = self.noted.lock();
        let free = MOST - noted.len();
        noted.extend(items.iter().take(free).cloned());
    }

    pub(super) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.noted.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_beyond_the_bound_are_left_out_until_the_next_take() {
        let recent = Recent::new();
        let many: Vec<usize> = (0..MOST + 10).collect();

        recent.note(&many);
        recent.note(&[7]);

        assert_eq!(recent.take(), many[..MOST]);
        recent.note(&[7]);
        assert_eq!(recent.take(), [7]);
    }
}
