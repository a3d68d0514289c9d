//! A history, sorted by what it is about.

use std::collections::HashMap;

use super::{
    bound::{Bound, Bounds},
    chain::{Chain, Entry},
    lifetime::{End, Lifetime},
    pile::Pile,
    toggle::Toggle,
};
use crate::history::{Action, History, Number, Outcome, Seen, SeenPost, SeenUser, Write, WriteNumber};

/// All there is to know about a user's writes.
#[derive(Default)]
pub(super) struct UserWrites {
    /// Every version of the row.
    pub(super) row: Chain,
    pub(super) names: Chain,
    pub(super) bios: Chain,
    pub(super) life: Lifetime,
    /// Ids of certain posts, and which posts they are, by id.
    pub(super) posts: Vec<(u128, Number)>,
    pub(super) follows: HashMap<Number, Toggle>,
}

/// All there is to know about a post's writes.
pub(super) struct PostWrites {
    pub(super) author: Number,
    pub(super) id: Option<u128>,
    pub(super) row: Chain,
    pub(super) life: Lifetime,
}

/// All there is to know about a session.
pub(super) struct SessionWrites {
    pub(super) user: Number,
    pub(super) life: Lifetime,
}

/// See the module.
pub(super) struct Index<'h> {
    pub(super) history: &'h History,
    pub(super) users: HashMap<Number, UserWrites>,
    pub(super) posts: HashMap<Number, PostWrites>,
    pub(super) sessions: HashMap<Number, SessionWrites>,
    by_number: HashMap<WriteNumber, usize>,
    /// Of each write, by its place.
    bound: Vec<Option<Bound>>,
    /// The version of each write, by its place; of one that was never answered, the earliest it was seen at.
    version: Vec<Option<u32>>,
}

impl<'h> Index<'h> {
    pub(super) fn new(history: &'h History, max_staleness: u64) -> Self {
        let bounds = Bounds::new(&history.faults, max_staleness);
        let bound = history.writes.iter().map(|write| bounds.of(write)).collect();
        let by_number = history.writes.iter().enumerate().map(|(place, write)| (write.number, place)).collect();
        let version = history.writes.iter().map(version_of).collect();
        let mut index = Self {
            history,
            users: HashMap::new(),
            posts: HashMap::new(),
            sessions: HashMap::new(),
            by_number,
            bound,
            version,
        };
        index.learn_versions();
        index.sort_writes();
        index
    }

    /// The write that a text names.
    pub(super) fn write(&self, number: WriteNumber) -> Option<(usize, &'h Write)> {
        let place = *self.by_number.get(&number)?;
        Some((place, &self.history.writes[place]))
    }

    /// The version it made, or for one that was never answered, one that it made at the latest.
    pub(super) fn version(&self, place: usize) -> Option<u32> {
        self.version[place]
    }

    /// A field shows `number` at `version`: gives that write and one that it should show in its place, if there is one.
    pub(super) fn lost_field(&self, number: WriteNumber, version: u32, chain: &Chain) -> Option<(usize, usize)> {
        let (place, write) = self.write(number)?;
        let made = self.version(place)?;
        if made > version && write.outcome == Outcome::Done {
            return Some((place, place));
        }
        // Of a write without an answer `made` is what it was seen at, which may be another one's.
        let mut others = chain.between(made.saturating_sub(1), version).filter(|entry| entry.write != place);
        others.next().map(|entry| (place, entry.write))
    }

