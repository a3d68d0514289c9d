//! The calls that read.

use http::StatusCode;
use rand::RngExt;
use uuid::Uuid;

use super::{
    answers,
    client::{Client, Exchange, get},
    population::{Everything, KnownPost, KnownSession},
};
use crate::history::{Number, ReplicaNumber, Seen};

impl Client {
    pub(super) async fn read_user(&mut self) {
        if let Some((user, id)) = self.setting.population.pick_user_to_see(&mut self.rng) {
            let exchange = self.call(&get(format!("/users/{id}"))).await;
            self.record_user(&exchange, None, user);
        }
    }

    pub(super) async fn read_post(&mut self) {
        if let Some(post) = self.setting.population.pick_post_to_see(&mut self.rng) {
            let exchange = self.call(&get(format!("/posts/{}", post.id))).await;
            self.record_post(&exchange, post);
        }
    }

    pub(super) async fn read_oneself(&mut self) {
        if let Some(session) = self.setting.population.pick_session_to_try(&mut self.rng) {
            self.read_oneself_with(&session).await;
        }
    }

    pub(super) async fn read_oneself_with(&mut self, session: &KnownSession) {
        let exchange = self.call(&get("/users/me".to_owned()).with_token(&session.token)).await;
        self.record_user(&exchange, Some(session), session.user);
    }

    pub(super) async fn read_home(&mut self) {
        if let Some(session) = self.setting.population.pick_session_to_try(&mut self.rng) {
            self.read_home_with(&session).await;
        }
    }

    pub(super) async fn read_home_with(&mut self, session: &KnownSession) {
        let exchange = self.call(&get("/home".to_owned()).with_token(&session.token)).await;
        self.record_home(&exchange, Some(session));
    }

    pub(super) async fn read_front_page(&mut self) {
        let exchange = self.call(&get("/home".to_owned())).await;
        self.record_home(&exchange, None);
    }

    pub(super) async fn read_user_again(&mut self, user: Number, id: Uuid) {
        if self.rng.random_bool(0.5) {
            let exchange = self.call(&get(format!("/users/{id}"))).await;
            self.record_user(&exchange, None, user);
        }
    }

    pub(super) async fn read_post_again(&mut self, post: KnownPost) {
        if self.rng.random_bool(0.5) {
            let exchange = self.call(&get(format!("/posts/{}", post.id))).await;
            self.record_post(&exchange, post);
        }
    }

    /// Looks at everything once more through one replica.
    pub async fn read_everything(&mut self, everything: &Everything, replica: ReplicaNumber) {
        for &(user, id) in &everything.users {
            let exchange = self.call_at(replica, &get(format!("/users/{id}"))).await;
            self.record_user(&exchange, None, user);
        }
        for &post in &everything.posts {
            let exchange = self.call_at(replica, &get(format!("/posts/{}", post.id))).await;
            self.record_post(&exchange, post);
        }
        for session in &everything.sessions {
            let exchange = self.call_at(replica, &get("/home".to_owned()).with_token(&session.token)).await;
            self.record_home(&exchange, Some(session));
        }
    }

    pub(super) fn record_user(&mut self, exchange: &Exchange, session: Option<&KnownSession>, asked: Number) {
        let seen = match &exchange.answer {
            Ok(answer) if answer.status == StatusCode::OK => answers::user(asked, &answer.body),
            // Of oneself there is no 404.
            Ok(answer) if answer.status == StatusCode::NOT_FOUND && session.is_none() => {
                Seen::User { asked, found: None }
            }
            _ => Seen::Nothing,
        };
        self.record_read(exchange, session, seen);
    }

    fn record_post(&mut self, exchange: &Exchange, post: KnownPost) {
        let seen = match &exchange.answer {
            Ok(answer) if answer.status == StatusCode::OK => answers::post(post.post, &answer.body),
            Ok(answer) if answer.status == StatusCode::NOT_FOUND => Seen::Post { asked: post.post, found: None },
            _ => Seen::Nothing,
        };
        self.record_read(exchange, None, seen);
    }

    fn record_home(&mut self, exchange: &Exchange, session: Option<&KnownSession>) {
        let seen = exchange.success().map_or(Seen::Nothing, |answer| answers::home(&answer.body));
        let seen = match seen {
            Seen::Home(page) if page.viewer.is_some() != session.is_some() => {
                Seen::Foreign("a page with a viewer for nobody, or without one for somebody".into())
            }
            seen => seen,
        };
        self.record_read(exchange, session, seen);
    }
}
