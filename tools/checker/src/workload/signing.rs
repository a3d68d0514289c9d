//! The calls that begin and end sessions.

use http::Method;
use serde_json::json;

use super::{
    answers::SignInJson,
    client::Client,
    connection::Call,
    population::{KnownSession, KnownUser},
    writing::{own_user, password_of, version_of_answer},
};
use crate::{
    content,
    history::{Action, Number, Outcome, Seen},
};

/// A user has no more than so many, well below the service's own limit.
const MOST_SESSIONS: usize = 12;

impl Client {
    pub(super) async fn sign_in(&mut self, user: &KnownUser) {
        let Some(password) = &user.password else { return };
        let (session, number) = (self.setting.population.next_session(), self.setting.population.next_write());
        let body = json!({"username": content::username_of(user.user), "password": password});
        let exchange = self.call(&Call::new(Method::POST, "/sessions".to_owned()).with_body(&body)).await;
        self.record_write(&exchange, number, Action::SignIn { session, user: user.user });
        let begun = exchange.success().and_then(|answer| serde_json::from_slice::<SignInJson<'_>>(&answer.body).ok());
        if let Some(begun) = begun {
            let token = begun.token.to_owned();
            let known = KnownSession { session, user: user.user, user_id: user.id, token };
            self.setting.population.add_session(known, begun.session());
        }
    }

    pub(super) async fn sign_in_again(&mut self) {
        if let Some(user) = self.setting.population.pick_user(&mut self.rng)
            && user.sessions.len() < MOST_SESSIONS
        {
            self.sign_in(&user).await;
        }
    }

    pub(super) async fn sign_out(&mut self) {
        let Some(session) = self.setting.population.pick_session(&mut self.rng) else { return };
        let number = self.setting.population.next_write();
        let call = Call::new(Method::DELETE, "/sessions/current".to_owned()).with_token(&session.token);
        let exchange = self.call(&call).await;
        self.record_write(&exchange, number, Action::SignOut { session: session.session });
        self.record_read(&exchange, Some(&session), Seen::Nothing);
        if exchange.outcome() != Outcome::Refused {
            self.setting.population.forget_sessions(session.user, |one| one == session.session);
        }
        self.read_oneself_with(&session).await;
    }

    pub(super) async fn sign_out_everywhere(&mut self) {
        let Some(session) = self.setting.population.pick_session(&mut self.rng) else { return };
        let number = self.setting.population.next_write();
        let call = Call::new(Method::DELETE, "/sessions".to_owned()).with_token(&session.token);
        let exchange = self.call(&call).await;
        self.record_write(&exchange, number, Action::SignOutAll { user: session.user });
        self.record_read(&exchange, Some(&session), Seen::Nothing);
        if exchange.outcome() != Outcome::Refused {
            self.setting.population.forget_sessions(session.user, |_| true);
        }
        self.read_oneself_with(&session).await;
        self.sign_in_anew(session.user).await;
    }

    pub(super) async fn change_password(&mut self) {
        let Some(user) = self.setting.population.pick_user(&mut self.rng) else { return };
        let (Some(session), Some(old)) = (user.sessions.first(), &user.password) else { return };
        let number = self.setting.population.next_write();
        let new = password_of(user.user, number);
        // Nobody else is to try the old one meanwhile.
        self.setting.population.set_password(user.user, None);
        let body = json!({"password": new, "current_password": old});
        let exchange = self.call(&own_user(Method::PATCH, session).with_body(&body)).await;
        let version = version_of_answer(&exchange);
        let kept = session.session;
        self.record_write(&exchange, number, Action::ChangePassword { user: user.user, kept, version });
        self.record_user(&exchange, Some(session), user.user);
        match exchange.outcome() {
            Outcome::Done => self.setting.population.set_password(user.user, Some(new)),
            Outcome::Refused => self.setting.population.set_password(user.user, Some(old.clone())),
            Outcome::Unknown => {}
        }
        if exchange.outcome() != Outcome::Refused {
            self.setting.population.forget_sessions(user.user, |one| one != kept);
        }
        for ended in &user.sessions[1..] {
            self.read_oneself_with(ended).await;
        }
    }

    async fn sign_in_anew(&mut self, user: Number) {
        if let Some(known) = self.setting.population.find_user(user) {
            self.sign_in(&known).await;
        }
    }
}