    /// A write without an answer has no version; but what was seen of it was in some version, and it made that or an
    /// earlier one.
    fn learn_versions(&mut self) {
        let history = self.history;
        let mut learn = |number: WriteNumber, version: u32| {
            if let Some(&place) = self.by_number.get(&number)
                && history.writes[place].outcome == Outcome::Unknown
            {
                let known = &mut self.version[place];
                *known = Some(known.map_or(version, |known| known.min(version)));
            }
        };
        let user = |seen: &SeenUser, learn: &mut dyn FnMut(WriteNumber, u32)| {
            learn(seen.name, seen.version);
            learn(seen.bio, seen.version);
        };
        for read in &history.reads {
            match &read.seen {
                Seen::User { found: Some(seen), .. } => user(seen, &mut learn),
                Seen::Post { found: Some(SeenPost { body, version, .. }), .. } => learn(*body, *version),
                Seen::Home(page) => page.items.iter().for_each(|post| learn(post.body, post.version)),
                _ => {}
            }
        }
        if let Some(finals) = &history.finals {
            finals.users.iter().for_each(|seen| user(seen, &mut learn));
            finals.posts.iter().for_each(|post| learn(post.body, post.version));
        }
    }

    fn sort_writes(&mut self) {
        let mut pile = Pile::default();
        for (place, write) in self.history.writes.iter().enumerate() {
            if write.outcome != Outcome::Refused {
                pile.add(place, write, self.bound[place], self.version[place]);
            }
        }
        self.sort_sessions(&pile);
        let Pile { mut users, posts, mut ends_of_users, mut follows, mut certain_posts, .. } = pile;
        for (post, rows) in posts {
            let Some((author, id, created)) = rows.created else { continue };
            let mut ends = rows.ends;
            ends.extend(ends_of_users.get(&author).into_iter().flatten().copied());
            let life = Lifetime::new(created, ends);
            let row = Chain::new(rows.entries.into_iter().chain(life.entries()).collect());
            self.posts.insert(post, PostWrites { author, id, row, life });
        }
        for (user, rows) in users.drain() {
            let life = Lifetime::new(rows.created, ends_of_users.remove(&user).unwrap_or_default());
            let finish = |entries: Vec<Entry>| Chain::new(entries.into_iter().chain(life.entries()).collect());
            let mut posts = certain_posts.remove(&user).unwrap_or_default();
            posts.sort_unstable();
            let follows = follows.remove(&user).unwrap_or_default();
            let writes = UserWrites {
                row: finish(rows.row),
                names: finish(rows.names),
                bios: finish(rows.bios),
                posts,
                follows: follows.into_iter().map(|(followee, switches)| (followee, Toggle::new(switches))).collect(),
                life,
            };
            self.users.insert(user, writes);
        }
    }

    /// A session that was certainly there before "sign out everywhere" began is certainly ended by it; one that may have
    /// been there before that was over may have been.
    fn sort_sessions(&mut self, pile: &Pile) {
        for (&session, begun) in &pile.sessions {
            let own = pile.ends_of_sessions.get(&session).into_iter().flatten().copied();
            let all = pile.ends_of_all_sessions.get(&begun.user).into_iter().flatten();
            let wide = all.filter(|(_, kept)| *kept != Some(session)).map(|(end, _)| *end);
            let gone = pile.ends_of_users.get(&begun.user).into_iter().flatten().copied();
            let meets = |end: &End| begun.interval.start <= self.latest(end);
            let ends = wide.chain(gone).filter(meets).map(|end| {
                let is_certain = begun.bound.is_some() && begun.interval.end < end.start;
                End { bound: end.bound.filter(|_| is_certain), ..end }
            });
            let life = Lifetime::new(begun.bound, own.chain(ends).collect());
            self.sessions.insert(session, SessionWrites { user: begun.user, life });
        }
    }

    fn latest(&self, end: &End) -> u64 {
        let write = &self.history.writes[end.write];
        if end.bound.is_some() { write.interval.end } else { u64::MAX }
    }
}

fn version_of(write: &Write) -> Option<u32> {
    match (write.action, write.outcome) {
        (Action::CreateUser { .. } | Action::CreatePost { .. }, _) => Some(1),
        (
            Action::EditUser { version, .. }
            | Action::ChangePassword { version, .. }
            | Action::EditPost { version, .. },
            Outcome::Done,
        ) => Some(version),
        _ => None,
    }
}
