//! The near slots: one for each near entry and for each composed page. Bounded in bytes; the least used go first.
//!
//! `quick_cache` holds them (docs/adr/0017-near-cache.md). A value gets into its slot under the lock of its fill permit, which
//! makes "keep it if this permit is still there" one step. A drop removes the permit first.

use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::{Weighter, sync::Cache};

use super::{
    entry::{NearEntry, NearPage},
    permit_table::PermitTable,
    slot::SlotKey,
    versions::{SlotVersion, SlotVersions},
};
use crate::protocol::EntryValue;

/// The size of a slot beside its payload: key, header, and the library's own links, rounded up.
const SLOT_BYTES: u64 = 192;
/// The usual size of an entry, for the library's first estimate of their number.
const USUAL_BYTES: u64 = 1_024;

/// The right to fill one slot, until the slot is dropped or another permit is placed there.
#[derive(Clone, Copy, Debug)]
pub(super) struct FillPermit {
    key: SlotKey,
    number: u64,
    /// For pages that are composed of the value that will be kept under this permit.
    version: SlotVersion,
}

#[derive(Clone, Debug)]
enum Slot {
    Entry(NearEntry),
    Page(NearPage),
}

/// All near slots.
#[derive(Debug)]
pub(super) struct NearEntries {
    slots: Cache<SlotKey, Slot, InBytes>,
    permits: PermitTable,
    versions: SlotVersions,
    next_permit: AtomicU64,
}

#[derive(Clone, Debug)]
struct InBytes;

impl Weighter<SlotKey, Slot> for InBytes {
    fn weight(&self, _key: &SlotKey, slot: &Slot) -> u64 {
        let size = match slot {
            Slot::Entry(entry) => entry.size(),
            Slot::Page(page) => page.size(),
        };
        SLOT_BYTES + size as u64
    }
}

