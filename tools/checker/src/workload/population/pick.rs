//! Who is called for next. A few are much hotter than the others, so that calls meet.

use rand::{RngExt, rngs::StdRng};
use uuid::Uuid;

use super::{KnownPost, KnownSession, KnownUser, Population};
use crate::history::Number;

impl Population {
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
