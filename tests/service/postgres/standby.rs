//! A standby answers every question, and is not used: its rows are old.

use aside::postgres::{self, follows, posts, sessions, users};
use reqwest::StatusCode;
use serde_json::json;
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

/// Two names of the primary, of which one leads to the former primary for longer.
#[tokio::test]
async fn replica_that_is_led_to_a_demoted_primary_makes_no_read_of_another_stale() {
    let Some(mut former) = OwnPostgres::start().await else { return };
    let (late, current) = (Proxy::start(&former.url).await, Proxy::start(&former.url).await);
    let backend = Backend::create().await;
    let led_by = async |proxy: &Proxy| backend.start_with(&[("DATABASE_URL", proxy.url(&former.url).as_str())]).await;
    let (here, there) = (led_by(&late).await, led_by(&current).await);
    let ada = here.api().register("ada").await;
    let mut posts = Vec::new();
    for _ in 0..10 {
        posts.push(ada.post("old").await);
    }
    let primary = former.standby().await;

    primary.take_over_from(&mut former).await;
    former.pause_replay().await;
    current.lead_to(&[&primary.url]);
    until(async || missing(&here).await == ["postgres"] && missing(&there).await.is_empty()).await;
    let at_there = ada.at(there.public);
    for post in &posts {
        let path = format!("/posts/{post}");
        assert_eq!(at_there.api.patch(&path, &json!({ "body": "new" })).await.status(), StatusCode::OK);
        // What it loads from the former primary it would share.
        soon(ada.api.get(&path)).await;
        assert_eq!(at_there.api.get_json(&path).await["body"], "new");
    }
    late.lead_to(&[&primary.url]);
    until(async || missing(&here).await.is_empty()).await;

    ada.post("back").await;
    for post in &posts {
        assert_eq!(ada.api.get_json(&format!("/posts/{post}")).await["body"], "new");
    }
}
