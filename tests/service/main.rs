//! Tests against real services, in one binary: `DATABASE_URL` and `REDIS_URL` say where they are; `make test` sets both.

mod proxy;
mod rate_limit;
mod test_redis;
