//! Writes, thrown together by what they are about, before anything is made of them.

use std::collections::HashMap;

use super::{bound::Bound, chain::Entry, lifetime::End, toggle::Switch};
use crate::{
    history::{Action, Field, Number, Write},
    time::Interval,
};

/// See the module.
#[derive(Default)]
pub(super) struct Pile {
    pub(super) users: HashMap<Number, UserRows>,
    pub(super) posts: HashMap<Number, PostRows>,
    pub(super) sessions: HashMap<Number, Begun>,
    pub(super) certain_posts: HashMap<Number, Vec<(u128, Number)>>,
    pub(super) follows: HashMap<Number, HashMap<Number, Vec<Switch>>>,
    pub(super) ends_of_users: HashMap<Number, Vec<End>>,
    pub(super) ends_of_sessions: HashMap<Number, Vec<End>>,
    /// With the session that is kept.
    pub(super) ends_of_all_sessions: HashMap<Number, Vec<(End, Option<Number>)>>,
}

#[derive(Default)]
pub(super) struct UserRows {
    pub(super) created: Option<Bound>,
    pub(super) row: Vec<Entry>,
    pub(super) names: Vec<Entry>,
    pub(super) bios: Vec<Entry>,
}

#[derive(Default)]
pub(super) struct PostRows {
    pub(super) created: Option<(Number, Option<u128>, Option<Bound>)>,
    pub(super) entries: Vec<Entry>,
    pub(super) ends: Vec<End>,
}

pub(super) struct Begun {
    pub(super) user: Number,
    pub(super) interval: Interval,
    pub(super) bound: Option<Bound>,
}

impl Pile {
    pub(super) fn add(&mut self, place: usize, write: &Write, bound: Option<Bound>, version: Option<u32>) {
        let Interval { start, end } = write.interval;
        let ends = End { write: place, start, bound };
        let entry = version.map(|version| Entry { version, write: place, start, bound });
        match write.action {
            Action::CreateUser { user } => {
                let rows = self.users.entry(user).or_default();
                rows.created = bound;
                for list in [&mut rows.row, &mut rows.names, &mut rows.bios] {
                    list.extend(entry);
                }
            }
            Action::EditUser { user, field, .. } => {
                let rows = self.users.entry(user).or_default();
                rows.row.extend(entry);
                if field == Field::Name { &mut rows.names } else { &mut rows.bios }.extend(entry);
            }
            Action::ChangePassword { user, kept, .. } => {
                self.users.entry(user).or_default().row.extend(entry);
                self.ends_of_all_sessions.entry(user).or_default().push((ends, Some(kept)));
            }
            Action::DeleteUser { user } => self.ends_of_users.entry(user).or_default().push(ends),
            Action::CreatePost { post, author, id } => {
                let id = bound.is_some().then_some(id);
                let rows = self.posts.entry(post).or_default();
                rows.created = Some((author, id, bound));
                rows.entries.extend(entry);
                if let Some(id) = id {
                    self.certain_posts.entry(author).or_default().push((id, post));
                }
            }
            Action::EditPost { post, .. } => self.posts.entry(post).or_default().entries.extend(entry),
            Action::DeletePost { post } => self.posts.entry(post).or_default().ends.push(ends),
            Action::SignIn { session, user } => {
                self.sessions.insert(session, Begun { user, interval: write.interval, bound });
            }
            Action::SignOut { session } => self.ends_of_sessions.entry(session).or_default().push(ends),
            Action::SignOutAll { user } => self.ends_of_all_sessions.entry(user).or_default().push((ends, None)),
            Action::Follow { follower, followee, follows } => {
                let switch = Switch { state: follows, start, end, bound };
                self.follows.entry(follower).or_default().entry(followee).or_default().push(switch);
            }
        }
    }
}
