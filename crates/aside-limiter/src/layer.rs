//! A tower layer that limits an HTTP service, and the fields that tell clients how they stand
//! (draft-ietf-httpapi-ratelimit-headers-10).

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header::RETRY_AFTER};
use tower::{Layer, Service};

use super::{admission::Admission, limiter::Limiter, policy::Charge};

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Adds `RateLimit-Policy` and `RateLimit`, as far as there is something to tell.
pub fn write_fields(admission: &Admission, headers: &mut HeaderMap) {
    let fields = [(RATE_LIMIT_POLICY, admission.policy_header()), (RATE_LIMIT, admission.limit_header())];
    for (name, text) in fields {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(name, value);
        }
    }
}

/// Limits each request before the service sees it: a refused one is answered with 429, `Retry-After`, and an empty body.
///
/// ```no_run
/// # use aside_limiter::{Charge, LimitLayer, Limiter, Policy, Quota};
/// # use std::{net::IpAddr, time::Duration};
/// # fn example(redis: &aside_redis::RedisClient, shutdown: &aside_runtime::shutdown::Shutdown) {
/// const BROWSING: Policy = Policy::new("browsing").leased();
///
/// let quota = Quota { requests: 600, window: Duration::from_mins(1) };
/// let limiter = Limiter::new([(BROWSING, quota)], redis, &aside_limiter::Metrics::default(), shutdown);
/// let layer = LimitLayer::new(limiter, |request: &http::Request<String>| {
///     let client = request.extensions().get::<IpAddr>().map_or_else(String::new, IpAddr::to_string);
///     vec![Charge::new(BROWSING, client)]
/// });
/// # let _ = tower::Layer::layer(&layer, tower::service_fn(|_: http::Request<String>| async { Ok::<_, ()>(http::Response::new(String::new())) }));
/// # }
/// ```
pub struct LimitLayer<F> {
    limiter: Limiter,
    charges: Arc<F>,
}

impl<F> LimitLayer<F> {
    /// `charges` says what a request is charged: nothing, when it is free.
    #[must_use]
    pub fn new(limiter: Limiter, charges: F) -> Self {
        Self { limiter, charges: Arc::new(charges) }
    }
}

impl<F> Clone for LimitLayer<F> {
    fn clone(&self) -> Self {
        Self { limiter: self.limiter.clone(), charges: Arc::clone(&self.charges) }
    }
}

impl<F> std::fmt::Debug for LimitLayer<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LimitLayer").finish_non_exhaustive()
    }
}

impl<S, F> Layer<S> for LimitLayer<F> {
    type Service = Limited<S, F>;

    fn layer(&self, service: S) -> Limited<S, F> {
        Limited { service, layer: self.clone() }
    }
}

/// A limited service.
#[derive(Debug)]
pub struct Limited<S, F> {
    service: S,
    layer: LimitLayer<F>,
}

impl<S: Clone, F> Clone for Limited<S, F> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), layer: self.layer.clone() }
    }
}

impl<S, F, Body, Answer> Service<Request<Body>> for Limited<S, F>
where
    S: Service<Request<Body>, Response = Response<Answer>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    F: Fn(&Request<Body>) -> Vec<Charge>,
    Body: Send + 'static,
    Answer: Default + Send,
{
    type Response = Response<Answer>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled ready is the one that is called.
        let ready = self.service.clone();
        let mut service = mem::replace(&mut self.service, ready);
        let (limiter, charges) = (self.layer.limiter.clone(), (self.layer.charges)(&request));
        Box::pin(async move {
            let admission = limiter.admit(&charges).await;
            let mut response = match &admission.refusal {
                None => service.call(request).await?,
                Some(refusal) => {
                    let mut refused = Response::new(Answer::default());
                    *refused.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                    refused.headers_mut().insert(RETRY_AFTER, refusal.retry_after_seconds().into());
                    refused
                }
            };
            write_fields(&admission, response.headers_mut());
            Ok(response)
        })
    }
}
