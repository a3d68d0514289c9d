//! When sessions were last noted as used, in as little memory and as few steps as will do.
//!
//! One word for each of many sessions, found by bits of their ids: it is asked at each request, and a map would be three waits
//! for memory instead of one. Two sessions that share a word push each other out, which costs a write too many; two that share
//! the tag in it as well, one pair in sixteen million, may cost a use that is noted late.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::SessionId;

/// Words: 2 MiB.
const WORDS: usize = 1 << 18;
/// Milliseconds since the table was made, in the lower bits: 34 years. The tag is above them.
const TIME_BITS: u32 = 40;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// The last uses noted.
#[derive(Debug)]
pub(super) struct Noted {
    words: Box<[AtomicU64]>,
    since: DateTime<Utc>,
}

impl Noted {
    /// Nothing noted before `since`.
    pub(super) fn new(since: DateTime<Utc>) -> Self {
        Self { words: (0..WORDS).map(|_| AtomicU64::new(0)).collect(), since }
    }

    /// When a use of this session was noted last, cut to milliseconds, if that is known.
    pub(super) fn last(&self, id: SessionId) -> Option<DateTime<Utc>> {
        let (word, tag) = self.place(id);
        let noted = word.load(Ordering::Relaxed);
        let millis = i64::try_from(noted & TIME_MASK).ok()?;
        (noted != 0 && noted & !TIME_MASK == tag).then(|| self.since + TimeDelta::milliseconds(millis))
    }

    /// A use is noted.
    pub(super) fn note(&self, id: SessionId, at: DateTime<Utc>) {
        let (word, tag) = self.place(id);
        let millis = u64::try_from((at - self.since).num_milliseconds()).unwrap_or(0);
        word.store(tag | millis.min(TIME_MASK), Ordering::Relaxed);
    }

    /// What was noted did not come about.
    pub(super) fn forget(&self, id: SessionId) {
        let (word, tag) = self.place(id);
        if word.load(Ordering::Relaxed) & !TIME_MASK == tag {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// By the lower half of a version 7 id, which is random but for two bits at its top.
    fn place(&self, id: SessionId) -> (&AtomicU64, u64) {
        let (_, random) = id.0.as_u64_pair();
        let at = usize::try_from(random).unwrap_or_default() % WORDS;
        (&self.words[at], (random >> 18) << TIME_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_known_until_another_takes_its_place_or_it_is_forgotten() {
        let since = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let (noted, at) = (Noted::new(since), since + TimeDelta::milliseconds(1_234));
        let id = |random: u128| SessionId(uuid::Uuid::from_u128((7 << 76) | (2 << 62) | random));
        let (one, of_the_same_word) = (id(5), id(5 + (1 << 20)));

        assert_eq!(noted.last(one), None);
        noted.note(one, at);
        assert_eq!((noted.last(one), noted.last(of_the_same_word)), (Some(at), None));
        noted.forget(of_the_same_word);
        assert_eq!(noted.last(one), Some(at));
        noted.note(of_the_same_word, at);
        assert_eq!((noted.last(one), noted.last(of_the_same_word)), (None, Some(at)));
        noted.forget(of_the_same_word);
        assert_eq!(noted.last(of_the_same_word), None);
    }
}
