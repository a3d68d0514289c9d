//! Home pages that a replica keeps as long as nothing on them has changed: whatever changes, wherever, is on the next one.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    api::{Api, SignedIn, bodies},
    application::{Backend, TestApplication},
};

/// Reads a home page until the replica keeps it: then no cell is asked for any more.
async fn until_kept(replica: &TestApplication, api: &Api) -> Value {
    let cells = async || replica.metric("cache_requests_total", &["timeline"]).await;
    for _read in 0..100 {
        let before = cells().await;
        let page = api.get_json("/home").await;
        if before > 0.0 && cells().await.to_bits() == before.to_bits() {
            return page;
        }
    }
    panic!("the page is not kept");
}

/// Bob follows Ada and has a kept page; whatever is done is done by way of another replica.
struct Scene {
    backend: Backend,
    here: TestApplication,
    _there: TestApplication,
    ada: SignedIn,
    bob: SignedIn,
    post: String,
}

impl Scene {
    async fn new() -> Self {
        let backend = Backend::create().await;
        let (here, there) = (backend.start().await, backend.start().await);
        let (ada, bob) = (there.api().register("ada").await, there.api().register("bob").await);
        bob.follow(&ada).await;
        let post = ada.post("first").await;
        let scene = Self { backend, here, _there: there, ada, bob, post };
        assert_eq!(bodies(&scene.kept().await), ["first"]);
        scene
    }

    fn bob_here(&self) -> Api {
        self.bob.at(self.here.public).api
    }

    async fn kept(&self) -> Value {
        until_kept(&self.here, &self.bob_here()).await
    }

    async fn home(&self) -> Value {
        self.bob_here().get_json("/home").await
    }
}

#[tokio::test]
async fn a_new_post_is_on_it() {
    let scene = Scene::new().await;

    scene.ada.post("second").await;

    assert_eq!(bodies(&scene.home().await), ["second", "first"]);
}

#[tokio::test]
async fn an_edited_post_is_on_it_as_it_is_now() {
    let scene = Scene::new().await;

    scene.ada.api.patch(&format!("/posts/{}", scene.post), &json!({ "body": "edited" })).await;

    assert_eq!(bodies(&scene.home().await), ["edited"]);
}

#[tokio::test]
async fn a_deleted_post_is_not_on_it() {
    let scene = Scene::new().await;

    scene.ada.api.delete(&format!("/posts/{}", scene.post)).await;

    assert!(bodies(&scene.home().await).is_empty());
}

#[tokio::test]
async fn authors_and_viewer_have_the_names_that_they_have_now() {
    let scene = Scene::new().await;

    scene.ada.api.patch(&format!("/users/{}", scene.ada.id), &json!({ "display_name": "Ada L." })).await;
    assert_eq!(scene.home().await["items"][0]["author"]["display_name"], "Ada L.");
    scene.kept().await;
    scene.bob.api.patch(&format!("/users/{}", scene.bob.id), &json!({ "display_name": "Bob B." })).await;

    assert_eq!(scene.home().await["viewer"]["display_name"], "Bob B.");
}

#[tokio::test]
async fn whom_one_follows_now_is_on_it_and_whom_one_left_is_not() {
    let scene = Scene::new().await;

    scene.bob.api.delete(&format!("/users/{}/follow", scene.ada.id)).await;
    assert!(bodies(&scene.home().await).is_empty());
    scene.kept().await;
    scene.bob.follow(&scene.ada).await;

    assert_eq!(bodies(&scene.home().await), ["first"]);
}

#[tokio::test]
async fn nobody_who_was_deleted_is_on_it() {
    let scene = Scene::new().await;

    scene.ada.api.delete(&format!("/users/{}", scene.ada.id)).await;

    assert!(bodies(&scene.home().await).is_empty());
}

#[tokio::test]
async fn it_is_kept_for_each_viewer_and_size_by_itself() {
    let scene = Scene::new().await;
    scene.ada.post("second").await;
    scene.kept().await;

    let shorter = scene.bob_here().get_json("/home?limit=1").await;
    let of_ada = scene.ada.at(scene.here.public).api.get_json("/home").await;
    let of_nobody = scene.here.api().get_json("/home").await;

    assert_eq!(bodies(&shorter), ["second"]);
    assert_eq!(of_ada["viewer"]["username"], "ada");
    assert_eq!(of_nobody["viewer"], Value::Null);
    assert_eq!(scene.home().await["viewer"]["username"], "bob");
}

#[tokio::test]
async fn it_is_served_past_the_soft_ends_of_its_cells_and_made_again_before_they_end() {
    let scene = Scene::new().await;
    let count = async |name| scene.here.metric(name, &["timeline"]).await;
    let (asked, loaded) = (count("cache_requests_total").await, count("cache_loads_total").await);

    // Of ten minutes' life, cells are due after 405 to 450 s, and certainly live for two minutes more.
    scene.here.clock.advance(TimeDelta::seconds(455));
    assert_eq!(bodies(&scene.home().await), ["first"]);
    let asked_when_due = count("cache_requests_total").await;
    scene.here.clock.advance(TimeDelta::seconds(60));
    let refreshed = async {
        while count("cache_loads_total").await <= loaded {
            assert_eq!(bodies(&scene.home().await), ["first"]);
        }
    };

    assert_eq!(asked_when_due.to_bits(), asked.to_bits(), "it is served as it is");
    timeout(Duration::from_secs(20), refreshed).await.expect("it is made again in the background");
}

#[tokio::test]
async fn it_is_not_served_past_the_lives_of_its_cells() {
    let scene = Scene::new().await;
    let asked = async || scene.here.metric("cache_requests_total", &["timeline"]).await;
    let before = asked().await;

    // Nobody has read it since, so nobody has had it made again.
    scene.here.clock.advance(TimeDelta::seconds(601));
    scene.home().await;

    assert!(asked().await > before, "it is as old as no cell may be");
}

#[tokio::test]
async fn it_is_kept_when_it_was_made_of_what_redis_held() {
    let scene = Scene::new().await;
    let third = scene.backend.start().await;
    let api = scene.bob.at(third.public).api;
    let count = async || third.metric("cache_requests_total", &["timeline"]).await;

    api.get_json("/home").await;
    let asked = count().await;
    api.get_json("/home").await;

    assert!(asked > 0.0);
    assert_eq!(count().await.to_bits(), asked.to_bits());
}
