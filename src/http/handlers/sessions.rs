//! `/sessions`: sign in, list sessions, sign out.

use std::sync::Arc;

use aside_limiter::Charge;
use axum::{
    extract::State,
    response::{AppendHeaders, IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::PageQuery;
use crate::{
    domain::{Page, Scope, Session, SessionId, UserAgent, Username},
    http::{
        cookie::SessionCookie,
        documentation::responses,
        extract::{ClientAddress, Json, PathId, Query, no_such},
        identity::CurrentUser,
        meter::Meter,
        problem::{Problem, ProblemKind},
    },
    rate_limit,
    repository::{Client, NewSession, SessionRepository, SignIn},
};

/// The credentials of a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateSessionRequest {
    /// The username, in any case.
    #[schema(example = "ada_lovelace")]
    username: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// A new session and its token.
#[derive(Serialize, ToSchema)]
pub(super) struct CreateSessionResponse {
    /// The bearer token, for `Authorization: Bearer <token>`. No later response contains it.
    token: String,
    /// The new session.
    session: Session,
}

/// Sign in
///
/// The token is in the body and, for browsers, in a cookie. Credentials that the request carries are ignored. A user has at most
/// 100 live sessions; a further sign-in ends the oldest.
#[utoipa::path(post, path = "/sessions", tag = "sessions", request_body = CreateSessionRequest,
    responses((status = CREATED, description = "The new session", body = CreateSessionResponse,
        headers(("Set-Cookie" = String, description = "The session cookie, which carries the token for browsers"))), responses::WrongCredentials),
    security(()))]
pub(super) async fn create_session(
    State(sessions): State<Arc<SessionRepository>>,
    State(cookie): State<SessionCookie>,
    meter: Meter,
    client: ClientAddress,
    headers: HeaderMap,
    request: Result<Json<CreateSessionRequest>, Problem>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<CreateSessionResponse>), Problem> {
    let name = request.as_ref().ok().and_then(|Json(request)| Username::parse(&*request.username).ok());
    // An invalid name has no account to protect.
    match &name {
        Some(name) => charge_guess(&meter, &sessions, name, client).await?,
        None => meter.charge([]).await?,
    }
    let Json(request) = request?;

    let client = Client { address: client.ip(), user_agent: user_agent(&headers) };
    let signed_in = sessions.sign_in(name.as_ref(), request.password, client).await;
    if !matches!(signed_in, Ok(SignIn::Refused)) {
        meter.forgive().await;
    }
    match signed_in? {
        SignIn::Session(new) => {
            let NewSession { token, session } = *new;
            let lifetime = (session.expires_at - session.created_at).to_std().unwrap_or_default();
            let set_cookie = [(header::SET_COOKIE, cookie.set(&token.expose().into(), lifetime))];
            let body = CreateSessionResponse { token: token.expose().to_owned(), session };
            Ok((StatusCode::CREATED, set_cookie, Json(body)))
        }
        SignIn::Refused => Err(Problem::new(ProblemKind::WrongCredentials)),
        SignIn::Busy => Err(Problem::new(ProblemKind::Unavailable)),
    }
}

/// Charges a sign-in, which may be a guess at the account's password.
///
/// Guesses from other addresses do not keep out an address that has a session of the account.
async fn charge_guess(
    meter: &Meter,
    sessions: &SessionRepository,
    name: &Username,
    client: ClientAddress,
) -> Result<(), Problem> {
    let account = name.folded();
    let from_here = Charge::new(rate_limit::LOGIN_ACCOUNT, format!("{account}@{}", client.network()));
    let anywhere = Charge::new(rate_limit::LOGIN_ACCOUNT_ANYWHERE, account);
    let Err(refused) = meter.charge([from_here.clone(), anywhere]).await else { return Ok(()) };
    let Some(retry_after) = meter.refused_only_for(rate_limit::LOGIN_ACCOUNT_ANYWHERE) else { return Err(refused) };
    if sessions.is_known_address(name, client.ip()).await? {
        return meter.charge_instead([from_here]).await;
    }
    meter.refuse(&from_here, retry_after);
    Err(refused)
}

fn user_agent(headers: &HeaderMap) -> Option<UserAgent> {
    UserAgent::from_header(headers.get(header::USER_AGENT)?.as_bytes())
}

/// List the live sessions of the current user
///
/// Newest first.
#[utoipa::path(get, path = "/sessions", tag = "sessions", params(PageQuery),
    responses((status = OK, description = "One page of sessions", body = Page<Session>)),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn list_sessions(
    State(sessions): State<Arc<SessionRepository>>,
    user: CurrentUser,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Session>>, Problem> {
    let (after, size) = query.parse(Scope::Sessions(user.id()))?;
    Ok(Json(sessions.list_sessions(user.session, after, size).await?))
}

/// Sign out of the current session
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions",
    responses((status = NO_CONTENT, description = "The session has ended")), security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn delete_current_session(
    State(sessions): State<Arc<SessionRepository>>,
    State(cookie): State<SessionCookie>,
    user: CurrentUser,
) -> Result<impl IntoResponse, Problem> {
    // False when another request ended it first.
    let _ended = sessions.delete_session(user.id(), user.session.id).await?;
    Ok(signed_out(cookie, user))
}

/// Sign out of one session of the current user
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", params(("id" = SessionId, Path, description = "The id of the session.")),
    responses((status = NO_CONTENT, description = "The session has ended")), security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn delete_session(
    State(sessions): State<Arc<SessionRepository>>,
    State(cookie): State<SessionCookie>,
    user: CurrentUser,
    PathId(id): PathId<SessionId>,
) -> Result<Response, Problem> {
    if !sessions.delete_session(user.id(), id).await? {
        return Err(no_such::<SessionId>());
    }
    Ok(if id == user.session.id {
        signed_out(cookie, user).into_response()
    } else {
        StatusCode::NO_CONTENT.into_response()
    })
}

/// Sign out of all sessions of the current user
#[utoipa::path(delete, path = "/sessions", tag = "sessions",
    responses((status = NO_CONTENT, description = "All sessions have ended")), security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn delete_sessions(
    State(sessions): State<Arc<SessionRepository>>,
    State(cookie): State<SessionCookie>,
    user: CurrentUser,
) -> Result<impl IntoResponse, Problem> {
    sessions.delete_sessions(user.id()).await?;
    Ok(signed_out(cookie, user))
}

/// 204; the browser forgets a cookie that the request carried.
pub(super) fn signed_out(cookie: SessionCookie, user: CurrentUser) -> impl IntoResponse {
    let forget = user.by_cookie.then(|| (header::SET_COOKIE, cookie.clear()));
    (StatusCode::NO_CONTENT, AppendHeaders(forget))
}
