//! The HTTP API against the contract: what is promised to clients, asked for from outside, one subject a file.

mod access;
mod answers;
mod bodies;
mod cache_status;
mod conditions;
mod deletion;
mod endpoints;
mod fields;
mod follows;
mod fuzz;
mod garbage;
mod home;
mod limits;
mod methods;
mod openapi;
mod paging;
mod passwords;
mod patches;
mod queries;
mod rows;
mod secrets;
mod service;
mod session_ends;
mod sessions;
mod telemetry;
mod usernames;
