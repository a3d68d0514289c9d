//! Every endpoint that looks at credentials, and whom it is for.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::api::{Api, SignedIn};

/// Who an endpoint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// Whoever asks.
    Anyone,
    /// Whoever has signed in.
    SignedIn,
    /// Its owner; this is what others are told.
    Owner(u16, &'static str),
}

/// Every endpoint that looks at credentials.
pub(super) const ENDPOINTS: [(&str, &str, For); 19] = [
    ("GET", "/users", For::Anyone),
    ("GET", "/users/{user}", For::Anyone),
    ("GET", "/users/{user}/posts", For::Anyone),
    ("GET", "/users/{user}/followers", For::Anyone),
    ("GET", "/users/{user}/following", For::Anyone),
    ("GET", "/posts/{post}", For::Anyone),
    ("GET", "/home", For::Anyone),
    ("GET", "/users/me", For::SignedIn),
    ("GET", "/sessions", For::SignedIn),
    ("POST", "/posts", For::SignedIn),
    ("PUT", "/users/{user}/follow", For::SignedIn),
    ("DELETE", "/users/{user}/follow", For::SignedIn),
    ("DELETE", "/sessions/{session}", For::Owner(404, "not-found")),
    ("PATCH", "/posts/{post}", For::Owner(403, "not-allowed")),
    ("DELETE", "/posts/{post}", For::Owner(403, "not-allowed")),
    ("PATCH", "/users/{user}", For::Owner(403, "not-allowed")),
    ("DELETE", "/users/{user}", For::Owner(403, "not-allowed")),
    ("DELETE", "/sessions/current", For::SignedIn),
    ("DELETE", "/sessions", For::SignedIn),
];

/// What the paths name: things of Ada's.
pub(super) struct Things {
    /// Whose they are.
    pub(super) ada: SignedIn,
    post: String,
    session: String,
}

impl Things {
    /// Her things, made.
    pub(super) async fn of(ada: SignedIn) -> Self {
        let post = ada.post("hello").await;
        let sessions = ada.api.get_json("/sessions").await;
        let session = sessions["items"][0]["id"].as_str().expect("an id").to_owned();
        Self { ada, post, session }
    }

    fn path(&self, template: &str) -> String {
        let named = [("{user}", &self.ada.id), ("{post}", &self.post), ("{session}", &self.session)];
        named.iter().fold(template.to_owned(), |path, (name, id)| path.replace(name, id))
    }

    /// Asks an endpoint about them, with these fields.
    pub(super) async fn ask(&self, api: &Api, endpoint: (&str, &str, For), fields: &[(&str, &str)]) -> Response {
        ask(api, endpoint.0, &self.path(endpoint.1), fields).await
    }
}

fn body(method: &str, path: &str) -> Option<Value> {
    match method {
        "POST" | "PATCH" if path.starts_with("/posts") => Some(json!({ "body": "changed" })),
        "PATCH" => Some(json!({ "bio": "changed" })),
        _ => None,
    }
}

/// A request with the body that its endpoint wants.
pub(super) async fn ask(api: &Api, method: &str, path: &str, fields: &[(&str, &str)]) -> Response {
    let mut request = api.request(Method::from_bytes(method.as_bytes()).expect("a method"), path);
    if let Some(body) = body(method, path) {
        request = request.json(&body);
    }
    request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("an answer")
}
