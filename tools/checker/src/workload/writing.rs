//! The calls that write.

use http::{HeaderValue, Method};
use rand::RngExt;
use serde_json::json;

use super::{
    answers::{self, PostJson, UserJson},
    client::{Client, Exchange, get},
    connection::Call,
    population::{KnownPost, KnownSession, KnownUser},
};
use crate::{
    content,
    history::{Action, Field, Number, Outcome, Seen},
};

/// Sessions a new user begins with.
const SESSIONS: usize = 2;
/// Edits that are made under `If-Match`.
const CONDITIONAL: f64 = 0.3;

impl Client {
    /// A new user, signed in twice.
    pub async fn register(&mut self) {
        let (user, number) = (self.setting.population.next_user(), self.setting.population.next_write());
        let password = password_of(user, number);
        let body = json!({
            "username": content::username_of(user),
            "display_name": content::of_user(user, number),
            "bio": content::of_user(user, number),
            "password": password,
        });
        let exchange = self.call(&Call::new(Method::POST, "/users".to_owned()).with_body(&body)).await;
        self.record_write(&exchange, number, Action::CreateUser { user });
        let made = exchange.success().and_then(|answer| serde_json::from_slice::<UserJson<'_>>(&answer.body).ok());
        let Some(id) = made.map(|made| made.id) else { return };
        let known = KnownUser { user, id, password: Some(password), sessions: Vec::new() };
        self.setting.population.add_user(known.clone());
        for _ in 0..SESSIONS {
            self.sign_in(&known).await;
        }
    }

    pub(super) async fn edit_user(&mut self) {
        let Some(session) = self.setting.population.pick_session(&mut self.rng) else { return };
        let expected = if self.rng.random_bool(CONDITIONAL) { self.version_of(&session).await } else { None };
        let number = self.setting.population.next_write();
        let user = session.user;
        let (field, name) = if self.rng.random_bool(0.6) { (Field::Name, "display_name") } else { (Field::Bio, "bio") };
        let mut call = own_user(Method::PATCH, &session).with_body(&json!({name: content::of_user(user, number)}));
        call.if_match = expected.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok());
        let exchange = self.call(&call).await;
        let version = version_of_answer(&exchange);
        self.record_write(&exchange, number, Action::EditUser { user, field, version, expected });
        self.record_user(&exchange, Some(&session), user);
        self.read_user_again(user, session.user_id).await;
    }

    async fn version_of(&mut self, session: &KnownSession) -> Option<u32> {
        let exchange = self.call(&get("/users/me".to_owned()).with_token(&session.token)).await;
        self.record_user(&exchange, Some(session), session.user);
        let version = version_of_answer(&exchange);
        (version > 0).then_some(version)
    }

