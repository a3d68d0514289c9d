//! Sessions: accepted after their end, or refused before it.

use super::{
    evidence::of_read,
    findings::{Kind, Verdict},
    index::Index,
};
use crate::history::{Read, Seen};

pub(super) fn judge_session(index: &Index<'_>, read: &Read, verdict: &mut Verdict) {
    let Some((number, accepted)) = read.session else { return };
    let Some(session) = index.sessions.get(&number) else { return };
    verdict.facts += 1;
    let (start, end) = (read.interval.start, read.interval.end);
    if !accepted {
        if !session.life.may_be_gone(start, end) {
            verdict.add(Kind::RefusedSession, None, || of_read(index, read, &[], &format!("session {number}")));
        }
        return;
    }
    if let Some(over) = session.life.over() {
        let (ended, bound) = over.binding;
        if bound.binding < start {
            let late = start - bound.answered;
            let what = format!("session {number}, {late} us after its end was answered");
            verdict.add(Kind::RevokedSession, Some(late), || of_read(index, read, &[ended.write], &what));
        } else if over.first.1.answered < start {
            verdict.excused.add(start - over.first.1.answered);
        }
    }
    if let Seen::Home(page) = &read.seen
        && page.viewer.is_some_and(|viewer| viewer.user != session.user)
    {
        let what = format!("the home page of another than user {}", session.user);
        verdict.add(Kind::ForeignData, None, || of_read(index, read, &[], &what));
    }
}
