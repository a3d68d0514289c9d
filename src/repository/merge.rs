//! What a home page shows next: candidates out of cells, newest first, as far as the cells reach.

use std::collections::BinaryHeap;

use uuid::Uuid;

use super::cells::Timeline;
use crate::domain::{PostId, UserId};

/// Posts that may be on a page, newest first, with their authors.
pub(super) trait Candidates: Iterator<Item = (PostId, UserId)> {
    /// Once there is no next: whether that is the end of the list, or only of what the cells know.
    fn is_end_of_list(&self) -> bool;
}

/// Several authors' timelines as one list.
///
/// A timeline holds only an author's newest posts. Behind the last of them that author's posts are unknown, so the merge
/// ends there, whatever the other timelines still hold.
#[derive(Debug)]
pub(super) struct TimelineMerge {
    timelines: Vec<(UserId, Timeline)>,
    /// The next id of each timeline: id, timeline, place in it.
    next: BinaryHeap<([u8; 16], usize, usize)>,
    /// A timeline ended that has older posts.
    ran_out: bool,
}

impl TimelineMerge {
    /// The posts of these timelines with ids below `before`.
    pub(super) fn new(timelines: Vec<(UserId, Timeline)>, before: Uuid) -> Self {
        let mut merge = Self { next: BinaryHeap::with_capacity(timelines.len()), timelines, ran_out: false };
        for timeline in 0..merge.timelines.len() {
            let place = merge.timelines[timeline].1.ids().partition_point(|id| id >= before.as_bytes());
            merge.push(timeline, place);
        }
        merge
    }

    fn push(&mut self, timeline: usize, place: usize) {
        let (_, posts) = &self.timelines[timeline];
        match posts.ids().get(place) {
            Some(id) => self.next.push((*id, timeline, place)),
            None if posts.is_complete => {}
            None => self.ran_out = true,
        }
    }
}

impl Iterator for TimelineMerge {
    type Item = (PostId, UserId);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ran_out {
            return None;
        }
        let (id, timeline, place) = self.next.pop()?;
        self.push(timeline, place + 1);
        Some((PostId::from_bytes(id), self.timelines[timeline].0))
    }
}

impl Candidates for TimelineMerge {
    fn is_end_of_list(&self) -> bool {
        !self.ran_out && self.next.is_empty()
    }
}

/// The front page's list.
#[derive(Debug)]
pub(super) struct FrontPage {
    entries: std::vec::IntoIter<(PostId, UserId)>,
    is_complete: bool,
}

impl FrontPage {
    /// The entries with ids below `before`.
    ///
    /// A cursor newer than the whole cell comes from a page that did not come from it (from Postgres, while the cache was
    /// away): what lies between them is not here, so nothing is.
    pub(super) fn new((mut entries, is_complete): (Vec<(PostId, UserId)>, bool), before: Uuid) -> Self {
        let is_first_page = before == Uuid::max();
        if !is_first_page && entries.first().is_none_or(|(newest, _)| newest.0 < before) {
            return Self { entries: Vec::new().into_iter(), is_complete: false };
        }
        let place = entries.partition_point(|(id, _)| id.0 >= before);
        entries.drain(..place);
        Self { entries: entries.into_iter(), is_complete }
    }
}

impl Iterator for FrontPage {
    type Item = (PostId, UserId);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next()
    }
}

impl Candidates for FrontPage {
    fn is_end_of_list(&self) -> bool {
        self.is_complete && self.entries.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::repository::cells::TIMELINE_LENGTH;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn timeline(posts: &[u128]) -> Timeline {
        let newest: Vec<Uuid> = posts.iter().rev().take(TIMELINE_LENGTH.try_into().unwrap()).map(|&n| id(n)).collect();
        Timeline::of(&newest)
    }

    fn author(number: usize) -> UserId {
        UserId(id(number as u128 + 1))
    }

    proptest! {
        #[test]
        fn a_merge_is_the_beginning_of_the_list_and_knows_where_it_ends(
            owners in proptest::collection::vec(0_usize..4, 0..150),
            before in 0_u128..160,
        ) {
            let posts_of = |one: usize| -> Vec<u128> {
                (0..owners.len()).filter(|&post| owners[post] == one).map(|post| post as u128).collect()
            };
            let timelines = (0..4).map(|one| (author(one), timeline(&posts_of(one)))).collect();
            let expected: Vec<(PostId, UserId)> = (0..owners.len())
                .rev()
                .filter(|&post| (post as u128) < before)
                .map(|post| (PostId(id(post as u128)), author(owners[post])))
                .collect();
            let mut merge = TimelineMerge::new(timelines, id(before));

            let merged: Vec<_> = merge.by_ref().collect();

            prop_assert_eq!(&merged[..], &expected[..merged.len()]);
            prop_assert_eq!(merge.is_end_of_list(), merged.len() == expected.len() && !merge.ran_out);
            if merge.is_end_of_list() {
                prop_assert_eq!(merged.len(), expected.len());
            }
        }
    }

    #[test]
    fn nothing_is_taken_from_behind_the_end_of_an_incomplete_timeline() {
        let busy: Vec<u128> = (1_000..1_100).collect();
        let timelines = vec![(author(0), timeline(&busy)), (author(1), timeline(&[5]))];
        let mut merge = TimelineMerge::new(timelines, Uuid::max());

        let merged = merge.by_ref().count();

        assert_eq!(i64::try_from(merged), Ok(TIMELINE_LENGTH));
        assert!(!merge.is_end_of_list());
    }

    #[test]
    fn complete_timelines_are_merged_to_the_very_last_post() {
        let timelines = vec![(author(0), timeline(&[1, 3])), (author(1), timeline(&[2])), (author(2), timeline(&[]))];
        let mut merge = TimelineMerge::new(timelines, Uuid::max());

        let merged: Vec<u128> = merge.by_ref().map(|(post, _)| post.0.as_u128()).collect();

        assert_eq!(merged, [3, 2, 1]);
        assert!(merge.is_end_of_list());
    }

    #[test]
    fn a_cursor_newer_than_the_front_page_is_none_of_its_own() {
        let entries = vec![(PostId(id(8)), author(0)), (PostId(id(7)), author(0))];
        let shown = |before| {
            let mut front = FrontPage::new((entries.clone(), true), before);
            (front.by_ref().count(), front.is_end_of_list())
        };

        assert_eq!(shown(id(10)), (0, false));
        assert_eq!(shown(id(8)), (1, true));
        assert_eq!(shown(Uuid::max()), (2, true));
    }

    #[test]
    fn the_front_page_ends_where_its_cell_ends() {
        let entries = vec![(PostId(id(9)), author(0)), (PostId(id(8)), author(1)), (PostId(id(7)), author(0))];
        let mut front = FrontPage::new((entries, false), id(9));

        let shown: Vec<u128> = front.by_ref().map(|(post, _)| post.0.as_u128()).collect();

        assert_eq!(shown, [8, 7]);
        assert!(!front.is_end_of_list());
    }
}
