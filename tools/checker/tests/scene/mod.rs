//! A small history to plant things in: users 1 and 2, session 1 of user 1, who follows user 2, who has post 1.

use aside_checker::{
    history::{
        Action, ClientNumber, FaultSpan, Field, Finals, History, Outcome, Reach, Read, Seen, SeenHome, SeenName,
        SeenPost, SeenUser, Write,
    },
    time::Interval,
};

/// The write that made user 2.
pub(crate) const BORN: u32 = 2;
/// The write that made user 1.
pub(crate) const BORN_OTHER: u32 = 1;
/// The write that made post 1.
const POSTED: u32 = 4;
/// The first write after those that are there from the beginning.
pub(crate) const LAST: u32 = 6;
/// Who writes.
pub(crate) const WRITER: ClientNumber = 1;
/// Who reads.
pub(crate) const READER: ClientNumber = 2;

#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) history: History,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let mut scene = Self { history: History::default() };
        scene.write(at(1, 2), Action::CreateUser { user: 1 });
        scene.write(at(3, 4), Action::CreateUser { user: 2 });
        scene.write(at(5, 6), Action::SignIn { session: 1, user: 1 });
        scene.write(at(7, 8), Action::CreatePost { post: 1, author: 2, id: 10 });
        scene.write(at(9, 10), follow(1, 2, true));
        scene
    }

    pub(crate) fn write(&mut self, interval: Interval, action: Action) {
        self.write_with(Outcome::Done, interval, action);
    }

    pub(crate) fn write_with(&mut self, outcome: Outcome, interval: Interval, action: Action) {
        let number = u32::try_from(self.history.writes.len()).expect("a scene is small") + 1;
        self.history.writes.push(Write { number, client: WRITER, replica: 0, interval, outcome, action });
    }

    pub(crate) fn read(&mut self, interval: Interval, seen: Seen) {
        self.read_by(READER, interval, seen);
    }

    pub(crate) fn read_by(&mut self, client: ClientNumber, interval: Interval, seen: Seen) {
        self.history.reads.push(Read { client, replica: 1, interval, session: None, seen });
    }

    pub(crate) fn read_with_session(&mut self, interval: Interval, accepted: bool) {
        let session = Some((1, accepted));
        self.history.reads.push(Read { client: READER, replica: 1, interval, session, seen: Seen::Nothing });
    }

    pub(crate) fn fault(&mut self, interval: Interval, cuts_redis_of: Reach) {
        self.history.faults.push(FaultSpan { name: "a fault".to_owned(), interval, cuts_redis_of });
    }

    /// Postgres holds what was there in the beginning.
    pub(crate) fn look_into_postgres(&mut self, at: u64) {
        self.history.finals = Some(Finals {
            at,
            users: vec![
                SeenUser { user: 1, version: 1, name: BORN_OTHER, bio: BORN_OTHER },
                SeenUser { user: 2, version: 1, name: BORN, bio: BORN },
            ],
            posts: vec![post(1, 1, 1, BORN)],
            sessions: vec![1],
            follows: vec![(1, 2)],
            foreign: Vec::new(),
        });
    }

    pub(crate) fn finals(&mut self) -> &mut Finals {
        self.history.finals.as_mut().expect("somebody has looked into postgres")
    }
}

pub(crate) fn at(start: u64, end: u64) -> Interval {
    Interval { start, end }
}

pub(crate) fn edit(user: u32, field: Field, version: u32) -> Action {
    Action::EditUser { user, field, version, expected: None }
}

pub(crate) fn follow(follower: u32, followee: u32, follows: bool) -> Action {
    Action::Follow { follower, followee, follows }
}

pub(crate) fn user(user: u32, version: u32, name: u32, bio: u32) -> Seen {
    Seen::User { asked: user, found: Some(SeenUser { user, version, name, bio }) }
}

pub(crate) fn name(user: u32, name: u32) -> SeenName {
    SeenName { user, name }
}

/// A post of user 2, at this version, with the body of its making if that is its first one, and this name of its author.
pub(crate) fn post(post: u32, version: u32, of: u32, author: u32) -> SeenPost {
    let body = if of == 1 { POSTED } else { of };
    SeenPost { post, id: 10, version, body, author: name(2, author) }
}

pub(crate) fn seen_post(found: SeenPost) -> Seen {
    Seen::Post { asked: found.post, found: Some(found) }
}

/// The whole home page of user 1.
pub(crate) fn home(items: &[SeenPost]) -> Seen {
    page(items.to_vec(), true)
}

pub(crate) fn page(items: Vec<SeenPost>, is_last: bool) -> Seen {
    Seen::Home(Box::new(SeenHome { viewer: Some(name(1, BORN_OTHER)), items, is_last }))
}
