//! Requests that are garbage with a structure: real paths, odd values, the same ones for the same seed.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, RequestBuilder, header::HeaderValue};

use crate::api::Api;

const METHODS: [&str; 9] = ["GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"];
/// Those that paths take which take few.
const FITTING: [(&str, &str); 6] = [
    ("/users", "POST"),
    ("/sessions", "POST"),
    ("/posts", "POST"),
    ("/users/{id}", "PATCH"),
    ("/posts/{id}", "PATCH"),
    ("/users/{id}/follow", "PUT"),
];
const PATHS: [&str; 14] = [
    "/users",
    "/users/me",
    "/users/{id}",
    "/users/{id}/posts",
    "/users/{id}/followers",
    "/users/{id}/following",
    "/users/{id}/follow",
    "/sessions",
    "/sessions/current",
    "/sessions/{id}",
    "/posts",
    "/posts/{id}",
    "/home",
    "/{id}",
];
const QUERIES: [&str; 12] = [
    "",
    "",
    "",
    "?limit=5",
    "?limit=-0",
    "?limit=%00&cursor=%00",
    "?cursor=%ff%fe",
    "?cursor=AAAA",
    "?username=%F0%9F%98%80",
    "?username=ada",
    "?limit[]=1&a=b=c&&&=",
    "?username=ada&limit=100&cursor=",
];
const FIELDS: [&str; 10] = [
    "if-match",
    "if-none-match",
    "cookie",
    "authorization",
    "content-type",
    "accept-encoding",
    "range",
    "x-forwarded-for",
    "expect",
    "content-encoding",
];
const VALUES: [&[u8]; 14] = [
    b"",
    b"*",
    b"\"1\"",
    b"W/\"1\", \"",
    b"\xff\xfe",
    b"aside_session=x",
    b"Bearer",
    b"Bearer \xc3\xa9",
    b"application/json",
    b"bytes=0-0",
    b"gzip;q=x, br;q=1e9, *;q=0",
    b"::1, 1.2.3.4:99999, \"",
    b"identity",
    b"application/json;;;=",
];
const NO_IDS: [&str; 5] = ["01a209a9-865f-7046-8b16-f8f63f8932be", "%00", "%2e%2e%2f", "me", "{}"];
const JSON: [&str; 16] = [
    "null",
    "true",
    "7",
    "-1e400",
    "1e999",
    "\"\"",
    "\"ada\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\u{202e}\u{1f600}\"",
    "[]",
    "[[[[]]]]",
    "{}",
    "{\"a\":{\"b\":[null]}}",
    "\"correct horse battery staple\"",
    "0.1",
];
const MEMBERS: [&str; 9] =
    ["username", "display_name", "password", "current_password", "bio", "body", "version", "", "\\u0000"];

/// Where it comes from.
pub(super) struct Garbage {
    random: StdRng,
    ids: Vec<String>,
}

impl Garbage {
    /// About these ids and some that are none.
    pub(super) fn new(seed: u64, known: &[&str]) -> Self {
        let ids = known.iter().chain(&NO_IDS).map(|&id| id.to_owned()).collect();
        Self { random: StdRng::seed_from_u64(seed), ids }
    }

    /// A method and a path.
    pub(super) fn target(&mut self) -> (Method, String) {
        let (path, method) = if self.random.random_bool(0.5) {
            FITTING[self.random.random_range(0..FITTING.len())]
        } else {
            (self.one_of(&PATHS), self.one_of(&METHODS))
        };
        let nth = self.random.random_range(0..self.ids.len());
        let path = format!("{}{}", path.replace("{id}", &self.ids[nth]), self.one_of(&QUERIES));
        (Method::from_bytes(method.as_bytes()).expect("a method"), path)
    }

    /// A request, with up to two odd fields and perhaps a body.
    pub(super) fn request(&mut self, api: &Api, method: Method, path: &str) -> RequestBuilder {
        let mut request = api.request(method, path);
        let odd_fields = [0, 0, 0, 1, 2][self.random.random_range(0..5)];
        for _ in 0..odd_fields {
            let (name, value) = (self.one_of(&FIELDS), self.one_of(&VALUES));
            request = request.header(name, HeaderValue::from_bytes(value).expect("bytes that fields may have"));
        }
        if self.random.random_bool(0.6) {
            request = request.header("content-type", "application/json").body(self.body());
        }
        request
    }

    fn one_of<'a, T: ?Sized>(&mut self, things: &[&'a T]) -> &'a T {
        things[self.random.random_range(0..things.len())]
    }

    fn body(&mut self) -> String {
        let members = self.random.random_range(0..5);
        let members: Vec<_> =
            (0..members).map(|_| format!("\"{}\":{}", self.one_of(&MEMBERS), self.one_of(&JSON))).collect();
        let whole = format!("{{{}}}", members.join(","));
        match self.random.random_range(0..10) {
            0 => {
                let length = self.random.random_range(0..=whole.chars().count());
                whole.chars().take(length).collect()
            }
            1 => self.one_of(&JSON).to_owned(),
            2 => whole.repeat(2),
            _ => whole,
        }
    }
}
