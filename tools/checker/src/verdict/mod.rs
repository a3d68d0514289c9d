//! The verdict: a pure function from what happened to what of it must not have.
//!
//! # The rules
//!
//! * A write takes effect once, at some moment between its call and its answer. One whose outcome is unknown does so at any
//!   moment after its call, or never.
//! * From its answer on, no read that starts later may show what was before it, on any replica. Writes of other programs and
//!   writes that were answered while Redis was out of reach of their replica have a second for that; `max_staleness` is
//!   added for all.
//! * A read may show what a write has done once that was begun, not before, and never what was refused.
//! * The versions of a row are one order of its writes; each acknowledged write has one of its own. A field shows the last
//!   write of that field up to the version that it is shown with.
//! * Reads are ordered against answers, not against each other: while a write is unanswered, one reader may see it and a later
//!   reader not. So going back is a violation only when it is stale too; otherwise it is counted
//!   (`went_back_unanswered`).
//! * A signed-in home page shows all posts of those who are certainly followed that were certainly there, down to the last one
//!   it shows, and none that certainly was not. The anonymous one may be late with new posts, not with the others.
//!
//! Kills, evictions, `FLUSHALL` and old snapshots excuse nothing.
//!
//! # How
//!
//! The writes of each row and field are sorted by version once, with the earliest answer from each version on and the latest
//! start up to each version; after that each fact that a read shows is one binary search ([`chain`]). Sessions, deletions
//! and follows have no versions; they are judged by what may have been the last write ([`lifetime`], [`toggle`]).

mod bound;
mod chain;
mod evidence;
mod finals;
mod findings;
mod homes;
mod index;
mod lifetime;
mod pile;
mod rows;
mod sessions;
mod toggle;
mod writes;

pub use findings::{Buckets, Kind, Verdict, Violation};

use crate::{
    history::{History, Seen},
    time::Micros,
};

/// Judges a history. `max_staleness` is what `CACHE_MAX_STALENESS` allows: 0 for exact.
#[must_use]
pub fn judge(history: &History, max_staleness: Micros) -> Verdict {
    let index = index::Index::new(history, max_staleness);
    let mut verdict = Verdict::default();
    writes::judge_writes(&index, &mut verdict);
    let mut rows = rows::Rows::new(&index);
    for read in &history.reads {
        sessions::judge_session(&index, read, &mut verdict);
        match &read.seen {
            Seen::Nothing => {}
            Seen::User { asked, found: Some(seen) } => rows.judge_user(read, *asked, seen, &mut verdict),
            Seen::User { asked, found: None } => rows.judge_absent_user(read, *asked, &mut verdict),
            Seen::Post { asked, found: Some(seen) } => rows.judge_asked_post(read, *asked, seen, &mut verdict),
            Seen::Post { asked, found: None } => rows.judge_absent_post(read, *asked, &mut verdict),
            Seen::Home(page) => homes::judge_home(&index, &mut rows, read, page, &mut verdict),
            Seen::Foreign(text) => {
                verdict.add(Kind::ForeignData, None, || evidence::of_read(&index, read, &[], text));
            }
        }
    }
    if let Some(finals) = &history.finals {
        finals::judge_finals(&index, finals, &mut verdict);
    }
    verdict
}
