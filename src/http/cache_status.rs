//! `Cache-Status` (RFC 9211): what the cache did for a response.

use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderName, HeaderValue};

use crate::repository::CacheReport;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The header, to be put before a response.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheStatus {
    report: CacheReport,
    now_ms: i64,
}

impl CacheStatus {
    /// Of a response that was composed at `now_ms`, milliseconds since the epoch.
    #[must_use]
    pub(super) fn new(report: CacheReport, now_ms: i64) -> Self {
        Self { report, now_ms }
    }

    fn value(self) -> String {
        let CacheReport { hits, redis_hits, misses, stored, collapsed, bypassed, expires_at_ms } = self.report;
        if bypassed {
            return "aside; fwd=bypass".to_owned();
        }
        if misses == 0 {
            // Negative after the soft expiry (RFC 9211, 2.5): the value is current and a refresh is under way.
            let ttl = expires_at_ms.map_or(0, |expiry| (expiry - self.now_ms).div_euclid(1_000));
            let detail = if redis_hits == 0 { "near" } else { "redis" };
            return format!("aside; hit; ttl={ttl}; detail={detail}");
        }
        let mut value = format!("aside; fwd={}", if hits == 0 { "miss" } else { "partial" });
        if stored {
            value += "; stored";
        }
        if collapsed {
            value += "; collapsed";
        }
        value
    }
}

impl IntoResponseParts for CacheStatus {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let value = HeaderValue::try_from(self.value()).expect("ASCII text");
        parts.headers_mut().insert(CACHE_STATUS, value);
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_has_its_cache_status() {
        let report = CacheReport::default();
        for (report, expected) in [
            (CacheReport { hits: 3, expires_at_ms: Some(42_900), ..report }, "aside; hit; ttl=42; detail=near"),
            (
                CacheReport { hits: 3, redis_hits: 1, expires_at_ms: Some(900), ..report },
                "aside; hit; ttl=0; detail=redis",
            ),
            (
                CacheReport { hits: 1, redis_hits: 1, expires_at_ms: Some(-1), ..report },
                "aside; hit; ttl=-1; detail=redis",
            ),
            (CacheReport { misses: 1, stored: true, ..report }, "aside; fwd=miss; stored"),
            (CacheReport { misses: 1, collapsed: true, ..report }, "aside; fwd=miss; collapsed"),
            (CacheReport { misses: 1, ..report }, "aside; fwd=miss"),
            (CacheReport { hits: 9, misses: 1, stored: true, ..report }, "aside; fwd=partial; stored"),
            (CacheReport { hits: 9, misses: 1, bypassed: true, ..report }, "aside; fwd=bypass"),
        ] {
            assert_eq!(CacheStatus::new(report, 0).value(), expected);
        }
    }
}
