//! Every list, page by page to its very end, while items come and go: none twice, none skipped, null at the end only.

use chrono::Utc;
use reqwest::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::{rows::Rows, service::Service};
use crate::api::Api;

/// A user with everything that lists can show.
struct World {
    service: Service,
    rows: Rows,
    ada: Uuid,
    api: Api,
}

/// What a step between two pages does to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    InsertAndDelete,
}

async fn world(mode: &str) -> World {
    let service = Service::start_with(&[("CACHE_MODE", mode)]).await;
    let rows = Rows::of(&service.backend).await;
    let users = rows.insert_users(45).await;
    let ada = users[0];
    let others = &users[1..];
    rows.insert_follows(&others.iter().flat_map(|other| [(ada, *other), (*other, ada)]).collect::<Vec<_>>()).await;
    rows.insert_posts(&(0..150).map(|nth| users[nth % 3]).collect::<Vec<_>>()).await;
    let mut token = String::new();
    for _ in 0..30 {
        token = rows.insert_session(ada, Utc::now()).await;
    }
    let api = service.api().with_token(&token);
    World { service, rows, ada, api }
}

impl World {
    fn lists(&self) -> Vec<(String, Api)> {
        let of = |list: &str| (format!("/users/{}/{list}", self.ada), self.service.api());
        vec![
            ("/users".to_owned(), self.service.api()),
            ("/sessions".to_owned(), self.api.clone()),
            ("/home".to_owned(), self.api.clone()),
            ("/home".to_owned(), self.service.api()),
            of("posts"),
            of("followers"),
            of("following"),
        ]
    }

    /// A new item of every list, at its beginning; and the end of one that is there, away from where anybody reads.
    async fn come_and_go(&self, last_seen: &str) {
        let newcomer = self.rows.insert_users(1).await[0];
        self.rows.insert_follows(&[(self.ada, newcomer), (newcomer, self.ada)]).await;
        self.rows.insert_session(self.ada, Utc::now()).await;
        let post = self.api.post("/posts", &serde_json::json!({ "body": "new" })).await;
        assert_eq!(post.status(), StatusCode::CREATED);
        // The item that the cursor names is not there any more when the cursor is used.
        let deleted = self.api.delete(&format!("/posts/{last_seen}")).await;
        assert!([204, 403, 404].contains(&deleted.status().as_u16()));
    }
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// All ids of a list, and how many items each page had.
async fn walk(world: &World, api: &Api, path: &str, limit: usize, meanwhile: Meanwhile) -> (Vec<String>, Vec<usize>) {
    let (mut seen, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = api.get_json(&format!("{path}?limit={limit}{cursor}")).await;
        sizes.push(ids(&page).len());
        seen.extend(ids(&page));
        match &page["next_cursor"] {
            Value::Null => return (seen, sizes),
            next => cursor = format!("&cursor={}", next.as_str().expect("a cursor")),
        }
        if meanwhile == Meanwhile::InsertAndDelete && sizes.len() < 4 {
            world.come_and_go(seen.last().expect("an item")).await;
        }
    }
}

async fn assert_lists_are_walked_whole(mode: &str) {
    let world = world(mode).await;
    for (path, api) in world.lists() {
        let (whole, _) = walk(&world, &api, &path, 100, Meanwhile::Nothing).await;
        assert!(whole.len() >= 30, "{path}");
        for limit in [1, 2, 3, 20] {
            let (seen, sizes) = walk(&world, &api, &path, limit, Meanwhile::Nothing).await;

            assert_eq!(seen, whole, "{mode} {path} by {limit}");
            let (last, full) = sizes.split_last().expect("a page");
            assert!(
                full.iter().all(|size| *size == limit) && (1..=limit).contains(last),
                "{path} by {limit}: {sizes:?}"
            );
        }
    }
}

#[tokio::test]
async fn pages_of_any_size_make_the_same_list() {
    assert_lists_are_walked_whole("redis").await;
}

#[tokio::test]
async fn pages_of_any_size_make_the_same_list_without_the_cache() {
    assert_lists_are_walked_whole("off").await;
}

#[tokio::test]
async fn who_pages_while_items_come_and_go_sees_all_that_stayed_once() {
    let world = world("redis").await;

    for (path, api) in world.lists() {
        let (before, _) = walk(&world, &api, &path, 100, Meanwhile::Nothing).await;

        let (seen, _) = walk(&world, &api, &path, 3, Meanwhile::InsertAndDelete).await;

        assert_eq!(seen, before, "{path}: what came is above, what went was seen before it went");
    }
}

#[tokio::test]
async fn a_list_that_just_fills_a_page_ends_with_it() {
    let service = Service::start().await;
    let rows = Rows::of(&service.backend).await;
    let users = rows.insert_users(4).await;
    rows.insert_posts(&[users[0]; 4]).await;
    let token = rows.insert_session(users[0], Utc::now()).await;

    for (api, path) in [
        (service.api(), "/users".to_owned()),
        (service.api(), "/home".to_owned()),
        (service.api().with_token(&token), "/home".to_owned()),
        (service.api(), format!("/users/{}/posts", users[0])),
    ] {
        let full = api.get_json(&format!("{path}?limit=4")).await;
        let part = api.get_json(&format!("{path}?limit=3")).await;

        assert_eq!((ids(&full).len(), &full["next_cursor"]), (4, &Value::Null), "{path}");
        assert!(part["next_cursor"].is_string(), "{path}");
    }
}
