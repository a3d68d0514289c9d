//! A standby answers every question, and is not used: its rows are old.

use aside::postgres::{self, follows, posts, sessions, users};
use reqwest::StatusCode;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{missing, soon, until};
use crate::{api::Api, application::Backend, own_postgres::OwnPostgres, proxy::Proxy};

#[tokio::test]
async fn a_standby_answers_no_statement_that_loads_entries() {
    let Some(primary) = OwnPostgres::start().await else { return };
    let backend = Backend::create().await.with("DATABASE_URL", primary.url.as_str());
    postgres::database(backend.config(&[]).database).migrate().await.expect("the migrations run");
    let standby = primary.standby().await;
    let mut connection = PgConnection::connect(standby.url.as_str()).await.expect("it answers");
    sqlx::query("SELECT 1 FROM users").execute(&mut connection).await.expect("it has the tables");

    let ids = [Uuid::now_v7()];
    let outcomes = [
        users::find_users(&mut connection, &ids).await.err(),
        posts::find_posts(&mut connection, &ids).await.err(),
        posts::list_timelines(&mut connection, &ids, 32).await.err(),
        posts::list_newest(&mut connection, 32).await.err(),
        follows::list_followees(&mut connection, &ids).await.err(),
        sessions::find_live_sessions(&mut connection, &[vec![7; 32]]).await.err(),
    ];

    let codes = outcomes.map(|error| error.and_then(|error| error.as_database_error()?.code().map(String::from)));
    assert_eq!(codes, [(); 6].map(|()| Some("55000".to_owned())));
}

#[tokio::test]
async fn a_name_that_leads_to_a_standby_is_not_used_until_it_leads_to_the_primary() {
    let Some(primary) = OwnPostgres::start().await else { return };
    let proxy = Proxy::start(&primary.url).await;
    let backend = Backend::create().await.with("DATABASE_URL", proxy.url(&primary.url));
    let here = backend.start().await;
    let ada = here.api().register("ada").await;
    let standby = primary.standby().await;

    proxy.lead_to(&[&standby.url]);
    proxy.cut_connections();
    until(async || missing(&here).await == ["postgres"]).await;
    let refused = soon(Api::new(here.public).get("/users")).await;
    proxy.lead_to(&[&primary.url]);
    until(async || missing(&here).await.is_empty()).await;

    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    ada.post("back").await;
}
