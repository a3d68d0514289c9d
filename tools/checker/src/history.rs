//! What happened: every call with its interval, what it wrote or showed, and the faults.
//!
//! Things are named by numbers of the checker's own. Everything that is written carries the number of its write in its text
//! ([`content`](crate::content)), so whatever is read tells who wrote it.

use crate::time::{Interval, Micros};

/// Names a user, a post or a session of the checker's; each kind counts for itself.
pub type Number = u32;
/// Names a write; its text carries it.
pub type WriteNumber = u32;
/// Names a client, which makes one call after the other.
pub type ClientNumber = u16;
/// Names a replica.
pub type ReplicaNumber = u8;

/// The "replica" of those who write straight into the tables.
pub const OTHER_PROGRAM: ReplicaNumber = ReplicaNumber::MAX;

/// Everything of a round.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// In no particular order, but each client's are in the order of their calls.
    pub reads: Vec<Read>,
    /// In no particular order.
    pub writes: Vec<Write>,
    /// In the order in which they began.
    pub faults: Vec<FaultSpan>,
    /// What Postgres holds when all is over; `None` where nobody has looked.
    pub finals: Option<Finals>,
}

/// A call that changes something.
#[derive(Clone, Debug)]
pub struct Write {
    /// Carried by the text that was written, if there was any.
    pub number: WriteNumber,
    /// Who has asked for it.
    pub client: ClientNumber,
    /// Who was asked.
    pub replica: ReplicaNumber,
    /// From the call to its answer.
    pub interval: Interval,
    /// What is known about it.
    pub outcome: Outcome,
    /// What it changes.
    pub action: Action,
}

/// What a writer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not.
    Refused,
    /// Nothing: no answer, or one that leaves it open. It may have happened since its start, or happen yet.
    Unknown,
}

/// A part of a user that is written by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `display_name`.
    Name,
    /// `bio`.
    Bio,
}

/// What a write changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A registration, with a name and a biography of the same write.
    CreateUser {
        /// The new one.
        user: Number,
    },
    /// An edit of one field.
    EditUser {
        /// Whose.
        user: Number,
        /// Which.
        field: Field,
        /// What the answer said; 0 without one.
        version: u32,
        /// The version of `If-Match`.
        expected: Option<u32>,
    },
    /// A new password, which ends all sessions but one.
    ChangePassword {
        /// Whose.
        user: Number,
        /// The session that stays.
        kept: Number,
        /// What the answer said; 0 without one.
        version: u32,
    },
    /// The end of a user, with posts, follows and sessions.
    DeleteUser {
        /// Whom.
        user: Number,
    },
    /// A new post.
    CreatePost {
        /// The new one.
        post: Number,
        /// Whose.
        author: Number,
        /// Its UUID; 0 without an answer.
        id: u128,
    },
    /// An edit of a post's body.
    EditPost {
        /// Which.
        post: Number,
        /// What the answer said; 0 without one.
        version: u32,
        /// The version of `If-Match`.
        expected: Option<u32>,
    },
    /// The end of a post.
    DeletePost {
        /// Which.
        post: Number,
    },
    /// A new session.
    SignIn {
        /// The new one.
        session: Number,
        /// Whose.
        user: Number,
    },
    /// The end of one.
    SignOut {
        /// Which.
        session: Number,
    },
    /// The end of all of a user's.
    SignOutAll {
        /// Whose.
        user: Number,
    },
    /// Somebody follows somebody, or no longer.
    Follow {
        /// Who.
        follower: Number,
        /// Whom.
        followee: Number,
        /// Whether from now on.
        follows: bool,
    },
}

/// A call's view of the world.
#[derive(Clone, Debug)]
pub struct Read {
    /// Who has asked.
    pub client: ClientNumber,
    /// Who was asked.
    pub replica: ReplicaNumber,
    /// From the call to its answer.
    pub interval: Interval,
    /// The session it was made with, and whether that was accepted.
    pub session: Option<(Number, bool)>,
    /// What it showed.
    pub seen: Seen,
}

/// What a read showed.
#[derive(Clone, Debug)]
pub enum Seen {
    /// Nothing but whether the session was accepted.
    Nothing,
    /// A user; `None` is "there is no such user".
    User {
        /// Who was asked for.
        asked: Number,
        /// Who was shown.
        found: Option<SeenUser>,
    },
    /// A post; `None` is "there is no such post".
    Post {
        /// Which was asked for.
        asked: Number,
        /// Which was shown.
        found: Option<SeenPost>,
    },
    /// A home page.
    Home(Box<SeenHome>),
    /// Something that is not what was asked for, or that nobody wrote.
    Foreign(Box<str>),
}

/// A user, as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenUser {
    /// Whose text it is.
    pub user: Number,
    /// `version`.
    pub version: u32,
    /// The write that `display_name` comes from.
    pub name: WriteNumber,
    /// The write that `bio` comes from.
    pub bio: WriteNumber,
}

/// A user's name beside something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenName {
    /// Whose text it is.
    pub user: Number,
    /// The write it comes from.
    pub name: WriteNumber,
}

/// A post, as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPost {
    /// Whose text it is.
    pub post: Number,
    /// Its UUID, which orders it.
    pub id: u128,
    /// `version`.
    pub version: u32,
    /// The write that `body` comes from.
    pub body: WriteNumber,
    /// Its author.
    pub author: SeenName,
}

/// A home page, as shown.
#[derive(Clone, Debug)]
pub struct SeenHome {
    /// Whose it is, and the name it shows; `None` for nobody's.
    pub viewer: Option<SeenName>,
    /// Newest first.
    pub items: Vec<SeenPost>,
    /// Whether it says that there are no more.
    pub is_last: bool,
}

/// A fault, for as long as it may have had an effect.
#[derive(Clone, Debug)]
pub struct FaultSpan {
    /// What it was, for people.
    pub name: String,
    /// From its beginning until everything was seen to be well again.
    pub interval: Interval,
    /// Whose way to Redis it has closed.
    pub cuts_redis_of: Reach,
}

/// Whom a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody.
    None,
    /// One replica.
    One(ReplicaNumber),
    /// All of them.
    All,
}

impl Reach {
    /// Whether it concerns this replica.
    #[must_use]
    pub fn concerns(self, replica: ReplicaNumber) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == replica,
            Self::All => replica != OTHER_PROGRAM,
        }
    }
}

/// What Postgres holds when all is over.
#[derive(Clone, Debug, Default)]
pub struct Finals {
    /// When somebody looked.
    pub at: Micros,
    /// All users.
    pub users: Vec<SeenUser>,
    /// All posts; the names of their authors are those of the users.
    pub posts: Vec<SeenPost>,
    /// Sessions that are alive.
    pub sessions: Vec<Number>,
    /// Who follows whom.
    pub follows: Vec<(Number, Number)>,
    /// Rows that nobody wrote.
    pub foreign: Vec<String>,
}
