//! Who and what there is to call for, shared by all clients.

mod forget;
mod pick;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use uuid::Uuid;

use crate::history::{Number, WriteNumber};

/// Posts that may be called for, the newest; older ones are left alone.
const KNOWN_POSTS: usize = 120;

/// A user, as its clients know it.
#[derive(Clone, Debug)]
pub struct KnownUser {
    /// Its number.
    pub user: Number,
    /// Its UUID.
    pub id: Uuid,
    /// `None` after a change of it whose outcome is unknown.
    pub password: Option<String>,
    /// Live, as far as is known.
    pub sessions: Vec<KnownSession>,
}

/// A session and its token.
#[derive(Clone, Debug)]
pub struct KnownSession {
    /// Its number.
    pub session: Number,
    /// Whose it is.
    pub user: Number,
    /// Its owner's UUID.
    pub user_id: Uuid,
    /// For the `Authorization` header.
    pub token: String,
}

/// A post.
#[derive(Clone, Copy, Debug)]
pub struct KnownPost {
    /// Its number.
    pub post: Number,
    /// Its UUID.
    pub id: Uuid,
    /// Whose it is.
    pub author: Number,
}

/// Everybody and everything. Locked for moments only.
#[derive(Default)]
pub struct Population {
    inside: Mutex<Inside>,
    next_write: AtomicU32,
    next_user: AtomicU32,
    next_post: AtomicU32,
    next_session: AtomicU32,
}

#[derive(Default)]
struct Inside {
    users: Vec<KnownUser>,
    posts: Vec<KnownPost>,
    gone_users: Vec<(Number, Uuid)>,
    gone_posts: Vec<KnownPost>,
    gone_sessions: Vec<KnownSession>,
    /// Follows that are being written.
    busy_follows: HashSet<(Number, Number)>,
    session_ids: HashMap<Uuid, Number>,
    user_ids: HashMap<Uuid, Number>,
}

/// While it lives, nobody else writes this follow.
pub struct FollowTurn<'p> {
    population: &'p Population,
    pair: (Number, Number),
}

impl Drop for FollowTurn<'_> {
    fn drop(&mut self) {
        self.population.lock().busy_follows.remove(&self.pair);
    }
}

impl Population {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew with other users; numbers go on.
    pub fn clear(&self) {
        *self.lock() = Inside::default();
    }

    /// For the next write.
    pub fn next_write(&self) -> WriteNumber {
        self.next_write.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// For the next user.
    pub fn next_user(&self) -> Number {
        self.next_user.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// For the next post.
    pub fn next_post(&self) -> Number {
        self.next_post.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// For the next session.
    pub fn next_session(&self) -> Number {
        self.next_session.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A user is there.
    pub fn add_user(&self, user: KnownUser) {
        let mut inside = self.lock();
        inside.user_ids.insert(user.id, user.user);
        inside.users.push(user);
    }

    /// A session is there.
    pub fn add_session(&self, session: KnownSession, id: Uuid) {
        let mut inside = self.lock();
        inside.session_ids.insert(id, session.session);
        if let Some(user) = inside.users.iter_mut().find(|user| user.user == session.user) {
            user.sessions.push(session);
        }
    }

    /// A post is there.
    pub fn add_post(&self, post: KnownPost) {
        let mut inside = self.lock();
        inside.posts.push(post);
        if inside.posts.len() > KNOWN_POSTS {
            inside.posts.remove(0);
        }
    }

    /// How many users there are.
    pub fn users(&self) -> usize {
        self.lock().users.len()
    }

    /// Takes the turn to write a follow; `None` while somebody else has it.
    pub fn take_turn(&self, follower: Number, followee: Number) -> Option<FollowTurn<'_>> {
        let pair = (follower, followee);
        // Made only if it is ours: dropped, it gives the turn back.
        self.lock().busy_follows.insert(pair).then(|| FollowTurn { population: self, pair })
    }

    /// The password from now on; `None` if nobody knows it.
    pub fn set_password(&self, user: Number, password: Option<String>) {
        let mut inside = self.lock();
        if let Some(known) = inside.users.iter_mut().find(|known| known.user == user) {
            known.password = password;
        }
    }

    /// Everybody, everything that is known, and what is gone, to look at all of it once more.
    pub fn everything(&self) -> Everything {
        let inside = self.lock();
        let live = inside.users.iter().flat_map(|user| user.sessions.iter().cloned());
        let users = inside.users.iter().map(|user| (user.user, user.id));
        Everything {
            users: users.chain(inside.gone_users.iter().copied()).collect(),
            posts: inside.posts.iter().chain(&inside.gone_posts).copied().collect(),
            sessions: live.chain(inside.gone_sessions.iter().cloned()).collect(),
        }
    }

    /// The number of a session by its UUID.
    pub fn session_number(&self, id: Uuid) -> Option<Number> {
        self.lock().session_ids.get(&id).copied()
    }

    /// The number of a user by its UUID.
    pub fn user_number(&self, id: Uuid) -> Option<Number> {
        self.lock().user_ids.get(&id).copied()
    }
}

/// What there is and what there was.
pub struct Everything {
    /// Numbers and UUIDs.
    pub users: Vec<(Number, Uuid)>,
    /// Posts.
    pub posts: Vec<KnownPost>,
    /// Sessions.
    pub sessions: Vec<KnownSession>,
}
