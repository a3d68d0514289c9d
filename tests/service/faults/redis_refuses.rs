//! Redis answers, but refuses: each of its error words. No read fails, no write is answered that a later read does not show,
//! and when Redis is good again it is used again.
//!
//! | word | how it is provoked |
//! |---|---|
//! | OOM | no memory left |
//! | READONLY | made a replica |
//! | MASTERDOWN | made a replica that does not show old data |
//! | NOREPLICAS | writes need a replica, and there is none |
//! | MISCONF | a snapshot could not be written |
//! | NOPERM | scripts, messages or reads are forbidden |
//! | NOAUTH | wants a password now |
//! | NOSCRIPT | forgot the scripts |
//! | BUSY | a script runs and runs |
//! | LOADING | reads its snapshot |
//! | ERR max number of clients reached | takes no more connections |

use super::{
    missing,
    redis_away::{look_at, rename, until_cached, with_own_redis},
    until,
};
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
    own_redis::OwnRedis,
};

/// Two replicas, and somebody whose cell is cached.
struct Scene {
    _backend: Backend,
    here: TestApplication,
    there: TestApplication,
    ada: SignedIn,
}

impl Scene {
    async fn with(redis: &OwnRedis) -> Self {
        let (backend, here) = with_own_redis(redis).await;
        let there = backend.start().await;
        let ada = here.api().register("ada").await;
        until_cached(&ada).await;
        Self { _backend: backend, here, there, ada }
    }

    /// While Redis refuses: every change is seen by every reader.
    async fn changes_are_seen(&self) {
        let (ada, ada_there) = (&self.ada, self.ada.at(self.there.public));
        for round in 0..20 {
            let name = format!("round {round}");
            rename(ada, &name).await;
            // What was written while Redis refused may be shown a moment late, never longer.
            until(async || look_at(ada).await.0 == name).await;
            until(async || look_at(&ada_there).await.0 == name).await;
            ada.post(&name).await;
            until(async || ada.home().await.contains(&name)).await;
        }
    }

    /// Once Redis is good again: nothing old is shown, and it is used.
    async fn is_good_again(&self) {
        until(async || missing(&self.here).await.is_empty()).await;
        until_cached(&self.ada).await;
        until(async || look_at(&self.ada).await.0 == "round 19").await;
        let bob = self.here.api().register("bob").await;
        until_cached(&bob).await;
        rename(&bob, "Bob").await;
        assert_eq!(look_at(&bob).await.0, "Bob");
        assert_eq!(look_at(&bob.at(self.there.public)).await.0, "Bob");
    }
}

/// Runs the commands that make Redis refuse, and those that make it good again, on one connection that was there before.
async fn changes_are_seen_although(refuse: &[&[&str]], allow: &[&[&str]]) {
    let redis = OwnRedis::start().await;
    let scene = Scene::with(&redis).await;
    let mut control = redis.control().await;

    for command in refuse {
        control.run(command).await;
    }
    scene.changes_are_seen().await;
    for command in allow {
        control.run(command).await;
    }

    scene.is_good_again().await;
}

const NO_MORE_CONNECTIONS: &[&str] = &["CLIENT", "KILL", "TYPE", "normal"];
const ALLOW_ALL: &[&str] = &["ACL", "SETUSER", "default", "+@all", "allchannels"];

#[tokio::test]
async fn a_full_redis_hides_no_write() {
    let maxmemory = |bytes| ["CONFIG", "SET", "maxmemory", bytes];
    changes_are_seen_although(&[&maxmemory("1")], &[&maxmemory("0")]).await;
}

#[tokio::test]
async fn a_redis_that_was_made_a_replica_hides_no_write() {
    changes_are_seen_although(&[&["REPLICAOF", "127.0.0.1", "1"]], &[&["REPLICAOF", "NO", "ONE"]]).await;
}

#[tokio::test]
async fn a_replica_that_does_not_show_old_data_hides_no_write() {
    let refuse: [&[&str]; 2] = [&["CONFIG", "SET", "replica-serve-stale-data", "no"], &["REPLICAOF", "127.0.0.1", "1"]];
    changes_are_seen_although(&refuse, &[&["REPLICAOF", "NO", "ONE"]]).await;
}

