//! The self-check: what is false in an entry is found, counted and gone, and what is only being written is left alone.

use std::{future::Future, time::Duration};

use aside_cache::Verify;
use futures::future::join_all;
use serde_json::json;
use sqlx::PgPool;
use tokio::time::{Instant, timeout};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{
    entries::{Entries, Held},
    things::{Things, body, entry, permits},
};
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
    own_redis::OwnRedis,
};

/// How long a round may take while other tests fill the same Redis.
const PATIENCE: Duration = Duration::from_mins(1);

/// Bytes of a value before its checksum, and before its payload: the checksum and the refresh lease come in between.
const BEFORE_CHECKSUM: usize = 31;
const BEFORE_PAYLOAD: usize = BEFORE_CHECKSUM + 8 + 24;

const KINDS: [&str; 5] = ["user", "post", "session", "timeline", "following"];

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it comes about")
}

/// Asks until the answer is yes.
async fn until(is_so: impl AsyncFn() -> bool) {
    while !is_so().await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn checks(replica: &TestApplication, entity: &str) -> f64 {
    replica.metric("cache_consistency_checks_total", &[&format!("entity=\"{entity}\"")]).await
}

async fn inconsistencies(replica: &TestApplication, entity: &str) -> f64 {
    replica.metric("cache_inconsistencies_total", &[&format!("entity=\"{entity}\"")]).await
}

async fn until_checked(replica: &TestApplication, entity: &str, times: f64) {
    let enough = checks(replica, entity).await + times;
    until(async || checks(replica, entity).await >= enough).await;
}

/// Bob follows Ada, who has posted, and everything about them is cached.
struct Scene {
    replica: TestApplication,
    ada: SignedIn,
    bob: SignedIn,
    post: String,
    entries: Entries,
    backend: Backend,
}

impl Scene {
    async fn set() -> Self {
        let backend = Backend::create().await;
        let replica = backend.start().await;
        let (ada, bob) = (replica.api().register("ada").await, replica.api().register("bob").await);
        bob.follow(&ada).await;
        let post = ada.post("hello").await;
        let entries = Entries::of(&backend).await;
        let scene = Self { replica, ada, bob, post, entries, backend };
        let is_cached = async || scene.entries.bytes(&scene.user()).await.is_some();
        soon(until(async || scene.bob.home().await == ["hello"] && is_cached().await)).await;
        scene
    }

    fn user(&self) -> String {
        format!("user:{}", self.ada.id)
    }

    /// An entry of each kind that is checked.
    async fn one_of_each_kind(&self) -> Vec<(&'static str, String)> {
        let all = self.entries.all_lives_ms().await;
        let session = all.into_iter().find(|(name, _)| name.starts_with("session:")).expect("bob has one").0;
        vec![
            ("user", self.user()),
            ("post", format!("post:{}", self.post)),
            ("timeline", format!("timeline:{}", self.ada.id)),
            ("following", format!("following:{}", self.bob.id)),
            ("session", session),
        ]
    }

    /// Writes another value into an entry by hand, with the checksum that belongs to it.
    async fn falsify(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let and_seal = |bytes: &mut Vec<u8>| {
            change(bytes);
            let fields = xxh3_64_with_seed(&bytes[..BEFORE_CHECKSUM], xxh3_64(name.as_bytes()));
            let checksum = xxh3_64_with_seed(&bytes[BEFORE_PAYLOAD..], fields);
            bytes[BEFORE_CHECKSUM..][..8].copy_from_slice(&checksum.to_be_bytes());
        };
        self.damage(name, and_seal).await
    }

    /// Changes the bytes of an entry.
    async fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = self.entries.bytes(name).await.unwrap_or_else(|| panic!("{name} is cached"));
        change(&mut bytes);
        self.entries.command("SET", name, &[&bytes, b"KEEPTTL"]).await;
        bytes
    }

    /// Waits until the false bytes are gone, then until they are counted.
    async fn until_found(&self, entity: &str, name: &str, falsified: &[u8]) {
        soon(async {
            until(async || self.entries.bytes(name).await.as_deref() != Some(falsified)).await;
            until(async || inconsistencies(&self.replica, entity).await > 0.0).await;
        })
        .await;
    }

    async fn pool(&self) -> PgPool {
        self.backend.database.pool().await
    }
}

#[tokio::test]
async fn a_false_payload_of_any_kind_is_found_counted_and_gone() {
    let scene = Scene::set().await;

    let mut falsified = Vec::new();
    for (entity, name) in scene.one_of_each_kind().await {
        let bytes = scene.falsify(&name, |bytes| bytes[BEFORE_PAYLOAD + 15] ^= 1).await;
        falsified.push((entity, name, bytes));
    }

    for (entity, name, bytes) in falsified {
        scene.until_found(entity, &name, &bytes).await;

        assert!((inconsistencies(&scene.replica, entity).await - 1.0).abs() < f64::EPSILON, "{entity}");
    }
    assert_eq!(scene.bob.home().await, ["hello"]);
}

