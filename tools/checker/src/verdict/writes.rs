//! Acknowledged writes, held against each other: each has a version of its own, in an order that agrees with time.

use super::{
    chain::{Chain, DELETED},
    evidence::of_writes,
    findings::{Kind, Verdict},
    index::Index,
};
use crate::history::{Action, Outcome};

pub(super) fn judge_writes(index: &Index<'_>, verdict: &mut Verdict) {
    for (user, writes) in &index.users {
        judge_order(index, &writes.row, &format!("user {user}"), verdict);
    }
    for (post, writes) in &index.posts {
        judge_order(index, &writes.row, &format!("post {post}"), verdict);
    }
    for (place, write) in index.history.writes.iter().enumerate() {
        let (Action::EditUser { version, expected, .. } | Action::EditPost { version, expected, .. }) = write.action
        else {
            continue;
        };
        if write.outcome == Outcome::Done && expected.is_some_and(|expected| version != expected + 1) {
            let what = format!("version {version} was made, with If-Match of version {expected:?}");
            verdict.add(Kind::LostUpdate, None, || of_writes(index, &[place], &what));
        }
    }
}

fn judge_order(index: &Index<'_>, chain: &Chain, what: &str, verdict: &mut Verdict) {
    let acknowledged = || chain.entries().iter().filter(|entry| entry.bound.is_some() && entry.version != DELETED);
    for (one, next) in acknowledged().zip(acknowledged().skip(1)) {
        if one.version == next.version {
            let what = || of_writes(index, &[one.write, next.write], &format!("{what}: twice the same version"));
            verdict.add(Kind::LostUpdate, None, what);
        }
    }
    for entry in acknowledged() {
        let answered = entry.bound.map_or(u64::MAX, |bound| bound.answered);
        if let Some(before) = chain.latest_start(entry.version).filter(|before| before.start > answered) {
            let what =
                || of_writes(index, &[entry.write, before.write], &format!("{what}: a later version came first"));
            verdict.add(Kind::LostUpdate, None, what);
        }
    }
}
