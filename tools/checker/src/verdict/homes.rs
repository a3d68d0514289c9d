//! Home pages: what must be on them, and what must not.

use super::{
    evidence::of_read,
    findings::{Kind, Verdict},
    index::Index,
    rows::Rows,
};
use crate::history::{Action, Number, Read, SeenHome};

pub(super) fn judge_home(
    index: &Index<'_>,
    rows: &mut Rows<'_, '_>,
    read: &Read,
    page: &SeenHome,
    verdict: &mut Verdict,
) {
    for post in &page.items {
        rows.judge_post(read, post, verdict);
    }
    if !page.items.is_sorted_by(|newer, older| newer.id > older.id) {
        let what = "twice the same, or out of order";
        verdict.add(Kind::HomeSurplus, None, || of_read(index, read, &[], what));
    }
    if let Some(viewer) = page.viewer {
        rows.judge_name(read, viewer, verdict);
        judge_surplus(index, read, viewer.user, page, verdict);
        judge_missing(index, read, viewer.user, page, verdict);
    }
}

fn judge_surplus(index: &Index<'_>, read: &Read, viewer: Number, page: &SeenHome, verdict: &mut Verdict) {
    let Some(writes) = index.users.get(&viewer) else { return };
    for post in &page.items {
        let author = post.author.user;
        verdict.facts += 1;
        let follow = writes.follows.get(&author);
        let may_follow = follow.is_some_and(|follow| follow.is_possible(true, read.interval.start, read.interval.end));
        if author != viewer && !may_follow && index.users.contains_key(&author) {
            let what = format!("post {} of user {author}, whom user {viewer} does not follow", post.post);
            let evidence = || of_read(index, read, &follows_of(index, viewer, author), &what);
            verdict.add(Kind::HomeSurplus, None, evidence);
        }
    }
}

/// Down to the last post that is shown, nothing may be missing.
fn judge_missing(index: &Index<'_>, read: &Read, viewer: Number, page: &SeenHome, verdict: &mut Verdict) {
    let Some(writes) = index.users.get(&viewer) else { return };
    let (start, end) = (read.interval.start, read.interval.end);
    if writes.life.may_be_gone(start, end) {
        // With the viewer go the viewer's follows.
        return;
    }
    let last = match page.items.last() {
        _ if page.is_last => 0,
        Some(last) => last.id,
        None => return,
    };
    let certainly_followed = writes.follows.iter().filter(|(_, follow)| !follow.is_possible(false, start, end));
    for author in certainly_followed.map(|(&author, _)| author).chain([viewer]) {
        let Some(author_writes) = index.users.get(&author) else { continue };
        let from = author_writes.posts.partition_point(|&(id, _)| id <= last);
        for (_, post) in &author_writes.posts[from..] {
            verdict.facts += 1;
            let is_certain = index.posts.get(post).is_some_and(|writes| !writes.life.may_be_gone(start, end));
            if is_certain && page.items.iter().all(|item| item.post != *post) {
                let what = format!("post {post} of user {author} is not on the home page of user {viewer}");
                let evidence = || {
                    let mut places = follows_of(index, viewer, author);
                    places.extend(creation_of(index, *post));
                    of_read(index, read, &places, &what)
                };
                verdict.add(Kind::HomeMissing, None, evidence);
            }
        }
    }
}

fn follows_of(index: &Index<'_>, viewer: Number, author: Number) -> Vec<usize> {
    let wanted = |action: Action| matches!(action, Action::Follow { follower, followee, .. } if follower == viewer && followee == author);
    places(index, wanted)
}

fn creation_of(index: &Index<'_>, wanted: Number) -> Vec<usize> {
    places(index, |action| matches!(action, Action::CreatePost { post, .. } if post == wanted))
}

fn places(index: &Index<'_>, wanted: impl Fn(Action) -> bool) -> Vec<usize> {
    index.history.writes.iter().enumerate().filter(|(_, write)| wanted(write.action)).map(|(place, _)| place).collect()
}
