//! The middleware stack around every handler, from the outside in. Each subject has its file in `middleware`; this file has
//! their order, and the reasons for it.
//!
//! The stack is one tower layer. With a layer for each subject every request would pay a clone, a box or two and a copy of
//! request and response for each: a dozen of them cost more than a home page from the near cache (docs/PERFORMANCE.md). The
//! futures of rare paths are boxed, so that the others do not reserve room for them.

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
use tower::{Layer, Service, ServiceExt, layer::layer_fn, service_fn};
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

/// Wraps `routes` in the middleware stack without limiter and authentication.
pub fn with_layers(routes: Router, config: &HttpConfig, metrics: Arc<Metrics>) -> Router {
    wrap(routes, None, config, metrics)
}

/// Wraps `routes` in the whole middleware stack.
pub fn with_gate_and_layers(routes: Router, state: ApiState, config: &HttpConfig, metrics: Arc<Metrics>) -> Router {
    wrap(routes, Some(state), config, metrics)
}

fn wrap(routes: Router, gate: Option<ApiState>, config: &HttpConfig, metrics: Arc<Metrics>) -> Router {
    let cors = cors::layer(&config.cors_allowed_origins);
    let stack = Arc::new(MiddlewareStack {
        caching: Caching::new(SessionCookie::for_url(&config.public_url), cors.is_some()),
        own_site: OwnSite::new(&config.public_url),
        request_timeout: config.request_timeout,
        body_timeout: config.body_timeout,
        cors,
        gate,
        metrics,
    });
    let layer = layer_fn(move |route| {
        Wrapped(Arc::new(WrappedRoute { stack: Arc::clone(&stack), route, metrics: RouteMetrics::default() }))
    });
    // A router whose state is still open builds its layers for each request: `with_state` builds them once.
    routes.layer(layer).with_state(())
}

/// The part that all routes share.
#[derive(Debug)]
struct MiddlewareStack {
    caching: Caching,
    own_site: OwnSite,
    cors: Option<CorsLayer>,
    request_timeout: Duration,
    body_timeout: Duration,
    gate: Option<ApiState>,
    metrics: Arc<Metrics>,
}

impl MiddlewareStack {
    /// The parts that see every response.
    async fn answer<S: Endpoint>(&self, route: S, of_route: &RouteMetrics, request: Request) -> Response {
        // Outermost: every response has an id, a log line and metrics.
        let observed = Observed::begin(&request, of_route);
        let caching = self.caching.of(&request);
        let is_options = problems::is_options(&request);

        let admitted = match self.cors.as_ref().filter(|_| cors::concerns(&request)) {
            None => Either::Left(self.admit(route, observed.started(), request)),
            Some(cors) => Either::Right(Box::pin(self.admit_from_elsewhere(cors, route, observed.started(), request))),
        };
        // Inside: a panic becomes a response like any other.
        let admitted = AssertUnwindSafe(admitted).catch_unwind();
        let (answered, cache, db) = timings::scope(admitted).instrument(observed.span()).await;
        let answer = answered.unwrap_or_else(panics::answer);

        // Outside of every part that may answer with a status only.
        let mut answer = problems::complete(is_options, answer);
        // Outside of CORS and compression: it completes their `Vary`.
        caching.write(&mut answer);
        security_headers::add(&mut answer);
        observed.end(&mut answer, (&self.metrics, of_route), (cache, db));
        answer
    }

    /// Outside of every refusal: scripts of allowed origins may read these too. A preflight ends here.
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

    /// The parts that may answer a request before it costs anything.
    async fn admit<S: Endpoint>(&self, route: S, began: Instant, mut request: Request) -> Response {
        if let Some(answer) = head::answer(&request) {
            return answer;
        }
        // Before the limiter: another site must not charge the owner of the cookie.
        let is_by_cookie = match self.own_site.check(&request) {
            Ok(is_by_cookie) => is_by_cookie,
            Err(problem) => return problem.into_response(),
        };
        // Outside of the deadline: a response to a late request may be compressed too.
        let answer = match Coding::choose_for(&mut request) {
            None => self.handle(route, began, request).await,
            Some(coding) => {
                let handle = |request| async { Ok::<_, Infallible>(self.handle(route.clone(), began, request).await) };
                Box::pin(coding.compress(handle, request)).await
            }
        };
        if is_by_cookie { self.own_site.clear_dead_cookie(answer) } else { answer }
    }

    /// The handler, behind the deadline, the limiter and authentication.
    fn handle<S: Endpoint>(&self, mut route: S, began: Instant, request: Request) -> impl Future<Output = Response> {
        // Innermost: extractors read the body.
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

/// A route of the router.
trait Endpoint: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {}

impl<S> Endpoint for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// A route behind the middleware stack. The router clones it for each request, so its parts are shared.
#[derive(Debug)]
struct Wrapped<S>(Arc<WrappedRoute<S>>);

#[derive(Debug)]
struct WrappedRoute<S> {
    stack: Arc<MiddlewareStack>,
    route: S,
    metrics: RouteMetrics,
}

impl<S> Clone for Wrapped<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Endpoint + Sync> Service<Request> for Wrapped<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    /// The router's routes are always ready.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let wrapped = Arc::clone(&self.0);
        Box::pin(async move {
            let WrappedRoute { stack, route, metrics } = &*wrapped;
            Ok(stack.answer(route.clone(), metrics, request).await)
        })
    }
}
