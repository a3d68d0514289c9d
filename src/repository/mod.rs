//! Where Postgres and the cache meet: the only place that loads entries, and writes what they are made of.
//!
//! | file | what it owns |
//! |---|---|
//! | `cells` | how each kind of cell is loaded, and what its bytes are |
//! | `kinds` | the table of kinds, which tests read |
//! | `session_cell` | what a request needs to know of its session |
//! | `recent_sessions` | tokens that this process has seen as good |
//! | `fragments` | JSON cut so that pages are put together by copying |
//! | `users`, `sessions`, `posts`, `follows`, `home` | what handlers ask for |
//! | `account_deletions` | posts and follows of users that were deleted, in batches |
//! | `session_upkeep` | when sessions were last used, and the end of those that are over |

pub mod account_deletions;
mod cells;
mod error;
mod follows;
mod fragments;
mod home;
mod kinds;
mod merge;
mod posts;
mod recent_sessions;
mod report;
mod session_cell;
mod session_upkeep;
mod sessions;
mod used;
mod users;

pub use aside_cache::share_freshness_check;
pub use error::RepositoryError;
pub use follows::{FollowOutcome, FollowRepository};
pub use fragments::UserFragment;
pub use home::HomeRepository;
pub use kinds::{EntryKind, KINDS};
pub use posts::{PostChange, PostRefusal, PostRepository, PostView};
pub use report::{CacheReport, Cached};
pub use session_upkeep::SessionUpkeep;
pub use sessions::{ActiveSession, Client, NewSession, SessionRepository, SignIn};
pub use users::{Created, NewPassword, Registration, UserChange, UserRepository, UserUpdate, UserView};
