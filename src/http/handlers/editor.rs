//! The user who sends a `PATCH`. A try of the current password is charged like a sign-in.

use aside_limiter::Charge;
use axum::extract::FromRequestParts;
use http::request::Parts;

use super::failures::user_is_gone;
use crate::{
    auth::{Caller, PasswordHasher},
    domain::{FieldErrors, PasswordChange},
    http::{extract::ClientAddress, identity::CurrentUser, meter::Meter, problem::Problem},
    rate_limit,
    repository::{NewPassword, UserRepository},
};

/// The current user, and the limiter of the request.
#[derive(Debug)]
pub(super) struct Editor {
    pub(super) user: CurrentUser,
    client: ClientAddress,
    pub(super) meter: Meter,
}

impl<S: Send + Sync> FromRequestParts<S> for Editor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self {
            user: <CurrentUser as FromRequestParts<S>>::from_request_parts(parts, state).await?,
            client: ClientAddress::from_request_parts(parts, state).await?,
            meter: Meter::from_request_parts(parts, state).await?,
        })
    }
}

impl Editor {
    /// The charges for a try of the current password: as for a sign-in, but counted apart from sign-ins to the account, which
    /// strangers may exhaust.
    pub(super) fn password_charges(&self) -> [Charge; 3] {
        let (network, user) = (self.client.network(), self.user.id().0);
        [
            Charge::new(rate_limit::LOGIN_ADDRESS, network),
            Charge::new(rate_limit::LOGIN_ACCOUNT, format!("{user}@{network}")),
            Charge::new(rate_limit::LOGIN_ACCOUNT_ANYWHERE, user),
        ]
    }

    /// Verifies the current password and hashes the new one, before any row is locked.
    pub(super) async fn new_password(
        &self,
        users: &UserRepository,
        hasher: &PasswordHasher,
        change: PasswordChange,
    ) -> Result<NewPassword, Problem> {
        let verified = users.find_password_hash(self.user.id()).await?.ok_or_else(user_is_gone)?;
        let is_right = hasher.verify(change.current, Some(&verified), Caller::Known).await;
        if !matches!(is_right, Ok(false)) {
            self.meter.forgive().await;
        }
        if !is_right? {
            return Err(wrong_current_password());
        }
        let hash = hasher.hash(change.new, Caller::Known).await?;
        Ok(NewPassword { verified, hash })
    }
}

pub(super) fn wrong_current_password() -> Problem {
    FieldErrors::one("/current_password", "is not the current password").into()
}
