//! Cache-aside as it is usually written: look in Redis, on a miss read Postgres, store with a TTL; delete the key after a write.
//!
//! It is kept here to be read and run beside ours (`make demo` does), not to be used. What is wrong with it shows only under
//! concurrency:
//!
//! - **A stale value for the whole TTL.** A reader misses and reads the old row; a writer updates the row and deletes the key; the
//!   reader stores what it has read. (`late_fill_after_invalidate` in `tests/service/protocol`.)
//! - **A stampede.** When a popular key is gone, every reader of that moment reads Postgres.
//! - **Two points of failure.** Without Redis every request fails.
//! - **A writer that dies** between the commit and the deletion leaves the old value for the whole TTL.
//!
//! What is done about each is in `docs/CONSISTENCY.md`. Variables: `LISTEN_ADDR`, `DATABASE_URL`, `REDIS_URL`, `TTL_SECONDS` (600).

use std::{env, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use redis::{AsyncTypedCommands, aio::MultiplexedConnection};
use serde_json::{Value, json};
use sqlx::{PgPool, Row, postgres::PgPoolOptions};
use tokio::net::TcpListener;
use uuid::Uuid;

struct Service {
    postgres: PgPool,
    redis: MultiplexedConnection,
    ttl_seconds: u64,
}

type Failure = (StatusCode, String);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let variable = |name: &str| env::var(name).map_err(|_| anyhow::anyhow!("{name} is not set"));
    // One connection is one reader at a time at Postgres, as in any pool; it is not asked how it is before each use.
    let options = PgPoolOptions::new().max_connections(16).test_before_acquire(false);
    let service = Service {
        postgres: options.connect(&variable("DATABASE_URL")?).await?,
        redis: redis::Client::open(variable("REDIS_URL")?)?.get_multiplexed_async_connection().await?,
        ttl_seconds: env::var("TTL_SECONDS").ok().and_then(|ttl| ttl.parse().ok()).unwrap_or(600),
    };
    let routes = Router::new().route("/users/{id}", get(get_user).patch(rename_user)).with_state(Arc::new(service));
    axum::serve(TcpListener::bind(variable("LISTEN_ADDR")?).await?, routes).await?;
    Ok(())
}

/// The three steps.
async fn get_user(State(service): State<Arc<Service>>, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    let key = format!("user:{id}");
    let mut redis = service.redis.clone();

    // 1. Look in Redis.
    if let Some(cached) = redis.get(&key).await.map_err(failed)? {
        return Ok(as_json(cached));
    }

    // 2. On a miss, read Postgres.
    let row = sqlx::query("SELECT id, username, display_name, bio FROM users WHERE id = $1")
        .bind(id)
        .fetch_optional(&service.postgres)
        .await
        .map_err(failed)?
        .ok_or((StatusCode::NOT_FOUND, String::new()))?;
    let user = json!({
        "id": id,
        "username": row.get::<String, _>("username"),
        "display_name": row.get::<String, _>("display_name"),
        "bio": row.get::<Option<String>, _>("bio"),
    });

    // 3. Store with a TTL.
    redis.set_ex(&key, user.to_string(), service.ttl_seconds).await.map_err(failed)?;
    Ok(as_json(user.to_string()))
}

/// Writes the row, then deletes the key.
async fn rename_user(
    State(service): State<Arc<Service>>,
    Path(id): Path<Uuid>,
    Json(change): Json<Value>,
) -> Result<StatusCode, Failure> {
    let name = change["display_name"].as_str().ok_or((StatusCode::BAD_REQUEST, String::new()))?;
    sqlx::query("UPDATE users SET display_name = $2, version = version + 1 WHERE id = $1")
        .bind(id)
        .bind(name)
        .execute(&service.postgres)
        .await
        .map_err(failed)?;
    service.redis.clone().del(format!("user:{id}")).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

fn as_json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn failed(error: impl std::error::Error) -> Failure {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
