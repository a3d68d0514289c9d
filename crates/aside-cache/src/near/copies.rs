//! The slots: for each cell nothing or a copy; and what was made of copies. Bounded in bytes; what is used least goes first.
//!
//! `quick_cache` holds them (docs/adr/0017-near-cache.md). A copy gets into its slot under the lock of its marker, which is
//! what makes "keep it if this very marker is still there" one step; who empties the slot takes the marker away first.

use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::{Weighter, sync::Cache};

use super::{
    key::{IdBytes, Key, Kind},
    marks::Marks,
    piece::{CopiedCell, DerivedValue},
    stamps::{Stamp, Stamps},
};
use crate::value::CellValue;

/// What a slot takes beside its payload: key, header, and the library's own links, rounded up.
const SLOT_BYTES: u64 = 192;
/// The size that most cells are near, for the library's first guess at their number.
const USUAL_BYTES: u64 = 1_024;

/// The right to fill one slot, until somebody empties it or puts another marker there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker {
    key: Key,
    number: u64,
    /// For what is made of the value that will be kept under this marker.
    stamp: Stamp,
}

#[derive(Clone, Debug)]
enum Slot {
    /// What the cell holds.
    Copy(CopiedCell),
    /// Put together from copies, and good as long as they are.
    Derived(DerivedValue),
}

/// All slots.
#[derive(Debug)]
pub(super) struct Copies {
    slots: Cache<Key, Slot, InBytes>,
    marks: Marks,
    stamps: Stamps,
    next_marker: AtomicU64,
}

#[derive(Clone, Debug)]
struct InBytes;

impl Weighter<Key, Slot> for InBytes {
    fn weight(&self, _key: &Key, slot: &Slot) -> u64 {
        let piece = match slot {
            Slot::Copy(cell) => cell.size(),
            Slot::Derived(value) => value.size(),
        };
        SLOT_BYTES + piece as u64
    }
}

