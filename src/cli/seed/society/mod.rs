//! The made-up society behind the rows: users, their popularity and their follows.
//!
//! Everything is a function of the seed and a number: the id of user 7 is computed wherever it is needed, and memory is the same
//! for a thousand users and for a hundred million.
//!
//! Users are numbered in the order of their registration, which is spread evenly over two years, and posts in the order of
//! their time, which grow ever denser as a growing network's do. So ids rise with the numbers, rows reach the tables in the
//! order of their primary keys, and an index is built of keys that are in order already.

mod degrees;
mod power_law;
mod random;
mod shuffle;
mod time;

use std::collections::HashSet;

use uuid::Uuid;

pub(super) use degrees::Degrees;
use power_law::PowerLaw;
pub(super) use random::{Purpose, Random};
pub(super) use shuffle::Shuffle;
use time::id_at;
pub(super) use time::{Period, Time};

/// Draws of an author before a uniform draw among the present users. Only the first posts need it.
const AUTHOR_DRAWS: u32 = 64;

/// The society of one seed.
#[derive(Clone, Debug)]
pub(super) struct Society {
    seed: u64,
    users: u64,
    posts: u64,
    period: Period,
    /// The popularity of users, as authors and followees.
    fame: Shuffle,
    /// The rank of users by the number of their follows.
    curiosity: Shuffle,
    followed: PowerLaw,
    posting: PowerLaw,
}

/// A user, as others refer to one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// The id.
    pub(super) id: Uuid,
    /// The time in it.
    pub(super) registered: Time,
}

/// The author and the time of a post.
#[derive(Clone, Copy, Debug)]
pub(super) struct Authorship {
    pub(super) id: Uuid,
    pub(super) author: Uuid,
    pub(super) at: Time,
}

impl Society {
    /// `users` people with `posts` posts between them.
    pub(super) fn new(seed: u64, users: u64, posts: u64, period: Period) -> Self {
        Self {
            seed,
            users,
            posts,
            period,
            fame: Shuffle::new(seed, Purpose::Fame, users),
            curiosity: Shuffle::new(seed, Purpose::Curiosity, users),
            followed: PowerLaw::of_followers(users),
            posting: PowerLaw::of_posts(users),
        }
    }

    /// The user of this number.
    #[expect(clippy::cast_precision_loss, reason = "numbers of users are far below 2^53")]
    pub(super) fn member(&self, user: u64) -> Member {
        let mut random = Random::new(self.seed, Purpose::Registration, user);
        // Within a slot of one's own, so that numbers and times have one order; clear of its end for the rounding.
        let slot = user as f64 + random.fraction() * 0.999;
        let registered = self.period.at(slot / self.slots());
        Member { id: id_at(registered, random.bits()), registered }
    }

    /// The post of this number. `random` gives the rest of what is drawn for it.
    #[expect(clippy::cast_precision_loss, reason = "numbers of posts are far below 2^53")]
    pub(super) fn authorship(&self, post: u64, random: &mut Random) -> Authorship {
        let place = (post as f64 + random.fraction() * 0.999) / self.posts as f64;
        // Posts per day grow with the square of time: users grow with time, and so does their habit. None before the first
        // user's slot is over.
        let first = 1.0 / self.slots();
        let at = self.period.at(first + (1.0 - first) * place.cbrt());
        let author = self.author(self.registered_before(at), random);
        Authorship { id: id_at(at, random.bits()), author: self.member(author).id, at }
    }

    /// One of the first `present` users, by popularity.
    fn author(&self, present: u64, random: &mut Random) -> u64 {
        (0..AUTHOR_DRAWS)
            .map(|_| self.fame.place(self.posting.draw(random)))
            .find(|user| *user < present)
            .unwrap_or_else(|| random.below(present))
    }

    /// The number of users whose slots are over at a time after the first slot.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of users")]
    fn registered_before(&self, at: Time) -> u64 {
        ((self.period.share_before(at) * self.slots()) as u64).clamp(1, self.users)
    }

