//! x
pub mod arguments;
pub mod content;
pub mod environment;
pub mod faults;
pub mod history;
pub mod report;
pub mod round;
pub mod run;
pub mod time;
pub mod verdict;
pub mod workload;