    /// Somebody posts.
    pub async fn create_post(&mut self) {
        let Some(session) = self.setting.population.pick_session(&mut self.rng) else { return };
        let (post, number) = (self.setting.population.next_post(), self.setting.population.next_write());
        let body = json!({"body": content::of_post(post, number)});
        let call = Call::new(Method::POST, "/posts".to_owned()).with_token(&session.token).with_body(&body);
        let exchange = self.call(&call).await;
        let made = exchange.success().and_then(|answer| serde_json::from_slice::<PostJson<'_>>(&answer.body).ok());
        let id = made.map(|made| made.id);
        let author = session.user;
        let action = Action::CreatePost { post, author, id: id.map_or(0, |id| id.as_u128()) };
        self.record_write(&exchange, number, action);
        self.record_read(&exchange, Some(&session), Seen::Nothing);
        if let Some(id) = id {
            self.setting.population.add_post(KnownPost { post, id, author });
            if self.rng.random_bool(0.3) {
                self.read_home_with(&session).await;
            }
        }
    }

    pub(super) async fn edit_post(&mut self) {
        let Some(post) = self.setting.population.pick_post(&mut self.rng) else { return };
        let Some(session) = self.setting.population.session_of(post.author, &mut self.rng) else { return };
        let condition = if self.rng.random_bool(CONDITIONAL) { self.tag_of(post).await } else { None };
        let number = self.setting.population.next_write();
        let mut call = one_post(Method::PATCH, post, &session);
        call = call.with_body(&json!({"body": content::of_post(post.post, number)}));
        call.if_match = condition.as_ref().map(|(tag, _)| tag.clone());
        let exchange = self.call(&call).await;
        let answer = exchange.success().map(|answer| answers::post(post.post, &answer.body));
        let version = match &answer {
            Some(Seen::Post { found: Some(found), .. }) => found.version,
            _ => 0,
        };
        let expected = condition.map(|(_, version)| version);
        self.record_write(&exchange, number, Action::EditPost { post: post.post, version, expected });
        self.record_read(&exchange, Some(&session), answer.unwrap_or(Seen::Nothing));
        self.read_post_again(post).await;
    }

    async fn tag_of(&mut self, post: KnownPost) -> Option<(HeaderValue, u32)> {
        let exchange = self.call(&get(format!("/posts/{}", post.id))).await;
        let answer = exchange.success()?;
        let seen = answers::post(post.post, &answer.body);
        let tag = match &seen {
            Seen::Post { found: Some(found), .. } => answer.etag.clone().map(|tag| (tag, found.version)),
            _ => None,
        };
        self.record_read(&exchange, None, seen);
        tag
    }

    pub(super) async fn delete_post(&mut self) {
        let Some(post) = self.setting.population.pick_post(&mut self.rng) else { return };
        let Some(session) = self.setting.population.session_of(post.author, &mut self.rng) else { return };
        let number = self.setting.population.next_write();
        let exchange = self.call(&one_post(Method::DELETE, post, &session)).await;
        self.record_write(&exchange, number, Action::DeletePost { post: post.post });
        self.record_read(&exchange, Some(&session), Seen::Nothing);
        if exchange.outcome() == Outcome::Done {
            self.setting.population.forget_post(post.post);
        }
        self.read_post_again(post).await;
    }

    /// Somebody follows somebody, or no longer.
    pub async fn change_follow(&mut self) {
        let Some(session) = self.setting.population.pick_session(&mut self.rng) else { return };
        let Some(followee) = self.setting.population.pick_user(&mut self.rng) else { return };
        let follower = session.user;
        if followee.user == follower {
            return;
        }
        let population = std::sync::Arc::clone(&self.setting.population);
        let Some(_turn) = population.take_turn(follower, followee.user) else { return };
        let follows = self.rng.random_bool(0.6);
        let method = if follows { Method::PUT } else { Method::DELETE };
        let number = population.next_write();
        let call = Call::new(method, format!("/users/{}/follow", followee.id)).with_token(&session.token);
        let exchange = self.call(&call).await;
        self.record_write(&exchange, number, Action::Follow { follower, followee: followee.user, follows });
        self.record_read(&exchange, Some(&session), Seen::Nothing);
        if self.rng.random_bool(0.5) {
            self.read_home_with(&session).await;
        }
    }

    pub(super) async fn delete_user(&mut self) {
        let Some(session) = self.setting.population.pick_session(&mut self.rng) else { return };
        let number = self.setting.population.next_write();
        let user = session.user;
        let exchange = self.call(&own_user(Method::DELETE, &session)).await;
        self.record_write(&exchange, number, Action::DeleteUser { user });
        self.record_read(&exchange, Some(&session), Seen::Nothing);
        if exchange.outcome() != Outcome::Refused {
            self.setting.population.forget_user(user);
        }
        self.read_user_again(user, session.user_id).await;
        self.read_oneself_with(&session).await;
    }
}

pub(super) fn password_of(user: Number, number: u32) -> String {
    format!("the password {number} of user {user}")
}

pub(super) fn own_user(method: Method, session: &KnownSession) -> Call {
    Call::new(method, format!("/users/{}", session.user_id)).with_token(&session.token)
}

fn one_post(method: Method, post: KnownPost, session: &KnownSession) -> Call {
    Call::new(method, format!("/posts/{}", post.id)).with_token(&session.token)
}

/// The version in a success that shows a user, else 0.
pub(super) fn version_of_answer(exchange: &Exchange) -> u32 {
    let answer = exchange.success().and_then(|answer| serde_json::from_slice::<UserJson<'_>>(&answer.body).ok());
    answer.map_or(0, |user| user.version)
}