impl NearEntries {
    /// Empty slots, for near entries of this many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let likely = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        let slots = Cache::with_weighter(likely, bytes, InBytes);
        let (permits, versions) = (PermitTable::default(), SlotVersions::new());
        Self { slots, permits, versions, next_permit: AtomicU64::new(0) }
    }

    /// A near entry, unless it has run out, and its slot version.
    pub(super) fn get(&self, key: &SlotKey, now_ms: i64) -> Option<(EntryValue, SlotVersion)> {
        // Before the entry: one that is dropped in between has another version by then.
        let version = self.versions.get(key);
        match self.slots.get(key) {
            Some(Slot::Entry(entry)) => entry.value_at(now_ms).map(|value| (value, version)),
            _empty => None,
        }
    }

    /// The page of this key, if it would be composed the same now.
    pub(super) fn get_page(&self, key: &SlotKey, now_ms: i64) -> Option<NearPage> {
        match self.slots.get(key) {
            Some(Slot::Page(page)) if page.is_current(&self.versions, now_ms) => Some(page),
            _none_or_changed => None,
        }
    }

    /// Keeps a composed page.
    pub(super) fn keep_page(&self, key: SlotKey, page: NearPage) {
        self.slots.insert(key, Slot::Page(page));
    }

    pub(super) fn place_permit(&self, key: SlotKey) -> FillPermit {
        // Before the permit is there: as long as it is, the version is the same.
        let version = self.versions.get(&key);
        let permit = FillPermit { key, number: self.next_permit.fetch_add(1, Ordering::Relaxed), version };
        self.permits.place(permit.key, permit.number);
        permit
    }

    /// Removes a permit, if it is still there.
    pub(super) fn remove_permit(&self, permit: FillPermit) {
        self.permits.take(&permit.key, permit.number, || ());
    }

    /// Keeps a value until then, if the permit is still there; gives the slot version.
    pub(super) fn keep(&self, permit: FillPermit, value: &EntryValue, until_ms: i64) -> Option<SlotVersion> {
        let fill = || self.slots.insert(permit.key, Slot::Entry(NearEntry::new(value, until_ms)));
        self.permits.take(&permit.key, permit.number, fill).then_some(permit.version)
    }

    pub(super) fn drop_entry(&self, key: &SlotKey) {
        self.versions.increment(key);
        // Remove the permit first: a concurrent `keep` has finished, or will fail.
        self.permits.remove(key);
        self.slots.remove(key);
    }

    pub(super) fn drop_all(&self) {
        self.versions.increment_all();
        self.permits.clear();
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use bytes::Bytes;

    use super::*;
    use crate::near::{dependencies::Dependencies, slot::Kind};

    const KIND: Kind = Kind(0);
    const KEY: SlotKey = (KIND, [7; 32]);

    fn value(text: &'static str) -> EntryValue {
        let payload = Some(Bytes::from_static(text.as_bytes()));
        EntryValue { payload, version: 1, expires_at_ms: 1_000, cost_us: 0, refreshing_since_ms: None }
    }

    fn kept(near: &NearEntries) -> Option<EntryValue> {
        near.get(&KEY, 0).map(|(value, _)| value)
    }

    #[test]
    fn a_value_is_kept_under_its_permit() {
        let near = NearEntries::new(1 << 20);

        let permit = near.place_permit(KEY);
        assert_eq!(kept(&near), None);
        near.keep(permit, &value("new"), 1_000);

        assert_eq!(kept(&near), Some(value("new")));
        assert_eq!(near.get(&(Kind(1), [7; 32]), 0), None);
    }

    #[test]
    fn nothing_is_kept_in_a_slot_that_was_dropped_meanwhile() {
        let near = NearEntries::new(1 << 20);

        let (one, other) = (near.place_permit(KEY), near.place_permit((KIND, [8; 32])));
        near.drop_entry(&KEY);
        near.keep(one, &value("old"), 1_000);
        near.drop_all();
        near.keep(other, &value("old"), 1_000);

        assert_eq!(kept(&near), None);
        assert_eq!(near.get(&(KIND, [8; 32]), 0), None);
    }

    #[test]
    fn a_permit_does_not_count_once_another_was_placed() {
        let near = NearEntries::new(1 << 20);

        let before_the_fence = near.place_permit(KEY);
        near.drop_entry(&KEY);
        let after_it = near.place_permit(KEY);
        near.keep(before_the_fence, &value("old"), 1_000);
        assert_eq!(kept(&near), None);
        near.keep(after_it, &value("new"), 1_000);

        assert_eq!(kept(&near), Some(value("new")));
    }

    /// One thread changes an entry and drops its slot in a loop; another looks it up and keeps it in a loop.
    #[test]
    fn no_value_from_before_a_change_is_there_once_its_slot_was_dropped() {
        let (near, version, is_over) = (NearEntries::new(1 << 20), AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let permit = near.place_permit(KEY);
                    let seen = EntryValue { version: version.load(Ordering::SeqCst), ..value("x") };
                    near.keep(permit, &seen, 1_000);
                }
            });
            for change in 1..=200_000 {
                version.store(change, Ordering::SeqCst);
                near.drop_entry(&KEY);
                let stale = kept(&near).map(|kept| kept.version).filter(|&version| version < change);
                if stale.is_some() {
                    is_over.store(true, Ordering::SeqCst);
                }
                assert_eq!(stale, None, "after change {change}");
            }
            is_over.store(true, Ordering::SeqCst);
        });
    }

    #[test]
    fn a_permit_is_used_once_and_removed_with_its_reader() {
        let near = NearEntries::new(1 << 20);
        let (kept_under, left, replaced) =
            (near.place_permit(KEY), near.place_permit((KIND, [8; 32])), near.place_permit((KIND, [9; 32])));
        let instead = near.place_permit((KIND, [9; 32]));
        assert!(near.keep(kept_under, &value("new"), 1_000).is_some());
        assert!(near.keep(kept_under, &value("late"), 1_000).is_none());

        for permit in [kept_under, left, replaced] {
            near.remove_permit(permit);
        }

        assert_eq!(near.permits.len(), 1);
        assert!(near.keep(left, &value("late"), 1_000).is_none());
        assert!(near.keep(instead, &value("new"), 1_000).is_some(), "it is another's");
    }

    #[test]
    fn entries_that_are_read_once_do_not_evict_pages_that_are_read_often() {
        const PAGES: u32 = 50;
        let near = NearEntries::new(1_000_000);
        let id = |number: u32| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            id
        };
        let page = |number| (Kind(1), id(number));
        let found = |number| near.get_page(&page(number), 0).is_some();
        for number in 0..PAGES {
            let dependencies = Dependencies::new().finish(0).expect("of nothing, so it never changes");
            near.keep_page(page(number), NearPage::new(&[0; 4_000], dependencies));
            assert!(found(number) && found(number));
        }

        for number in 0..20_000 {
            near.keep(near.place_permit((KIND, id(number))), &value("x"), 1_000);
        }

        assert_eq!((0..PAGES).filter(|&number| found(number)).count(), PAGES as usize);
    }

    #[test]
    fn a_near_entry_ends_with_its_entry() {
        let near = NearEntries::new(1 << 20);
        near.keep(near.place_permit(KEY), &value("x"), 1_000);

        assert!(near.get(&KEY, 999).is_some());
        assert!(near.get(&KEY, 1_000).is_none());
    }

    #[test]
    fn a_page_is_current_until_its_end_and_until_one_of_its_entries_is_dropped() {
        let near = NearEntries::new(1 << 20);
        let (page, other) = ((Kind(1), [7; 32]), (KIND, [8; 32]));
        near.keep(near.place_permit(KEY), &value("x"), 1_000);
        let (_, version) = near.get(&KEY, 0).expect("it was kept");
        let mut dependencies = Dependencies::new();
        dependencies.add(Some(version), 1_000, 2_000);
        let dependencies = dependencies.finish(0).expect("of near entries");
        near.keep_page(page, NearPage::new(b"made of x", dependencies));
        let found = |now_ms| near.get_page(&page, now_ms).map(NearPage::into_bytes);

        // The second time nothing has changed since the first.
        assert_eq!([found(0), found(0)].map(|found| found.expect("it is good")), ["made of x"; 2]);
        near.drop_entry(&other);
        assert!(found(0).is_some(), "another slot");
        assert!(found(1_999).is_some() && found(2_000).is_none());
        near.drop_entry(&KEY);
        assert_eq!(found(0), None);
    }

    #[test]
    fn near_entries_are_bounded_in_bytes() {
        let near = NearEntries::new(1_000_000);
        let payload = Some(Bytes::from(vec![0; 1_000]));

        for number in 0..5_000_u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            let value = EntryValue { payload: payload.clone(), ..value("x") };
            near.keep(near.place_permit((KIND, id)), &value, 1_000);
        }

        assert!((500_000..=1_000_000).contains(&near.slots.weight()), "{}", near.slots.weight());
    }
}
