//! A shop that caches its products, exactly over any number of processes, whichever program changes them.
//!
//! `DATABASE_URL=postgres://… REDIS_URL=redis://… LISTEN_ADDR=127.0.0.1:8090 cargo run -p aside-shop`

use std::{env, net::SocketAddr, time::Duration};

use aside_cache::{Cache, Changed, LoadError, Loaded, Loader, ReadThrough};
use aside_limiter::{Charge, LimitLayer, Limiter, Policy, Quota};
use aside_redis::{Options, RedisClient};
use aside_runtime::shutdown::Shutdown;
use axum::{
    Router,
    extract::{ConnectInfo, Path, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use sqlx::PgPool;

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS products (id bigint PRIMARY KEY, name text NOT NULL, cents bigint NOT NULL)";
const PRODUCTS: &str = "SELECT id, json_build_object('id', id, 'name', name, 'cents', cents)::text
                        FROM products WHERE id = ANY($1)";

type Products = ReadThrough<ProductLoader>;

/// Requests of one address.
const BROWSING: Policy = Policy::new("browsing").leased();

/// Loads products, as the JSON that readers get.
struct ProductLoader(PgPool);

impl Loader for ProductLoader {
    const ENTITY: &'static str = "product";
    type Id = i64;

    async fn load(&self, ids: &[i64]) -> Result<Vec<Loaded>, LoadError> {
        let rows = sqlx::query_as(PRODUCTS).bind(ids).fetch_all(&self.0).await;
        let rows: Vec<(i64, String)> = rows.map_err(LoadError::source)?;
        Ok(Loaded::in_order(ids, rows.into_iter().map(|(id, json)| (id, Loaded::present(json.into(), 0)))))
    }
}

#[derive(Clone)]
struct Shop {
    cache: Cache,
    products: Products,
}

async fn show(State(shop): State<Shop>, Path(id): Path<i64>) -> Result<Response, StatusCode> {
    let product = shop.products.get(&id).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let json = product.value.payload.ok_or(StatusCode::NOT_FOUND)?;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}

async fn set_price(State(shop): State<Shop>, Path((id, cents)): Path<(i64, i64)>) -> Result<StatusCode, StatusCode> {
    let written = shop.cache.write(move |transaction| {
        Box::pin(async move {
            let update = sqlx::query("UPDATE products SET cents = $2 WHERE id = $1");
            update.bind(id).bind(cents).execute(transaction).await?;
            Ok(Changed::one(Products::entry(&id)))
        })
    });
    written.await.map(|()| StatusCode::NO_CONTENT).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let pool = PgPool::connect(&env::var("DATABASE_URL")?).await?;
    sqlx::query(TABLE).execute(&pool).await?;
    aside_cache::install(&pool).await?;
    sqlx::query("SELECT aside_watch('products', 'product', 'id')").execute(&pool).await?;

    let key_prefix = env::var("REDIS_KEY_PREFIX").unwrap_or_else(|_| "shop:".to_owned());
    let redis = Options { key_prefix, ..Options::new(env::var("REDIS_URL")?.parse()?) };
    let shutdown = Shutdown::new();
    let redis = RedisClient::start(&redis, aside_redis::Metrics::default(), &shutdown)?;
    let cache = Cache::builder(redis.clone(), pool.clone()).start();
    let requests = env::var("REQUESTS_A_MINUTE").map_or(Ok(600), |text| text.parse())?;
    let quotas = [(BROWSING, Quota { requests, window: Duration::from_mins(1) })];
    let limiter = Limiter::new(quotas, &redis, &aside_limiter::Metrics::default(), &shutdown);
    let limit = LimitLayer::new(limiter, |request: &Request| {
        let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        address.map(|address| Charge::new(BROWSING, address)).into_iter().collect()
    });
    let products = cache.entity(ProductLoader(pool), Duration::from_hours(1));

    let router = Router::new()
        .route("/products/{id}", get(show))
        .route("/products/{id}/price/{cents}", put(set_price))
        .layer(limit)
        .with_state(Shop { cache, products });
    let listener = tokio::net::TcpListener::bind(env::var("LISTEN_ADDR")?).await?;
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