impl Copies {
    /// Empty slots, for copies of this many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let likely = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        let slots = Cache::with_weighter(likely, bytes, InBytes);
        Self { slots, marks: Marks::default(), stamps: Stamps::new(), next_marker: AtomicU64::new(0) }
    }

    /// A copy, unless it has run out, and the stamp for what is made of it.
    pub(super) fn get(&self, kind: Kind, id: &IdBytes, now_ms: i64) -> Option<(CellValue, Stamp)> {
        let key = (kind, *id);
        // Before the copy: one that is emptied in between has another stamp by then.
        let stamp = self.stamps.stamp(&key);
        match self.slots.get(&key) {
            Some(Slot::Copy(cell)) => cell.value_at(now_ms).map(|value| (value, stamp)),
            _empty => None,
        }
    }

    /// What was derived under this name, if it would be the same now.
    pub(super) fn get_derived(&self, key: &Key, now_ms: i64) -> Option<DerivedValue> {
        match self.slots.get(key) {
            Some(Slot::Derived(value)) if value.is_good(&self.stamps, now_ms) => Some(value),
            _none_or_changed => None,
        }
    }

    /// Keeps what was derived.
    pub(super) fn keep_derived(&self, key: Key, value: DerivedValue) {
        self.slots.insert(key, Slot::Derived(value));
    }

    pub(super) fn mark(&self, kind: Kind, id: &IdBytes) -> Marker {
        let key = (kind, *id);
        // Before the marker is there: as long as it is, the stamp is the same.
        let stamp = self.stamps.stamp(&key);
        let marker = Marker { key, number: self.next_marker.fetch_add(1, Ordering::Relaxed), stamp };
        self.marks.place(marker.key, marker.number);
        marker
    }

    /// Takes the marker back, if it is still there.
    pub(super) fn unmark(&self, marker: Marker) {
        self.marks.take(&marker.key, marker.number, || ());
    }

    /// Keeps a value until then, if the marker is still there; gives the stamp for what is made of it.
    pub(super) fn keep(&self, marker: Marker, value: &CellValue, until_ms: i64) -> Option<Stamp> {
        let fill = || self.slots.insert(marker.key, Slot::Copy(CopiedCell::new(value, until_ms)));
        self.marks.take(&marker.key, marker.number, fill).then_some(marker.stamp)
    }

    pub(super) fn empty(&self, key: &Key) {
        self.stamps.count(key);
        // The marker before the copy: whoever keeps something under it has done so, or never will.
        self.marks.sweep(key);
        self.slots.remove(key);
    }

    pub(super) fn empty_all(&self) {
        self.stamps.count_all();
        self.marks.sweep_all();
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use bytes::Bytes;

    use super::*;
    use crate::near::recipe::Recipe;

    const KIND: Kind = Kind(0);
    const ID: IdBytes = [7; 32];

    fn value(text: &'static str) -> CellValue {
        CellValue { payload: Some(Bytes::from_static(text.as_bytes())), version: 1, expires_at_ms: 1_000, cost_us: 0 }
    }

    fn kept(copies: &Copies) -> Option<CellValue> {
        copies.get(KIND, &ID, 0).map(|(value, _)| value)
    }

    #[test]
    fn what_was_looked_at_under_a_marker_is_kept() {
        let copies = Copies::new(1 << 20);

        let marker = copies.mark(KIND, &ID);
        assert_eq!(kept(&copies), None);
        copies.keep(marker, &value("new"), 1_000);

        assert_eq!(kept(&copies), Some(value("new")));
        assert_eq!(copies.get(Kind(1), &ID, 0), None);
    }

    #[test]
    fn nothing_is_kept_in_a_slot_that_was_emptied_meanwhile() {
        let copies = Copies::new(1 << 20);

        let (one, other) = (copies.mark(KIND, &ID), copies.mark(KIND, &[8; 32]));
        copies.empty(&(KIND, ID));
        copies.keep(one, &value("old"), 1_000);
        copies.empty_all();
        copies.keep(other, &value("old"), 1_000);

        assert_eq!(kept(&copies), None);
        assert_eq!(copies.get(KIND, &[8; 32], 0), None);
    }

    #[test]
    fn a_marker_is_no_good_for_the_slot_that_another_has_marked() {
        let copies = Copies::new(1 << 20);

        let before_the_fence = copies.mark(KIND, &ID);
        copies.empty(&(KIND, ID));
        let after_it = copies.mark(KIND, &ID);
        copies.keep(before_the_fence, &value("old"), 1_000);
        assert_eq!(kept(&copies), None);
        copies.keep(after_it, &value("new"), 1_000);

        assert_eq!(kept(&copies), Some(value("new")));
    }

    /// One changes a cell and empties its slot again and again; another looks and keeps, likewise.
    #[test]
    fn nothing_from_before_a_change_is_there_once_its_slot_was_emptied() {
        let (copies, version, is_over) = (Copies::new(1 << 20), AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let marker = copies.mark(KIND, &ID);
                    let seen = CellValue { version: version.load(Ordering::SeqCst), ..value("x") };
                    copies.keep(marker, &seen, 1_000);
                }
            });
            for change in 1..=200_000 {
                version.store(change, Ordering::SeqCst);
                copies.empty(&(KIND, ID));
                let stale = kept(&copies).map(|kept| kept.version).filter(|&version| version < change);
                if stale.is_some() {
                    is_over.store(true, Ordering::SeqCst);
                }
                assert_eq!(stale, None, "after change {change}");
            }
            is_over.store(true, Ordering::SeqCst);
        });
    }

    #[test]
    fn a_marker_is_kept_under_once_and_gone_with_its_reader() {
        let copies = Copies::new(1 << 20);
        let (kept_under, left, replaced) =
            (copies.mark(KIND, &ID), copies.mark(KIND, &[8; 32]), copies.mark(KIND, &[9; 32]));
        let instead = copies.mark(KIND, &[9; 32]);
        assert!(copies.keep(kept_under, &value("new"), 1_000).is_some());
        assert!(copies.keep(kept_under, &value("late"), 1_000).is_none());

        for marker in [kept_under, left, replaced] {
            copies.unmark(marker);
        }

        assert_eq!(copies.marks.len(), 1);
        assert!(copies.keep(left, &value("late"), 1_000).is_none());
        assert!(copies.keep(instead, &value("new"), 1_000).is_some(), "it is another's");
    }

    #[test]
    fn what_is_looked_at_once_does_not_drive_out_what_is_read_again_and_again() {
        const PAGES: u32 = 50;
        let copies = Copies::new(1_000_000);
        let id = |number: u32| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            id
        };
        let page = |number| (Kind(1), id(number));
        let found = |number| copies.get_derived(&page(number), 0).is_some();
        for number in 0..PAGES {
            let recipe = Recipe::new().finish(0).expect("of nothing, so it never changes");
            copies.keep_derived(page(number), DerivedValue::new(&[0; 4_000], recipe));
            assert!(found(number) && found(number));
        }

        for number in 0..20_000 {
            copies.keep(copies.mark(KIND, &id(number)), &value("x"), 1_000);
        }

        assert_eq!((0..PAGES).filter(|&number| found(number)).count(), PAGES as usize);
    }

    #[test]
    fn a_copy_ends_with_its_cell() {
        let copies = Copies::new(1 << 20);
        copies.keep(copies.mark(KIND, &ID), &value("x"), 1_000);

        assert!(copies.get(KIND, &ID, 999).is_some());
        assert!(copies.get(KIND, &ID, 1_000).is_none());
    }

    #[test]
    fn what_was_derived_is_good_until_its_end_and_until_one_of_its_copies_is_emptied() {
        let copies = Copies::new(1 << 20);
        let (derived, other) = ((Kind(1), ID), (KIND, [8; 32]));
        copies.keep(copies.mark(KIND, &ID), &value("x"), 1_000);
        let (_, stamp) = copies.get(KIND, &ID, 0).expect("it was kept");
        let mut recipe = Recipe::new();
        recipe.add(Some(stamp), 1_000, 2_000);
        let recipe = recipe.finish(0).expect("of copies");
        copies.keep_derived(derived, DerivedValue::new(b"made of x", recipe));
        let found = |now_ms| copies.get_derived(&derived, now_ms).map(DerivedValue::into_bytes);

        // The second time nothing has changed since the first.
        assert_eq!([found(0), found(0)].map(|found| found.expect("it is good")), ["made of x"; 2]);
        copies.empty(&other);
        assert!(found(0).is_some(), "another slot");
        assert!(found(1_999).is_some() && found(2_000).is_none());
        copies.empty(&(KIND, ID));
        assert_eq!(found(0), None);
    }

    #[test]
    fn copies_are_bounded_in_bytes() {
        let copies = Copies::new(1_000_000);
        let payload = Some(Bytes::from(vec![0; 1_000]));

        for number in 0..5_000_u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            let value = CellValue { payload: payload.clone(), version: 1, expires_at_ms: 1_000, cost_us: 0 };
            copies.keep(copies.mark(KIND, &id), &value, 1_000);
        }

        assert!((500_000..=1_000_000).contains(&copies.slots.weight()), "{}", copies.slots.weight());
    }
}
