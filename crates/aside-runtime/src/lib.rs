//! What the other crates of aside have in common. It knows neither Redis nor PostgreSQL.
//!
//! | module | what it owns |
//! |---|---|
//! | [`shutdown`] | the end of a process, and the tasks that it waits for |
//! | [`backoff`] | waits between attempts to connect |
//! | [`batches`] | what is noted on the request path, taken off it in batches |
//! | [`clock`] | wall-clock time as a parameter |
//! | [`timings`] | where the time of a request went |
//! | [`metrics`] | histograms of durations |
//! | [`server_url`] | what the URLs of servers have in common |

pub mod backoff;
pub mod batches;
pub mod clock;
pub mod metrics;
pub mod server_url;
pub mod shutdown;
pub mod timings;