#[tokio::test]
async fn a_redis_that_misses_its_replicas_hides_no_write() {
    let wanted = |replicas| ["CONFIG", "SET", "min-replicas-to-write", replicas];
    changes_are_seen_although(&[&wanted("1")], &[&wanted("0")]).await;
}

#[tokio::test]
async fn a_redis_that_forbids_scripts_hides_no_write() {
    changes_are_seen_although(&[&["ACL", "SETUSER", "default", "-evalsha"]], &[ALLOW_ALL]).await;
}

#[tokio::test]
async fn a_redis_that_forbids_messages_hides_no_write() {
    changes_are_seen_although(&[&["ACL", "SETUSER", "default", "resetchannels"]], &[ALLOW_ALL]).await;
}

#[tokio::test]
async fn a_redis_that_forbids_reads_hides_no_write() {
    changes_are_seen_although(&[&["ACL", "SETUSER", "default", "-mget", "-ping"]], &[ALLOW_ALL]).await;
}

#[tokio::test]
async fn a_redis_that_wants_a_password_now_hides_no_write() {
    let requirepass = |password| ["CONFIG", "SET", "requirepass", password];
    changes_are_seen_although(&[&requirepass("secret"), NO_MORE_CONNECTIONS], &[&requirepass("")]).await;
}

#[tokio::test]
async fn a_redis_that_forgot_the_scripts_hides_no_write() {
    changes_are_seen_although(&[&["SCRIPT", "FLUSH"]], &[&["SCRIPT", "FLUSH"]]).await;
}

#[tokio::test]
async fn a_redis_that_takes_no_more_connections_hides_no_write() {
    let maxclients = |clients| ["CONFIG", "SET", "maxclients", clients];
    changes_are_seen_although(&[&maxclients("1"), NO_MORE_CONNECTIONS], &[&maxclients("10000")]).await;
}

#[tokio::test]
async fn a_redis_that_cannot_save_hides_no_write() {
    let redis = OwnRedis::start().await;
    let scene = Scene::with(&redis).await;
    // A snapshot takes the place of the last one by a rename, which a folder of that name forbids to root too.
    std::fs::create_dir(redis.folder().join("dump.rdb")).expect("the folder is the test's");

    redis.command(&["CONFIG", "SET", "save", "3600 1"]).await;
    redis.command(&["BGSAVE"]).await;
    until(async || info(&redis, "persistence").await.contains("rdb_last_bgsave_status:err")).await;
    scene.changes_are_seen().await;
    redis.command(&["CONFIG", "SET", "save", ""]).await;

    scene.is_good_again().await;
}

#[tokio::test]
async fn a_redis_that_is_busy_with_a_script_hides_no_write() {
    let redis = OwnRedis::start().await;
    let scene = Scene::with(&redis).await;
    let mut control = redis.control().await;
    let mut endless = redis.control().await;

    redis.command(&["CONFIG", "SET", "lua-time-limit", "1"]).await;
    let script = tokio::spawn(async move { endless.try_run(&["EVAL", "while true do end", "0"]).await });
    scene.changes_are_seen().await;
    control.run(&["SCRIPT", "KILL"]).await;

    assert!(script.await.expect("no panic").is_err(), "it was killed");
    scene.is_good_again().await;
}

#[tokio::test]
async fn a_redis_that_loads_its_snapshot_hides_no_write() {
    let mut redis = OwnRedis::start().await;
    let scene = Scene::with(&redis).await;
    redis
        .command(&["EVAL", "for at = 1, 2000 do redis.call('SET', 'filler:' .. at, string.rep('x', 2000)) end", "0"])
        .await;
    redis.command(&["SAVE"]).await;
    redis.kill();

    // Microseconds for each key: long enough for what is done meanwhile, whatever the machine.
    redis.restart_with(&["--key-load-delay", "30000", "--loading-process-events-interval-bytes", "1024"]);
    scene.changes_are_seen().await;
    let meanwhile = info(&redis, "persistence").await;
    redis.command(&["CONFIG", "SET", "key-load-delay", "0"]).await;

    assert!(meanwhile.contains("loading:1"), "{meanwhile}");
    scene.is_good_again().await;
}

async fn info(redis: &OwnRedis, section: &str) -> String {
    redis::from_redis_value(redis.command(&["INFO", section]).await).expect("a text")
}
