//! The API as its clients see it.

use std::net::SocketAddr;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// A password that everybody in the tests has.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A client, signed in or not. Follows no redirect and keeps no cookie.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: reqwest::Client,
    address: SocketAddr,
    token: Option<String>,
}

/// Somebody who has registered and signed in.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// Their id.
    pub(crate) id: String,
    /// Their token.
    pub(crate) token: String,
    /// A client with that token.
    pub(crate) api: Api,
}

impl Api {
    /// A client of this replica.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { client, address, token: None }
    }

    /// The same client with this token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client, at another replica.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// A request, with the token if there is one.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("an answer")
    }

    /// GET, which succeeds, as JSON.
    pub(crate) async fn get_json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "GET {path}");
        response.json().await.expect("JSON")
    }

    /// Any method with a JSON body.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        self.request(method, path).json(body).send().await.expect("an answer")
    }

    /// POST.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Method::POST, path, body).await
    }

    /// PATCH.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Response {
        self.send(Method::PATCH, path, body).await
    }

    /// PUT without a body.
    pub(crate) async fn put(&self, path: &str) -> Response {
        self.request(Method::PUT, path).send().await.expect("an answer")
    }

    /// DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.request(Method::DELETE, path).send().await.expect("an answer")
    }

    /// Registers `username` and signs in.
    pub(crate) async fn register(&self, username: &str) -> SignedIn {
        let new = json!({ "username": username, "display_name": username, "password": PASSWORD });
        let response = self.post("/users", &new).await;
        assert_eq!(response.status(), StatusCode::CREATED, "registering {username}");
        let user: Value = response.json().await.expect("JSON");
        let token = self.sign_in(username).await;
        let id = user["id"].as_str().expect("an id").to_owned();
        SignedIn { id, api: self.with_token(&token), token }
    }

    /// Signs in with [`PASSWORD`]; gives the token.
    pub(crate) async fn sign_in(&self, username: &str) -> String {
        let response = self.post("/sessions", &json!({ "username": username, "password": PASSWORD })).await;
        assert_eq!(response.status(), StatusCode::CREATED, "signing in as {username}");
        let body: Value = response.json().await.expect("JSON");
        body["token"].as_str().expect("a token").to_owned()
    }
}

impl SignedIn {
    /// The same somebody, at another replica.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { api: self.api.at(address), ..self.clone() }
    }

    /// Makes a post; gives its id.
    pub(crate) async fn post(&self, body: &str) -> String {
        let response = self.api.post("/posts", &json!({ "body": body })).await;
        assert_eq!(response.status(), StatusCode::CREATED, "posting");
        let post: Value = response.json().await.expect("JSON");
        post["id"].as_str().expect("an id").to_owned()
    }

    /// Follows `other`.
    pub(crate) async fn follow(&self, other: &Self) {
        let response = self.api.put(&format!("/users/{}/follow", other.id)).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "following");
    }

    /// The bodies on the first page of one's home page.
    pub(crate) async fn home(&self) -> Vec<String> {
        bodies(&self.api.get_json("/home").await)
    }
}

/// The bodies of the posts on a page.
pub(crate) fn bodies(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|post| post["body"].as_str().expect("a body").to_owned()).collect()
}
