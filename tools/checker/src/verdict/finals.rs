//! What Postgres holds when all is over, held against what was acknowledged; and the replicas' last answers against it.

use std::collections::{HashMap, HashSet};

use super::{
    chain::{Chain, DELETED},
    evidence::{of_read, of_writes},
    findings::{Kind, Verdict},
    index::Index,
    lifetime::Lifetime,
};
use crate::history::{Finals, Number, Read, Seen, SeenHome, SeenPost, SeenUser};

/// Posts on a page.
const PAGE: usize = 20;

pub(super) fn judge_finals(index: &Index<'_>, finals: &Finals, verdict: &mut Verdict) {
    let tables = Tables::new(finals);
    for row in &finals.foreign {
        verdict.add(Kind::ForeignData, None, || format!("in Postgres: {row}"));
    }
    for (user, writes) in &index.users {
        let row = tables.users.get(user);
        let what = format!("user {user}");
        judge_presence(index, finals, row.is_some(), &writes.life, &what, verdict);
        let Some(row) = row else { continue };
        judge_row(index, row.version, &writes.row, &what, verdict);
        for (number, chain) in [(row.name, &writes.names), (row.bio, &writes.bios)] {
            if let Some((shown, lost)) = index.lost_field(number, row.version, chain) {
                verdict.add(Kind::MissingWrite, None, || of_writes(index, &[shown, lost], &what));
            }
        }
        for (followee, follow) in &writes.follows {
            let follows = tables.follows.contains(&(*user, *followee));
            if tables.users.contains_key(followee) && !follow.is_possible(follows, finals.at, finals.at) {
                verdict.add(Kind::MissingWrite, None, || format!("{what} follows user {followee}: {follows}"));
            }
        }
    }
    for (post, writes) in &index.posts {
        let row = tables.posts.get(post);
        judge_presence(index, finals, row.is_some(), &writes.life, &format!("post {post}"), verdict);
        if let Some(row) = row {
            judge_row(index, row.version, &writes.row, &format!("post {post}"), verdict);
        }
    }
    for (session, writes) in &index.sessions {
        let is_alive = tables.sessions.contains(session);
        judge_presence(index, finals, is_alive, &writes.life, &format!("session {session}"), verdict);
    }
    for read in index.history.reads.iter().filter(|read| read.interval.start > finals.at) {
        if let Some(what) = tables.disagrees(read) {
            verdict.add(Kind::Disagreement, None, || of_read(index, read, &[], &what));
        }
    }
}

fn judge_presence(
    index: &Index<'_>,
    finals: &Finals,
    is_there: bool,
    life: &Lifetime,
    what: &str,
    verdict: &mut Verdict,
) {
    verdict.facts += 1;
    if !is_there && !life.may_be_gone(finals.at, finals.at) {
        verdict.add(Kind::MissingWrite, None, || format!("{what} is not in Postgres"));
    }
    if let Some(over) = life.over().filter(|_| is_there) {
        let what = format!("{what} is still in Postgres");
        verdict.add(Kind::MissingWrite, None, || of_writes(index, &[over.first.0.write], &what));
    }
}

fn judge_row(index: &Index<'_>, version: u32, chain: &Chain, what: &str, verdict: &mut Verdict) {
    let lost = chain.replaced(version).map(|replaced| replaced.first.0).filter(|entry| entry.version != DELETED);
    if let Some(lost) = lost {
        let what = format!("{what} is at version {version} in Postgres");
        verdict.add(Kind::MissingWrite, None, || of_writes(index, &[lost.write], &what));
    }
}

/// [`Finals`], to look things up.
struct Tables<'f> {
    users: HashMap<Number, &'f SeenUser>,
    posts: HashMap<Number, &'f SeenPost>,
    sessions: HashSet<Number>,
    follows: HashSet<(Number, Number)>,
}

impl<'f> Tables<'f> {
    fn new(finals: &'f Finals) -> Self {
        Self {
            users: finals.users.iter().map(|user| (user.user, user)).collect(),
            posts: finals.posts.iter().map(|post| (post.post, post)).collect(),
            sessions: finals.sessions.iter().copied().collect(),
            follows: finals.follows.iter().copied().collect(),
        }
    }

    /// What a read shows otherwise than it is.
    fn disagrees(&self, read: &Read) -> Option<String> {
        if let Some((session, accepted)) = read.session
            && accepted != self.sessions.contains(&session)
        {
            return Some(format!("session {session} accepted: {accepted}"));
        }
        match &read.seen {
            Seen::User { asked, found } => {
                let row = self.users.get(asked).copied();
                (found.as_ref() != row).then(|| format!("user {asked} is {row:?}"))
            }
            Seen::Post { asked, found } => {
                let row = self.posts.get(asked).copied();
                (found.as_ref() != row).then(|| format!("post {asked} is {row:?}"))
            }
            Seen::Home(page) => self.page_disagrees(page),
            Seen::Nothing | Seen::Foreign(_) => None,
        }
    }

    fn page_disagrees(&self, page: &SeenHome) -> Option<String> {
        let viewer = page.viewer?.user;
        let is_shown = |author: Number| author == viewer || self.follows.contains(&(viewer, author));
        let mut posts: Vec<&SeenPost> =
            self.posts.values().copied().filter(|post| is_shown(post.author.user)).collect();
        posts.sort_unstable_by_key(|post| std::cmp::Reverse(post.id));
        posts.truncate(PAGE);
        let differs = page.items.iter().ne(posts.iter().copied());
        differs.then(|| {
            format!("the home page of user {viewer} is {:?}", posts.iter().map(|post| post.post).collect::<Vec<_>>())
        })
    }
}