#[tokio::test]
async fn keys_of_others_are_walked_over_slowly() {
    let redis = OwnRedis::start().await;
    redis.command(&["EVAL", "for i = 1, 100000 do redis.call('SET', 'other:' .. i, '') end", "0"]).await;
    let backend = Backend::create().await.with("REDIS_URL", redis.url.as_str());
    let _replica = backend.start().await;
    soon(until(async || redis.calls_of("scan").await > 0)).await;

    let (before, began) = (redis.calls_of("scan").await, Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let scans = redis.calls_of("scan").await - before;

    // One for each step of a tenth of a second; five in each were taken before.
    assert!(scans <= began.elapsed().as_secs() * 15 + 15, "{scans}");
}

#[tokio::test]
async fn a_damaged_value_without_readers_is_found_counted_and_discarded() {
    let scene = Scene::set().await;

    let damaged = scene.damage(&scene.user(), |bytes| bytes[BEFORE_PAYLOAD + 15] ^= 1).await;

    scene.until_found("user", &scene.user(), &damaged).await;
}

#[tokio::test]
async fn a_false_version_and_a_false_absence_are_found() {
    let scene = Scene::set().await;
    let falsified = scene.falsify(&scene.user(), |bytes| bytes[18] += 1).await;
    scene.until_found("user", &scene.user(), &falsified).await;
    let post = format!("post:{}", scene.post);

    let falsified = scene
        .falsify(&post, |bytes| {
            bytes[10] = 1;
            bytes.truncate(BEFORE_PAYLOAD);
        })
        .await;

    scene.until_found("post", &post, &falsified).await;
    assert_eq!(scene.bob.home().await, ["hello"]);
}

#[tokio::test]
async fn what_the_outbox_still_names_is_not_called_wrong() {
    let scene = Scene::set().await;
    let pool = scene.pool().await;
    let (mut writing, mut locking) = (pool.begin().await.expect("one"), pool.begin().await.expect("another"));
    let rename = sqlx::query("UPDATE users SET display_name = 'Ada', version = version + 1 WHERE username = 'ada'");
    rename.execute(&mut *writing).await.expect("the update");
    // Waits for the writer, so it comes before every relay that wants what the writer leaves.
    let lock = tokio::spawn(async move {
        let lock = sqlx::query("LOCK TABLE invalidation_outbox IN SHARE ROW EXCLUSIVE MODE");
        lock.execute(&mut *locking).await.expect("the lock");
        locking
    });
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'ShareRowExclusiveLock'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    soon(until(async || sqlx::query_scalar(waits).fetch_one(&pool).await.expect("an answer"))).await;

    let held = scene.entries.bytes(&scene.user()).await;
    writing.commit().await.expect("it commits");
    let locking = lock.await.expect("no panic");
    soon(until_checked(&scene.replica, "user", 4.0)).await;
    let held_then = scene.entries.bytes(&scene.user()).await;
    let counted = inconsistencies(&scene.replica, "user").await;
    locking.commit().await.expect("it commits");

    assert!(counted < 1.0, "{counted}");
    assert!(held_then.is_some() && held_then == held);
    let path = format!("/users/{}", scene.ada.id);
    soon(until(async || scene.replica.api().get_json(&path).await["display_name"] == "Ada")).await;
    assert!(inconsistencies(&scene.replica, "user").await < 1.0);
}

/// Writes whatever there is to write, through this replica, and reads it back.
async fn write_and_read(ada: &SignedIn, bob: &SignedIn, number: usize) {
    ada.api.patch(&format!("/users/{}", ada.id), &json!({ "bio": number.to_string() })).await;
    let post = ada.post(&number.to_string()).await;
    bob.api.delete(&format!("/users/{}/follow", ada.id)).await;
    bob.home().await;
    bob.follow(ada).await;
    bob.home().await;
    ada.api.patch(&format!("/posts/{post}"), &json!({ "body": format!("{number}, edited") })).await;
    bob.home().await;
    if number.is_multiple_of(2) {
        ada.api.delete(&format!("/posts/{post}")).await;
    }
}

#[tokio::test]
async fn a_storm_of_writes_raises_no_false_alarm() {
    let scene = Scene::set().await;
    let there = scene.backend.start().await;
    let (replicas, pool) = ([&scene.replica, &there], scene.pool().await);
    let by_hand = async {
        loop {
            let update = sqlx::query("UPDATE users SET bio = random()::text, version = version + 1");
            update.execute(&pool).await.expect("the update");
            there.api().get_json(&format!("/users/{}", scene.ada.id)).await;
            scene.replica.api().get_json(&format!("/users/{}", scene.bob.id)).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let writers = replicas.map(|replica| {
        let (ada, bob) = (scene.ada.at(replica.public), scene.bob.at(replica.public));
        async move {
            for number in 0.. {
                write_and_read(&ada, &bob, number).await;
            }
        }
    });
    let of_each_kind = |replica| KINDS.map(|entity| until_checked(replica, entity, 5.0));
    let checked = join_all(replicas.into_iter().flat_map(of_each_kind));

    tokio::select! {
        _all = soon(checked) => {}
        () = by_hand => {}
        _never = join_all(writers) => {}
    }

    for replica in replicas {
        for entity in KINDS {
            assert!(inconsistencies(replica, entity).await < 1.0, "{entity}");
        }
    }
}

#[tokio::test]
async fn an_entry_that_is_invalidated_often_is_compared_like_any_other() {
    let scene = Scene::set().await;
    let path = format!("/users/{}", scene.ada.id);

    for number in 0..20 {
        scene.ada.api.patch(&path, &json!({ "bio": number.to_string() })).await;
    }
    scene.ada.api.get_json(&path).await;
    soon(until_checked(&scene.replica, "user", 6.0)).await;

    assert!(inconsistencies(&scene.replica, "user").await < 1.0);
}

#[tokio::test]
async fn comparing_leaves_the_turns_to_readers() {
    let things = Things::with("old").await;
    let replica = things.replica_for(|config| config, permits(1)).await;
    replica.read(1).await;
    replica.hold_loads();
    let reading = replica.reading(&[2]);
    let load = replica.held_load().await;
    replica.let_loads_pass();

    let meanwhile = replica.verifier().compare(&[entry(1)]).await.expect("Redis answers");
    load.go_on();
    reading.all().await;
    let afterwards = replica.verifier().compare(&[entry(1)]).await.expect("Redis answers");

    assert_eq!((meanwhile.compared, afterwards.compared), (0, 1));
    assert!(afterwards.mismatches.is_empty());
}

#[tokio::test]
async fn what_was_written_since_it_was_compared_is_not_discarded() {
    let things = Things::with("old").await;
    let (replica, writer) = (things.replica().await, things.replica().await);
    replica.read(1).await;
    replica.hold_loads();
    let verifier = replica.verifier();
    let comparing = tokio::spawn(async move { verifier.compare(&[entry(1), entry(1)]).await });
    replica.held_load().await.go_on();
    let agreed = comparing.await.expect("no panic").expect("Redis answers");
    things.set(&things.pool, 1, "by hand").await;
    replica.let_loads_pass();
    let mut compared = replica.verifier().compare(&[entry(1)]).await.expect("Redis answers");

    things.write(&writer, 1, "new").await;
    writer.read(1).await;
    let differing = compared.mismatches.pop().expect("it differs");

    assert!(agreed.mismatches.is_empty());
    assert!(!replica.cache.discard(&differing).await.expect("Redis answers"));
    assert_eq!(body(&replica.read(1).await), Some("new"));
}

#[tokio::test]
async fn invalidated_entries_are_noted_for_the_self_check() {
    let things = Things::with("old").await;
    let replica = things.replica().await;

    things.write(&replica, 1, "new").await;
    replica.cache.invalidate_committed(&[entry(2)]).await.expect("Redis answers");

    assert_eq!(replica.cache.take_invalidated(), [entry(1), entry(2)]);
    assert_eq!(replica.cache.take_invalidated(), []);
}

/// The posts of a deleted user go by the cascade of Postgres, unfenced: no page shows a post without its author. The
/// relay sees to their entries before the self-check would call them wrong.
#[tokio::test]
async fn the_posts_of_a_deleted_user_leave_the_cache_without_an_alarm() {
    let backend = Backend::create().await;
    let (replica, entries) = (backend.start().await, Entries::of(&backend).await);
    let ada = replica.api().register("ada").await;
    let post = format!("post:{}", ada.post("hello").await);
    ada.api.get_json(&post.replace("post:", "/posts/")).await;
    entries.until(&post, Held::Value).await;

    ada.api.delete(&format!("/users/{}", ada.id)).await;

    entries.until(&post, Held::Nothing).await;
    assert_eq!(inconsistencies(&replica, "post").await.to_bits(), 0.0_f64.to_bits());
    soon(until(async || replica.metric("cache_invalidations_total", &["relay"]).await > 0.0)).await;
}
