//! Tests against real services, in one binary: `DATABASE_URL` and `REDIS_URL` say where they are; `make test` sets both.
//!
//! Each test has a database and a key prefix of its own, so that all run side by side. What flushes, stops or kills a
//! server does it to one that the test started itself (`own_redis`, `own_pooler`), or only seems to (`proxy`).

mod api;
mod application;
mod balancer;
mod contract;
mod durable;
mod faults;
mod kinds;
mod own_pooler;
mod own_postgres;
mod own_redis;
mod patience;
mod plans;
mod postgres;
mod protocol;
mod proxy;
mod rate_limit;
mod replica;
mod seed;
mod smoke;
mod test_database;
mod test_redis;
mod tour;
