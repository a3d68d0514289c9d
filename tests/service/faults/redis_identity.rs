//! A primary that comes back with what it held before: promoted again, or at the other end of a connection that was moved.
//! What was written under another mastership is not shown, though the process and its keys are the same.

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::Value;

use super::{missing, redis_away::rename, until};
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
    own_redis::OwnRedis,
    proxy::Proxy,
    replica::Replica,
};

const AUTHORS: usize = 10;

/// Makes `replica` hold what `primary` holds, and go on doing so.
async fn follow(replica: &OwnRedis, primary: &OwnRedis) {
    let port = primary.url.port().expect("a port").to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]).await;
    until(async || {
        let info: String = redis::from_redis_value(replica.command(&["INFO", "replication"]).await).expect("a text");
        info.contains("master_link_status:up")
    })
    .await;
}

/// Makes `from`'s replica the primary, and `from` its replica; the address leads there, over new connections.
async fn fail_over(proxy: &Proxy, from: &OwnRedis, to: &OwnRedis) {
    to.command(&["REPLICAOF", "NO", "ONE"]).await;
    follow(from, to).await;
    proxy.lead_to(&[&to.url]);
    proxy.cut_connections();
}

/// Reads a post; gives its author's name, and whether it came out of the cache.
async fn author_of(reader: &SignedIn, post: &str) -> (String, bool) {
    let answer = reader.api.get(&format!("/posts/{post}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let is_hit = answer.headers()["cache-status"].to_str().is_ok_and(|status| status.contains("hit"));
    let post: Value = answer.json().await.expect("JSON");
    (post["author"]["display_name"].as_str().expect("a name").to_owned(), is_hit)
}

/// Reads each post, at each of the replicas, until all come out of the cache; the names must be right from the first on.
async fn until_all_are_hits(readers: &[SignedIn], posts: &[String], name: &str) {
    until(async || {
        let mut are_hits = true;
        for reader in readers {
            for post in posts {
                let (author, is_hit) = author_of(reader, post).await;
                assert_eq!(author, name, "a post as it was before");
                are_hits &= is_hit;
            }
        }
        are_hits
    })
    .await;
}

async fn nothing_old_is_shown_after_a_fail_back(mode: &str) {
    let (one, other) = (OwnRedis::start().await, OwnRedis::start().await);
    follow(&other, &one).await;
    let proxy = Proxy::start(&one.url).await;
    let backend = Backend::create().await.with("REDIS_URL", proxy.url(&one.url)).with("CACHE_MODE", mode);
    let (here, there) = (backend.start().await, backend.start().await);
    let (mut authors, mut posts) = (Vec::new(), Vec::new());
    for author in 0..AUTHORS {
        let author = here.api().register(&format!("author{author}")).await;
        rename(&author, "old").await;
        posts.push(author.post("hello").await);
        authors.push(author);
    }
    let leaver = here.api().register("leaver").await;
    let readers = [authors[0].clone(), authors[0].at(there.public)];
    until_all_are_hits(&readers, &posts, "old").await;
    for replica in [&here, &there] {
        leaver.at(replica.public).api.get_json("/users/me").await;
    }

    fail_over(&proxy, &one, &other).await;
    until_all_are_hits(&readers, &posts, "old").await;
    for author in &authors {
        rename(author, "new").await;
    }
    assert_eq!(leaver.api.delete("/sessions/current").await.status(), StatusCode::NO_CONTENT);
    fail_over(&proxy, &other, &one).await;

    until_all_are_hits(&readers, &posts, "new").await;
    for replica in [&here, &there] {
        let answer = leaver.at(replica.public).api.get("/users/me").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "the token was signed out");
    }
}

#[tokio::test]
async fn entries_of_a_former_mastership_are_not_shown_after_a_fail_back() {
    nothing_old_is_shown_after_a_fail_back("redis").await;
}

#[tokio::test]
async fn near_entries_and_entries_of_a_former_mastership_are_not_shown_after_a_fail_back() {
    nothing_old_is_shown_after_a_fail_back("near").await;
}

/// A server that holds what another held a moment ago, and goes its own way since.
async fn copy_of(redis: &OwnRedis) -> OwnRedis {
    let copy = OwnRedis::start().await;
    follow(&copy, redis).await;
    copy.command(&["REPLICAOF", "NO", "ONE"]).await;
    copy
}

/// A replica whose Redis can be moved, and a post of an author whose name was `old` when the copy was made and is `new` now.
struct Moved {
    redis: OwnRedis,
    older: OwnRedis,
    proxy: Proxy,
    replica: TestApplication,
    author: SignedIn,
    post: String,
    _backend: Backend,
}

impl Moved {
    async fn scene(mode: &str) -> Self {
        let redis = OwnRedis::start().await;
        // The first replica that comes changes the identity, so it comes first.
        drop(copy_of(&redis).await);
        let proxy = Proxy::start(&redis.url).await;
        let backend = Backend::create().await.with("REDIS_URL", proxy.url(&redis.url)).with("CACHE_MODE", mode);
        let replica = backend.start().await;
        let author = replica.api().register("author").await;
        rename(&author, "old").await;
        let post = author.post("hello").await;
        until_all_are_hits(std::slice::from_ref(&author), std::slice::from_ref(&post), "old").await;
        let older = copy_of(&redis).await;
        rename(&author, "new").await;
        until_all_are_hits(std::slice::from_ref(&author), std::slice::from_ref(&post), "new").await;
        Self { redis, older, proxy, replica, author, post, _backend: backend }
    }

    /// It may take a moment until the move is noticed.
    async fn until_new_and_from_cache(&self) {
        until(async || {
            let mut are_new = true;
            for _ in 0..50 {
                let (author, is_hit) = author_of(&self.author, &self.post).await;
                are_new &= author == "new" && is_hit;
            }
            are_new && missing(&self.replica).await.is_empty()
        })
        .await;
    }
}

#[tokio::test]
async fn open_connections_that_are_moved_to_a_server_with_older_data_are_given_up() {
    // Near entries, which are new, would hide what the server holds.
    let scene = Moved::scene("redis").await;

    scene.proxy.lead_to(&[&scene.older.url]);
    scene.proxy.move_connections();
    until(async || clients(&scene.redis).await == 1).await;
    // New connections show nothing of the move: only the probes of the moved ones can.
    scene.proxy.lead_to(&[&scene.redis.url]);

    until(async || clients(&scene.older).await == 1).await;
    scene.until_new_and_from_cache().await;
}

/// How many connections a server has, with the one that asks.
async fn clients(redis: &OwnRedis) -> usize {
    let list: String = redis::from_redis_value(redis.command(&["CLIENT", "LIST"]).await).expect("a text");
    list.lines().count()
}

#[tokio::test]
async fn connections_follow_an_address_that_was_moved_to_a_server_with_older_data() {
    let scene = Moved::scene("near").await;
    let mget_before = scene.older.calls_of("evalsha").await;

    // The connections that there are stay where they are, and nothing is wrong with them.
    scene.proxy.lead_to(&[&scene.older.url]);
    until(async || scene.older.calls_of("evalsha").await > mget_before + 10).await;

    scene.until_new_and_from_cache().await;
    scene.redis.signal(Signal::SIGSTOP);
    scene.until_new_and_from_cache().await;
    scene.redis.signal(Signal::SIGCONT);
}

#[tokio::test]
async fn a_redis_whose_first_replica_comes_is_used_on() {
    let redis = OwnRedis::start().await;
    let backend = Backend::create().await.with("REDIS_URL", redis.url.as_str());
    let replica = Replica::start(backend.variables(&[])).await;
    let author = replica.api().register("author").await;
    let post = author.post("hello").await;
    let (author, posts) = ([author], [post]);
    until_all_are_hits(&author, &posts, "author").await;

    let _replica_of_redis = copy_of(&redis).await;
    rename(&author[0], "renamed").await;

    until_all_are_hits(&author, &posts, "renamed").await;
}