    /// One more than there are users, so that the last one has time to post.
    #[expect(clippy::cast_precision_loss, reason = "numbers of users are far below 2^53")]
    fn slots(&self) -> f64 {
        (self.users + 1) as f64
    }

    /// The rank of a user by the number of follows. User 0, the demo account, comes first; the others are shuffled.
    pub(super) fn curiosity(&self, user: u64) -> u64 {
        match (user, self.curiosity.place(user)) {
            (0, _) => 0,
            (_, 0) => self.curiosity.place(0),
            (_, rank) => rank,
        }
    }

    /// Puts the numbers of `many` users other than `user` into `chosen`, by popularity, in ascending order: that of their
    /// ids. `many` must be below the number of users.
    pub(super) fn choose_followees(&self, user: u64, many: u32, random: &mut Random, chosen: &mut Followees) {
        let many = many as usize;
        chosen.clear();
        // With few users the popular ones are drawn repeatedly; then the next user is taken.
        for _ in 0..(many * 8 + 64) {
            if chosen.list.len() == many {
                break;
            }
            chosen.add(self.fame.place(self.followed.draw(random)), user);
        }
        let mut next = random.below(self.users);
        while chosen.list.len() < many {
            chosen.add(next, user);
            next = (next + 1) % self.users;
        }
        chosen.list.sort_unstable();
    }

    /// The time of a follow: any time after both registered.
    pub(super) fn following_since(&self, one: Member, other: Member, random: &mut Random) -> Time {
        self.period.between(one.registered.max(other.registered), random.fraction())
    }
}

/// The followees of one user, without repetition. Reused for the next user.
#[derive(Debug, Default)]
pub(super) struct Followees {
    list: Vec<u64>,
    seen: HashSet<u64>,
}

impl Followees {
    /// Their numbers.
    pub(super) fn as_slice(&self) -> &[u64] {
        &self.list
    }

    fn clear(&mut self) {
        self.list.clear();
        self.seen.clear();
    }

    fn add(&mut self, user: u64, follower: u64) {
        if user != follower && self.seen.insert(user) {
            self.list.push(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn society(users: u64, posts: u64) -> Society {
        let until: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        Society::new(1, users, posts, Period::until(until))
    }

    #[test]
    fn ids_rise_with_the_numbers_of_users_and_posts() {
        let society = society(1_000, 5_000);

        let posts = (0..5_000).map(|post| society.authorship(post, &mut Random::new(1, Purpose::Post, post)).id);

        assert!((0..1_000).map(|user| society.member(user).id).is_sorted_by(|one, next| one < next));
        assert!(posts.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn authors_were_there_before_their_posts() {
        for users in [1, 2, 1_000] {
            let society = society(users, 3_000);
            let members: std::collections::HashMap<_, _> =
                (0..users).map(|user| society.member(user)).map(|member| (member.id, member.registered)).collect();

            for post in 0..3_000 {
                let written = society.authorship(post, &mut Random::new(1, Purpose::Post, post));
                assert!(members[&written.author] <= written.at, "post {post} of {users} users");
            }
        }
    }

    #[test]
    fn followees_are_distinct_others_even_if_they_are_all() {
        let society = society(40, 0);
        let mut followees = Followees::default();

        for user in 0..40 {
            society.choose_followees(user, 39, &mut Random::new(1, Purpose::Follows, user), &mut followees);
            assert!(followees.as_slice().iter().copied().eq((0..40).filter(|other| *other != user)));
        }
    }

    #[test]
    fn each_rank_of_curiosity_is_given_once_and_the_first_to_user_0() {
        let society = society(500, 0);

        let mut ranks: Vec<_> = (0..500).map(|user| society.curiosity(user)).collect();

        assert_eq!(ranks[0], 0);
        ranks.sort_unstable();
        assert!(ranks.into_iter().eq(0..500));
    }
}
