//! The gate in front of every handler: who asks, and whether they may ask so often.
//!
//! A good token charges its user, anything else its address. A bad token is 401, never silently anonymous; a sign-in or
//! a registration is not asked for one. The documentation is free: it is the same bytes for all clients.
//!
//! To refuse, it need not be known for certain who asks: a client who is over its quota is refused by what this process saw
//! of its session last, so a flood asks neither Redis nor Postgres. A session that has ended meanwhile is none of those that
//! were seen, once its end was heard of.
//!
//! An address that sent unknown tokens is charged before the next one is looked up (`token_lookups`). When that is a good one,
//! the charge is given back, and its user is charged. Nothing else is done for a request before it is charged, but what says
//! who is charged: the body of a sign-in, or of a change of a user, names the account.

use std::net::{IpAddr, Ipv4Addr};

use aside_limiter::{Charge, write_fields};
use axum::{
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
};
use http::Method;
use secrecy::ExposeSecret;
use tracing::Span;

use super::{
    cookie::SessionCookie,
    extract::{ClientAddress, Credentials},
    identity::Identity,
    meter::{self, Meter},
    problem::{Problem, ProblemKind},
    state::ApiState,
    token_lookups::Entry,
};
use crate::{
    auth::TokenHash,
    rate_limit,
    repository::{ActiveSession, RepositoryError},
};

/// Lets a request through to its handler, or answers it.
pub(super) async fn pass<F>(state: &ApiState, mut request: Request, handle: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let route = Route::of(&request);
    if route == Route::Documentation {
        return handle(request).await;
    }
    let claim = if route.ignores_credentials() { Ok(None) } else { Claim::of(&request, state.cookie) };
    if let Ok(Some(claim)) = &claim
        && let Some(refused) = refuse_at_sight(state, claim)
    {
        return refused;
    }
    let identity = match claim {
        Ok(Some(claim)) => match identify(state, address(&request), claim).await {
            Ok(identity) => identity,
            Err(answer) => return answer,
        },
        Ok(None) => Ok(Identity::default()),
        Err(problem) => Err(problem),
    };
    let charge = charge(&request, identity.as_ref().ok());
    if route.is_charged_for_more() {
        return Box::pin(pass_metered(state, request, route, identity, charge, handle)).await;
    }

    let admission = state.limiter.admit(&[charge]).await;
    let mut response = match (meter::refusal(&admission), identity) {
        (Some(refused), _) => refused.into_response(),
        (None, Err(problem)) => problem.into_response(),
        (None, Ok(identity)) => {
            request.extensions_mut().insert(identity);
            handle(request).await
        }
    };
    write_fields(&admission, response.headers_mut());
    response
}

/// Where more is charged than the request itself, by the handler if it is who knows for whom.
async fn pass_metered<F>(
    state: &ApiState,
    mut request: Request,
    route: Route,
    identity: Result<Identity, Problem>,
    charge: Charge,
    handle: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let mut charges = vec![charge];
    if matches!(route, Route::SignIn | Route::Registration) {
        charges.push(Charge::new(rate_limit::LOGIN_ADDRESS, address(&request)));
    }
    // Before the body is read.
    if let Some(refused) = refused_before(state, &charges) {
        return refused;
    }
    let meter = Meter::new(state.limiter.clone(), charges);
    let mut response = match identity {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            request.extensions_mut().insert(meter.clone());
            if route.is_charged_by_its_handler() {
                handle(request).await
            } else {
                match meter.charge([]).await {
                    Ok(()) => handle(request).await,
                    Err(refused) => refused.into_response(),
                }
            }
        }
        Err(problem) => problem.into_response(),
    };

    // Of what was charged already nothing comes: this is for a request that was turned away before its handler could.
    if let Err(refused) = meter.charge([]).await {
        response = refused.into_response();
    }
    meter.write_headers(response.headers_mut());
    response
}

/// Whom a request says that it is from.
struct Claim {
    token: TokenHash,
    by_cookie: bool,
}

impl Claim {
    /// What the request brings; `None` only if it brings nothing at all.
    fn of(request: &Request, cookie: SessionCookie) -> Result<Option<Self>, Problem> {
        let Some(credentials) = Credentials::find(request.headers(), cookie)? else { return Ok(None) };
        let token = TokenHash::of_token(credentials.token().expose_secret()).map_err(|_| invalid_token())?;
        Ok(Some(Self { token, by_cookie: matches!(credentials, Credentials::Cookie(_)) }))
    }
}

fn invalid_token() -> Problem {
    Problem::new(ProblemKind::InvalidToken)
}

