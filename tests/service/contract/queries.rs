//! Queries: what a list understands, and that what it does not is said, never ignored.

use serde_json::Value;

use super::{answers::problem, service::Service};
use crate::api::SignedIn;

fn lists(ada: &SignedIn) -> Vec<String> {
    let of = |list: &str| format!("/users/{}/{list}", ada.id);
    vec!["/users".into(), "/home".into(), "/sessions".into(), of("posts"), of("followers"), of("following")]
}

#[tokio::test]
async fn a_bad_parameter_is_named() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for path in lists(&ada) {
        for (query, parameter) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=abc", "limit"),
            ("limit=", "limit"),
            ("limit=1.0", "limit"),
            ("limit=99999999999999999999", "limit"),
            ("limit=5&limit=5", "limit"),
            ("cursor=", "cursor"),
            ("cursor=nonsense", "cursor"),
            ("cursor=%00", "cursor"),
            ("cursor=%ff", "cursor"),
            ("Limit=5", "Limit"),
            ("offset=5", "offset"),
        ] {
            let document = problem(ada.api.get(&format!("{path}?{query}")).await, 400, "invalid-query").await;

            assert_eq!(document["errors"][0]["parameter"], parameter, "{path}?{query}");
            assert_eq!(document["errors"][0]["pointer"], Value::Null);
        }
    }
}

#[tokio::test]
async fn every_limit_from_one_to_a_hundred_is_taken_however_it_is_escaped() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for path in lists(&ada) {
        for query in ["limit=1", "limit=100", "limit=%32%30", "&limit=2&", ""] {
            assert_eq!(ada.api.get(&format!("{path}?{query}")).await.status(), 200, "{path}?{query}");
        }
    }
}

#[tokio::test]
async fn one_thing_takes_no_query_and_minds_none() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for path in [format!("/users/{}", ada.id), "/users/me".to_owned(), format!("/posts/{}", ada.post("x").await)] {
        assert_eq!(ada.api.get(&format!("{path}?utm_source=mail&limit=0")).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_the_list_it_came_from_and_as_it_came() {
    let application = Service::start().await;
    let (ada, bob) = (application.api().register("ada").await, application.api().register("bob").await);
    let paths = [lists(&ada), lists(&bob)].concat();
    for (user, name) in [(&ada, "ada"), (&bob, "bob")] {
        user.post("one").await;
        user.post("two").await;
        application.api().sign_in(name).await;
    }

    for made_by in ["/users", "/home", "/sessions", &format!("/users/{}/posts", ada.id)] {
        let page = ada.api.get_json(&format!("{made_by}?limit=1")).await;
        let cursor = page["next_cursor"].as_str().expect("a second page").to_owned();
        assert_eq!(ada.api.get(&format!("{made_by}?cursor={cursor}")).await.status(), 200);

        for path in paths.iter().filter(|path| *path != made_by) {
            problem(ada.api.get(&format!("{path}?cursor={cursor}")).await, 400, "invalid-query").await;
        }
        if ["/home", "/sessions"].contains(&made_by) {
            problem(bob.api.get(&format!("{made_by}?cursor={cursor}")).await, 400, "invalid-query").await;
        }
        for at in 0..cursor.len() {
            let mut flipped = cursor.clone().into_bytes();
            flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
            let flipped = String::from_utf8(flipped).expect("ASCII");
            problem(ada.api.get(&format!("{made_by}?cursor={flipped}")).await, 400, "invalid-query").await;
        }
    }
}
