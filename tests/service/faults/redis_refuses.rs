//! Redis answers, but refuses: each of its error words that can be provoked. No read fails, and no write is answered that
//! a later read does not show.

use super::{
    missing,
    redis_away::{look_at, rename, until_cached, with_own_redis},
    until,
};
use crate::own_redis::OwnRedis;

/// Somebody's cell is cached, then Redis is made to refuse; they change their name and look again and again.
async fn changes_are_seen_although(refuse: &[&str], allow: &[&str]) {
    let redis = OwnRedis::start().await;
    let (_backend, here) = with_own_redis(&redis).await;
    let ada = here.api().register("ada").await;
    until_cached(&ada).await;

    redis.command(refuse).await;
    for round in 0..20 {
        let name = format!("round {round}");
        rename(&ada, &name).await;
        // What was written while Redis refused may be shown a moment late, never longer.
        until(async || look_at(&ada).await.0 == name).await;
        ada.post(&name).await;
    }
    redis.command(allow).await;

    until(async || missing(&here).await.is_empty()).await;
    until_cached(&ada).await;
    until(async || look_at(&ada).await.0 == "round 19").await;
    let bob = here.api().register("bob").await;
    until_cached(&bob).await;
    rename(&bob, "Bob").await;
    assert_eq!(look_at(&bob).await.0, "Bob");
}

#[tokio::test]
async fn a_full_redis_hides_no_write() {
    changes_are_seen_although(&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]).await;
}

#[tokio::test]
async fn a_redis_that_was_made_a_replica_hides_no_write() {
    changes_are_seen_although(&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]).await;
}

#[tokio::test]
async fn a_redis_that_forbids_scripts_hides_no_write() {
    let (refuse, allow) = (["ACL", "SETUSER", "default", "-evalsha"], ["ACL", "SETUSER", "default", "+@all"]);
    changes_are_seen_although(&refuse, &allow).await;
}

#[tokio::test]
async fn a_redis_that_forbids_messages_hides_no_write() {
    let (refuse, allow) =
        (["ACL", "SETUSER", "default", "resetchannels"], ["ACL", "SETUSER", "default", "allchannels"]);
    changes_are_seen_although(&refuse, &allow).await;
}

#[tokio::test]
async fn a_redis_that_forbids_reads_hides_no_write() {
    let (refuse, allow) = (["ACL", "SETUSER", "default", "-mget", "-ping"], ["ACL", "SETUSER", "default", "+@all"]);
    changes_are_seen_although(&refuse, &allow).await;
}

#[tokio::test]
async fn a_redis_that_forgot_the_scripts_hides_no_write() {
    changes_are_seen_although(&["SCRIPT", "FLUSH"], &["SCRIPT", "FLUSH"]).await;
}
