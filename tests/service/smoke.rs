//! The whole way, once: register, post, follow, see it at home, on two replicas, in every cache mode.

use reqwest::StatusCode;

use crate::{api::bodies, application::Backend, replica::Replica};

#[tokio::test]
async fn a_post_is_seen_at_home_on_every_replica_and_in_every_mode() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let there = backend.start_with(&[("CACHE_MODE", "off")]).await;
    let (ada, bob) = (here.api().register("ada").await, here.api().register("bob").await);
    bob.follow(&ada).await;
    assert_eq!(bob.home().await, Vec::<String>::new());

    let post = ada.post("hello").await;

    assert_eq!(bob.home().await, ["hello"]);
    assert_eq!(bodies(&bob.api.at(there.public).get_json("/home").await), ["hello"]);
    assert_eq!(bodies(&here.api().get_json(&format!("/users/{}/posts", ada.id)).await), ["hello"]);

    assert_eq!(ada.api.at(there.public).delete(&format!("/posts/{post}")).await.status(), StatusCode::NO_CONTENT);

    assert_eq!(bob.home().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_binary_serves_what_the_library_serves() {
    let backend = Backend::create().await;
    let replica = Replica::start(backend.variables(&[])).await;

    let ada = replica.api().register("ada").await;

    assert_eq!(ada.api.get_json("/users/me").await["username"], "ada");
}
