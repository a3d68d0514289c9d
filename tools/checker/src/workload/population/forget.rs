//! What may be gone is left alone by those who write, and called for now and then by those who read.

use super::{KnownSession, KnownUser, Population};
use crate::history::Number;

/// Ended sessions and deleted things that are still called for, to see that they stay ended.
const REMEMBERED: usize = 40;

impl Population {
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
}

fn remember<T>(list: &mut Vec<T>, one: T) {
    list.push(one);
    if list.len() > REMEMBERED {
        list.remove(0);
    }
}
