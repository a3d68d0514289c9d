//! What surrounds every handler, from the outside in, in one place that reads from top to bottom.
//!
//! One layer, and not a stack of middleware: each layer of a stack is a clone, a box or two and a copy of request and answer, for
//! each request; a dozen of them cost more than a page that is among the copies (docs/PERFORMANCE.md). Each subject has its file
//! in `middleware`; here is their order, and why. What few requests go through is boxed, so that the others do not carry room
//! for it.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use aside_runtime::timings;
use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::{
    FutureExt,
    future::{BoxFuture, Either},
};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;
use tracing::Instrument;

use super::{
    cookie::SessionCookie,
    gate,
    middleware::{
        body, caching::Caching, compression::Coding, cors, deadline, head, metrics::RouteMetrics, observe::Observed,
        panics, problems, security_headers, session_cookie::OwnSite,
    },
    state::ApiState,
};
use crate::{config::HttpConfig, telemetry::metrics::Metrics};

/// Puts everything around `routes` but the gate.
pub fn with_layers(routes: Router, config: &HttpConfig, metrics: Arc<Metrics>) -> Router {
    surround(routes, None, config, metrics)
}

/// Puts everything around `routes`, the limiter and authentication too.
pub fn with_gate_and_layers(routes: Router, state: ApiState, config: &HttpConfig, metrics: Arc<Metrics>) -> Router {
    surround(routes, Some(state), config, metrics)
}

fn surround(routes: Router, gate: Option<ApiState>, config: &HttpConfig, metrics: Arc<Metrics>) -> Router {
    let cors = cors::layer(&config.cors_allowed_origins);
    let shared = Surroundings {
        caching: Caching::new(SessionCookie::for_url(&config.public_url), cors.is_some()),
        own_site: OwnSite::new(&config.public_url),
        request_timeout: config.request_timeout,
        body_timeout: config.body_timeout,
        cors,
        gate,
        metrics,
    };
    // A router whose state is still open builds its layers anew for each request: here it is closed, once.
    routes.layer(Surround(Arc::new(shared))).with_state(())
}

/// What the surroundings of all routes have in common.
#[derive(Debug)]
struct Surroundings {
    caching: Caching,
    own_site: OwnSite,
    cors: Option<CorsLayer>,
    request_timeout: Duration,
    body_timeout: Duration,
    gate: Option<ApiState>,
    metrics: Arc<Metrics>,
}

impl Surroundings {
    /// The parts that have something to say about every answer.
    async fn answer<S: Endpoint>(&self, route: S, of_route: &RouteMetrics, request: Request) -> Response {
        // Around everything that can answer: no answer without id, log line and metrics.
        let observed = Observed::begin(&request, of_route);
        let caching = self.caching.of(&request);
        let is_options = problems::is_options(&request);

        let admitted = match self.cors.as_ref().filter(|_| cors::concerns(&request)) {
            None => Either::Left(self.admit(route, observed.started(), request)),
            Some(cors) => Either::Right(Box::pin(self.admit_from_elsewhere(cors, route, observed.started(), request))),
        };
        // Inside of it, so that a panic is an answer like any other.
        let admitted = AssertUnwindSafe(admitted).catch_unwind();
        let (answered, cache, db) = timings::scope(admitted).instrument(observed.span()).await;
        let answer = answered.unwrap_or_else(panics::answer);

        // Outside of all that could answer with a bare status.
        let mut answer = problems::complete(is_options, answer);
        // Outside of CORS and compression, whose `Vary` it sees and completes.
        caching.write(&mut answer);
        security_headers::add(&mut answer);
        observed.end(&mut answer, (&self.metrics, of_route), (cache, db));
        answer
    }

    /// Outside of every refusal, which scripts of allowed origins may read too; a preflight goes no further.
    async fn admit_from_elsewhere<S: Endpoint>(
        &self,
        cors: &CorsLayer,
        route: S,
        began: Instant,
        request: Request,
    ) -> Response {
        let admit = |request| async { Ok::<_, Infallible>(self.admit(route.clone(), began, request).await) };
        let Ok(answer) = cors.layer(service_fn(admit)).oneshot(request).await;
        answer
    }

    /// The parts that may answer themselves, before anything is spent on a request.
    async fn admit<S: Endpoint>(&self, route: S, began: Instant, mut request: Request) -> Response {
        // Refused by their head: before anything is spent on them.
        if let Some(answer) = head::answer(&request) {
            return answer;
        }
        // A cookie that another site uses: before the limiter charges its owner for it.
        let cookie = match self.own_site.check(&request) {
            Ok(cookie) => cookie,
            Err(problem) => return problem.into_response(),
        };
        // Outside of the deadline: a request that is late is answered, compressed or not.
        let answer = match Coding::choose_for(&mut request) {
            None => self.handle(route, began, request).await,
            Some(coding) => {
                let handle = |request| async { Ok::<_, Infallible>(self.handle(route.clone(), began, request).await) };
                Box::pin(coding.compress(handle, request)).await
            }
        };
        cookie.clear_if_dead(answer)
    }

    /// The handler, and what holds for all that waits: the limiter, authentication, the body.
    fn handle<S: Endpoint>(&self, mut route: S, began: Instant, request: Request) -> impl Future<Output = Response> {
        // The innermost: what the extractors read.
        let request = body::limit(request, self.body_timeout);
        let only_reads = request.method().is_safe();
        let mut handle = move |request| route.call(request).map(|answer| answer.unwrap_or_else(|never| match never {}));
        let answer = match &self.gate {
            None => Either::Left(handle(request)),
            Some(state) => Either::Right(gate::pass(state, request, handle)),
        };
        deadline::within(self.request_timeout, (began, only_reads), answer)
    }
}

/// What one of the router's routes leads to.
trait Endpoint: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {}

impl<S> Endpoint for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// The layer.
#[derive(Clone, Debug)]
struct Surround(Arc<Surroundings>);

impl<S> Layer<S> for Surround {
    type Service = Surrounded<S>;

    fn layer(&self, route: S) -> Surrounded<S> {
        let surroundings = Arc::clone(&self.0);
        Surrounded(Arc::new(Placed { surroundings, route, metrics: RouteMetrics::default() }))
    }
}

/// A route with everything around it. The router clones it for each request, so what it holds is shared.
#[derive(Debug)]
struct Surrounded<S>(Arc<Placed<S>>);

#[derive(Debug)]
struct Placed<S> {
    surroundings: Arc<Surroundings>,
    route: S,
    metrics: RouteMetrics,
}

impl<S> Clone for Surrounded<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Endpoint + Sync> Service<Request> for Surrounded<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    /// The router's routes are always ready.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let placed = Arc::clone(&self.0);
        Box::pin(async move {
            let Placed { surroundings, route, metrics } = &*placed;
            Ok(surroundings.answer(route.clone(), metrics, request).await)
        })
    }
}
