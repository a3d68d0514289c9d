//! Who and what there is to call for, shared by all clients.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use rand::{RngExt, rngs::StdRng};
use uuid::Uuid;

use crate::history::{Number, WriteNumber};

/// Posts that may be called for, the newest; older ones are left alone.
const KNOWN_POSTS: usize = 120;
/// Ended sessions and deleted things that are still called for, to see that they stay ended.
const REMEMBERED: usize = 40;

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

    /// A user; the first are much hotter than the last.
    pub fn pick_user(&self, rng: &mut StdRng) -> Option<KnownUser> {
        let inside = self.lock();
        pick_hot(&inside.users, rng, false).cloned()
    }

    /// What is known of a user.
    pub fn find_user(&self, user: Number) -> Option<KnownUser> {
        self.lock().users.iter().find(|known| known.user == user).cloned()
    }

    /// A user to look at: now and then one that is gone.
    pub fn pick_user_to_see(&self, rng: &mut StdRng) -> Option<(Number, Uuid)> {
        let inside = self.lock();
        if rng.random_bool(0.02) && !inside.gone_users.is_empty() {
            return pick(&inside.gone_users, rng).copied();
        }
        pick_hot(&inside.users, rng, false).map(|user| (user.user, user.id))
    }

    /// A live session, of a hot user mostly.
    pub fn pick_session(&self, rng: &mut StdRng) -> Option<KnownSession> {
        let inside = self.lock();
        let user = pick_hot(&inside.users, rng, false)?;
        pick(&user.sessions, rng).cloned()
    }

    /// A session to read with: now and then one that was ended.
    pub fn pick_session_to_try(&self, rng: &mut StdRng) -> Option<KnownSession> {
        if rng.random_bool(0.08) {
            let inside = self.lock();
            if let Some(gone) = pick(&inside.gone_sessions, rng) {
                return Some(gone.clone());
            }
        }
        self.pick_session(rng)
    }

    /// A post; the newest are the hottest.
    pub fn pick_post(&self, rng: &mut StdRng) -> Option<KnownPost> {
        let inside = self.lock();
        pick_hot(&inside.posts, rng, true).copied()
    }

    /// A post to look at: now and then one that is gone.
    pub fn pick_post_to_see(&self, rng: &mut StdRng) -> Option<KnownPost> {
        let inside = self.lock();
        if rng.random_bool(0.06) && !inside.gone_posts.is_empty() {
            return pick(&inside.gone_posts, rng).copied();
        }
        pick_hot(&inside.posts, rng, true).copied()
    }

    /// A session of this user's.
    pub fn session_of(&self, user: Number, rng: &mut StdRng) -> Option<KnownSession> {
        let inside = self.lock();
        let user = inside.users.iter().find(|known| known.user == user)?;
        pick(&user.sessions, rng).cloned()
    }

    /// Takes the turn to write a follow; `None` while somebody else has it.
    pub fn take_turn(&self, follower: Number, followee: Number) -> Option<FollowTurn<'_>> {
        let pair = (follower, followee);
        // Made only if it is ours: dropped, it gives the turn back.
        self.lock().busy_follows.insert(pair).then(|| FollowTurn { population: self, pair })
    }

    /// Nobody is to write this post any more, since it may be gone.
    pub fn forget_post(&self, post: Number) {
        let mut inside = self.lock();
        if let Some(place) = inside.posts.iter().position(|known| known.post == post) {
            let gone = inside.posts.remove(place);
            remember(&mut inside.gone_posts, gone);
        }
    }

    /// Sessions that may have ended: all of a user's but `kept`, or one.
    pub fn forget_sessions(&self, user: Number, ended: impl Fn(Number) -> bool) {
        let mut inside = self.lock();
        let Some(place) = inside.users.iter().position(|known| known.user == user) else { return };
        let sessions = std::mem::take(&mut inside.users[place].sessions);
        let (gone, left) = sessions.into_iter().partition(|session| ended(session.session));
        inside.users[place].sessions = left;
        let gone: Vec<KnownSession> = gone;
        for session in gone {
            remember(&mut inside.gone_sessions, session);
        }
    }

    /// A user may be gone, with all that is the user's.
    pub fn forget_user(&self, user: Number) {
        let mut inside = self.lock();
        let Some(place) = inside.users.iter().position(|known| known.user == user) else { return };
        let KnownUser { id, sessions, .. } = inside.users.remove(place);
        remember(&mut inside.gone_users, (user, id));
        for session in sessions {
            remember(&mut inside.gone_sessions, session);
        }
        let posts = std::mem::take(&mut inside.posts);
        let (gone, left): (Vec<_>, Vec<_>) = posts.into_iter().partition(|post| post.author == user);
        inside.posts = left;
        for post in gone {
            remember(&mut inside.gone_posts, post);
        }
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

fn remember<T>(list: &mut Vec<T>, one: T) {
    list.push(one);
    if list.len() > REMEMBERED {
        list.remove(0);
    }
}

fn pick<'a, T>(list: &'a [T], rng: &mut StdRng) -> Option<&'a T> {
    if list.is_empty() { None } else { list.get(rng.random_range(0..list.len())) }
}

/// The first are hottest, or the last.
fn pick_hot<'a, T>(list: &'a [T], rng: &mut StdRng, last_first: bool) -> Option<&'a T> {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = (rng.random::<f64>().powi(3) * list.len() as f64) as usize;
    if last_first { list.iter().rev().nth(place) } else { list.get(place) }
}
