//! A name that leads to two servers: none is used, without a storm of connections, until all connections agree.

use super::{
    missing,
    redis_away::{look_at, rename, until_cached},
    until,
};
use crate::{application::Backend, own_redis::OwnRedis, proxy::Proxy};

#[tokio::test]
async fn a_name_that_leads_to_two_servers_is_not_used_until_it_leads_to_one() {
    let (one, other) = (OwnRedis::start().await, OwnRedis::start().await);
    let proxy = Proxy::start(&one.url).await;
    proxy.lead_to(&[&one.url, &other.url]);
    let backend = Backend::create().await.with("REDIS_URL", proxy.url(&one.url)).with("REDIS_CONNECTIONS", "3");

    let here = backend.start().await;
    let ada = here.api().register("ada").await;
    for attempts in 1..=6 {
        proxy.until_accepted(attempts * 5).await;
        let name = format!("Ada {attempts}");
        rename(&ada, &name).await;
        assert_eq!(look_at(&ada).await, (name, "aside; fwd=bypass".to_owned()));
        assert_eq!(missing(&here).await, ["redis"]);
    }
    proxy.lead_to(&[&other.url]);

    until(async || missing(&here).await.is_empty()).await;
    until_cached(&ada).await;
    rename(&ada, "Ada again").await;
    assert_eq!(look_at(&ada).await.0, "Ada again");
}

#[tokio::test]
async fn one_new_connection_to_another_server_ends_those_to_the_first() {
    let (one, other) = (OwnRedis::start().await, OwnRedis::start().await);
    let proxy = Proxy::start(&one.url).await;
    let backend = Backend::create().await.with("REDIS_URL", proxy.url(&one.url));
    let here = backend.start().await;
    let ada = here.api().register("ada").await;
    until_cached(&ada).await;

    proxy.lead_to(&[&other.url]);
    let mut control = one.control().await;
    let clients: String = redis::from_redis_value(control.run(&["CLIENT", "LIST"]).await).expect("a text");
    let used = clients.lines().find(|client| client.contains("cmd=echo"));
    let id = used.and_then(|client| client.split(' ').next()?.strip_prefix("id=")).expect("a connection is used");
    control.run(&["CLIENT", "KILL", "ID", id]).await;

    until(async || {
        let clients: String = redis::from_redis_value(one.command(&["CLIENT", "LIST"]).await).expect("a text");
        // The test's own two.
        clients.lines().count() == 2
    })
    .await;
    until(async || missing(&here).await.is_empty()).await;
    until_cached(&ada).await;
    rename(&ada, "Ada").await;
    assert_eq!(look_at(&ada).await.0, "Ada");
}