/// The answer to a client that would be refused if it is still whom this process last saw under this token.
fn refuse_at_sight(state: &ApiState, claim: &Claim) -> Option<Response> {
    // Hardly ever, and it spares a look at the session.
    if !state.limiter.has_denied_clients() {
        return None;
    }
    let user = state.sessions.last_known_owner(&claim.token)?;
    refused_before(state, &[Charge::new(rate_limit::SIGNED_IN, user.0)])
}

fn refused_before(state: &ApiState, charges: &[Charge]) -> Option<Response> {
    let admission = state.limiter.refused_before(charges)?;
    let refused = meter::refusal(&admission)?;
    Some(meter::answer(&admission, refused))
}

/// Who asks, or why that is not known. The answer, if the request was charged for finding out and gets no further.
async fn identify(state: &ApiState, address: IpAddr, claim: Claim) -> Result<Result<Identity, Problem>, Response> {
    let Claim { token, by_cookie } = claim;
    let found = match state.sessions.authenticate_near(&token).await {
        Ok(None) => Box::pin(look_up(state, address, &token)).await?,
        found_or_failed => found_or_failed,
    };
    Ok(found.map_err(Problem::from).and_then(|session| session.ok_or_else(invalid_token)).map(|session| {
        Span::current().record("user_id", tracing::field::display(session.user_id));
        Identity { session: Some(session), by_cookie }
    }))
}

type Found = Result<Option<ActiveSession>, RepositoryError>;

/// Looks up a token that no near entry answers for.
async fn look_up(state: &ApiState, address: IpAddr, token: &TokenHash) -> Result<Found, Response> {
    if state.sessions.is_recent(token) {
        return Ok(state.sessions.authenticate(token).await);
    }
    let permit = match state.token_lookups.enter(address).await {
        Entry::Permitted(permit) => permit,
        Entry::ChargedFirst => return look_up_charged(state, address, token).await.map(|session| Ok(Some(session))),
        Entry::TimedOut => return Err(Problem::new(ProblemKind::Unavailable).into_response()),
    };
    let found = state.sessions.authenticate(token).await;
    match &found {
        Ok(Some(_session)) => permit.found(),
        Ok(None) => drop(permit),
        Err(_) => permit.failed(),
    }
    Ok(found)
}

/// The same for an address that sent unknown tokens: it is charged before.
async fn look_up_charged(state: &ApiState, address: IpAddr, token: &TokenHash) -> Result<ActiveSession, Response> {
    let mut admission = state.limiter.admit_refundable(Charge::new(rate_limit::ANONYMOUS, address)).await;
    let problem = match meter::refusal(&admission) {
        Some(refused) => refused,
        None => match state.sessions.authenticate(token).await {
            Ok(Some(session)) => {
                state.limiter.refund(admission.take_tickets()).await;
                return Ok(session);
            }
            Ok(None) => invalid_token(),
            Err(error) => error.into(),
        },
    };
    Err(meter::answer(&admission, problem))
}

/// What every request is charged: its user, or its address.
fn charge(request: &Request, identity: Option<&Identity>) -> Charge {
    match identity.and_then(|identity| identity.session) {
        Some(session) => Charge::new(rate_limit::SIGNED_IN, session.user_id.0),
        None => Charge::new(rate_limit::ANONYMOUS, address(request)),
    }
}

fn address(request: &Request) -> IpAddr {
    let client = request.extensions().get::<ClientAddress>();
    client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.network())
}

/// The routes that are different at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    SignIn,
    Registration,
    UserChange,
    Documentation,
    Other,
}

impl Route {
    fn of(request: &Request) -> Self {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
        match (request.method(), path) {
            (&Method::POST, "/sessions") => Self::SignIn,
            (&Method::POST, "/users") => Self::Registration,
            (&Method::PATCH, "/users/{id}") => Self::UserChange,
            (_, "/" | "/openapi.json") => Self::Documentation,
            (_, path) if path.starts_with("/docs") || path.starts_with("/problems/") => Self::Documentation,
            _other => Self::Other,
        }
    }

    fn ignores_credentials(self) -> bool {
        matches!(self, Self::SignIn | Self::Registration)
    }

    /// Those that are sign-ins and the like, for that is what they may be charged for too.
    fn is_charged_for_more(self) -> bool {
        matches!(self, Self::SignIn | Self::Registration | Self::UserChange)
    }

    /// Those whose body says which account a password is tried for.
    fn is_charged_by_its_handler(self) -> bool {
        matches!(self, Self::SignIn | Self::UserChange)
    }
}
