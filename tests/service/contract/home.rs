//! Home pages against an oracle: random small worlds, every page of everybody, equal to what SQL says, item for item.

use chrono::Utc;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{rows::Rows, service::Service};
use crate::{
    api::Api,
    application::{Backend, TestApplication},
};

const HOME_OF: &str = "SELECT id FROM posts WHERE author_id = $1
                          OR author_id IN (SELECT followee_id FROM follows WHERE follower_id = $1) ORDER BY id DESC";
const HOME: &str = "SELECT id FROM posts ORDER BY id DESC";

/// A random world: who follows whom, who wrote how much.
struct World {
    replicas: [TestApplication; 2],
    rows: Rows,
    users: Vec<(Uuid, String)>,
    random: StdRng,
    /// Goes last.
    _backend: Backend,
}

impl World {
    async fn random(seed: u64, mode: &str) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let backend = Backend::create().await.with("CACHE_MODE", mode);
        let replicas = [backend.start().await, backend.start().await];
        let rows = Rows::of(&backend).await;
        let ids = rows.insert_users(6).await;
        let mut users = Vec::new();
        for id in &ids {
            users.push((*id, rows.insert_session(*id, Utc::now()).await));
        }
        let pairs = ids.iter().flat_map(|one| ids.iter().map(move |other| (*one, *other)));
        let follows: Vec<_> = pairs.filter(|(one, other)| one != other && random.random_bool(0.4)).collect();
        rows.insert_follows(&follows).await;
        // One who writes much more than a timeline holds, some who write little, one who never wrote.
        let authors: Vec<Uuid> =
            (0..180).map(|_| ids[[0, 0, 0, 0, 1, 1, 2, 3, 4][random.random_range(0..9)]]).collect();
        rows.insert_posts(&authors).await;
        Self { replicas, rows, users, random, _backend: backend }
    }

    fn any_user(&mut self) -> (Uuid, Api) {
        let (id, token) = self.users[self.random.random_range(0..self.users.len())].clone();
        (id, self.replicas[self.random.random_range(0..2)].api().with_token(&token))
    }

    /// Somebody does something.
    async fn change(&mut self) {
        let ((author, api), (other, _)) = (self.any_user(), self.any_user());
        let posts = self.rows.ids("SELECT id FROM posts WHERE author_id = $1", Some(author)).await;
        let post = (!posts.is_empty()).then(|| format!("/posts/{}", posts[self.random.random_range(0..posts.len())]));
        let answer = match (self.random.random_range(0..6), post) {
            (0, _) => api.put(&format!("/users/{other}/follow")).await,
            (1, _) => api.delete(&format!("/users/{other}/follow")).await,
            (2, Some(post)) => api.delete(&post).await,
            (3, Some(post)) => api.patch(&post, &json!({ "body": self.random.random::<u32>().to_string() })).await,
            (4, _) => {
                api.patch(
                    &format!("/users/{author}"),
                    &json!({ "display_name": self.random.random::<u32>().to_string() }),
                )
                .await
            }
            _ => api.post("/posts", &json!({ "body": "new" })).await,
        };
        // Nobody follows oneself.
        assert!(answer.status().is_success() || answer.status() == StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    }

    async fn assert_everybody_sees_what_is_there(&mut self, about: &str) {
        for (id, token) in self.users.clone() {
            let api = self.replicas[self.random.random_range(0..2)].api().with_token(&token);
            let limit = [1, 2, 3, 20, 33, 100][self.random.random_range(0..6)];

            let shown = walk(&api, limit).await;

            assert_eq!(ids(&shown), self.rows.ids(HOME_OF, Some(id)).await, "{about}: {id} by {limit}");
            self.assert_items_are_right(&shown[..shown.len().min(5)]).await;
        }
    }

    async fn assert_items_are_right(&self, items: &[Value]) {
        for item in items {
            let id: Uuid = item["id"].as_str().expect("an id").parse().expect("an id");
            let (body, version, name): (String, i64, String) = sqlx::query_as(
                "SELECT body, p.version, display_name FROM posts p JOIN users u ON u.id = author_id WHERE p.id = $1",
            )
            .bind(id)
            .fetch_one(&self.rows.pool)
            .await
            .expect("the post");

            let shown = (&item["body"], &item["version"], &item["author"]["display_name"]);
            assert_eq!(shown, (&json!(body), &json!(version), &json!(name)));
        }
    }
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

async fn walk(api: &Api, limit: usize) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get_json(&format!("/home?limit={limit}{cursor}")).await;
        items.extend(page["items"].as_array().expect("items").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

async fn assert_worlds_are_shown_as_they_are(mode: &str) {
    for seed in [1, 2] {
        let mut world = World::random(seed, mode).await;
        world.assert_everybody_sees_what_is_there(&format!("{mode} {seed} cold")).await;
        for round in 0..6 {
            for _ in 0..8 {
                world.change().await;
            }
            world.assert_everybody_sees_what_is_there(&format!("{mode} {seed} after {round}")).await;
        }
    }
}

#[tokio::test]
async fn everybodys_home_is_what_sql_says_to_the_very_last_post() {
    assert_worlds_are_shown_as_they_are("redis").await;
}

#[tokio::test]
async fn everybodys_home_is_what_sql_says_out_of_copies() {
    assert_worlds_are_shown_as_they_are("near").await;
}

#[tokio::test]
async fn everybodys_home_is_what_sql_says_without_the_cache() {
    assert_worlds_are_shown_as_they_are("off").await;
}

#[tokio::test]
async fn the_anonymous_home_goes_on_past_the_front_page_to_the_very_last_post() {
    for mode in ["near", "redis", "off"] {
        let world = World::random(7, mode).await;
        let all = world.rows.ids(HOME, None).await;
        assert!(all.len() > 128);

        for limit in [7, 100] {
            let api = world.replicas[0].api();
            assert_eq!(api.get_json("/home").await["viewer"], Value::Null);
            assert_eq!(ids(&walk(&api, limit).await), all, "{mode} by {limit}");
        }
    }
}

#[tokio::test]
async fn edits_and_deletions_are_exact_on_the_anonymous_home() {
    let world = World::random(8, "near").await;
    let (anybody, author) = (world.replicas[1].api(), world.replicas[0].api().with_token(&world.users[0].1));
    let newest = ids(&walk(&author, 20).await);
    let own: Vec<_> =
        world.rows.ids("SELECT id FROM posts WHERE author_id = $1 ORDER BY id DESC", Some(world.users[0].0)).await;
    assert!(newest.contains(&own[0]));
    walk(&anybody, 100).await;

    author.delete(&format!("/posts/{}", own[0])).await;
    author.patch(&format!("/posts/{}", own[1]), &json!({ "body": "edited" })).await;
    author.patch(&format!("/users/{}", world.users[0].0), &json!({ "display_name": "Renamed" })).await;

    let shown = walk(&anybody, 20).await;
    assert_eq!(ids(&shown), world.rows.ids(HOME, None).await);
    world.assert_items_are_right(&shown[..20]).await;
    assert!(shown.iter().any(|item| item["body"] == "edited" && item["author"]["display_name"] == "Renamed"));
}

#[tokio::test]
async fn a_page_that_began_past_the_cache_goes_on_where_it_was_when_the_front_page_is_older() {
    let backend = Backend::create().await;
    let (cached, uncached) = (backend.start().await, backend.start_with(&[("CACHE_MODE", "off")]).await);
    let rows = Rows::of(&backend).await;
    let author = rows.insert_users(1).await[0];
    rows.insert_posts(&[author; 3]).await;
    assert_eq!(walk(&cached.api(), 2).await.len(), 3, "the front page has three posts now");
    rows.insert_posts(&[author; 10]).await;

    let first = uncached.api().get_json("/home?limit=4").await;
    let cursor = first["next_cursor"].as_str().expect("a second page");
    let second = cached.api().request(Method::GET, &format!("/home?limit=100&cursor={cursor}")).send().await;

    let second: Value = second.expect("an answer").json().await.expect("JSON");
    let all = rows.ids(HOME, None).await;
    assert_eq!(ids(second["items"].as_array().expect("items")), all[4..]);
}

#[tokio::test]
async fn a_home_page_says_whose_it_is() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    let home = ada.api.get_json("/home").await;

    assert_eq!(
        home,
        json!({ "viewer": { "id": ada.id, "username": "ada", "display_name": "ada" }, "items": [], "next_cursor": null })
    );
}
