//! The fixed list of problem types: their URIs, titles and statuses. `GET /problems/{name}` answers from it, so that the
//! (relative) URIs of the types lead somewhere.
//!
//! The URIs are promises: clients compare them. A kind is never renamed; a new meaning is a new kind.

use http::StatusCode;

macro_rules! problem_kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $status:ident, $uri:literal, $title:literal, $explanation:literal;)+) => {
        /// A kind of problem. Programs compare its `type`, people read its `title`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl ProblemKind {
            /// All of them, by status.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The `type`: a reference relative to the service's root, or the registered URI where IANA has one.
            #[must_use]
            pub const fn type_uri(self) -> &'static str {
                match self { $(Self::$kind => $uri,)+ }
            }

            /// The `status`.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)+ }
            }

            /// The `title`, the same for all problems of a kind.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)+ }
            }

            /// The default `detail`.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$kind => $explanation,)+ }
            }
        }
    };
}

problem_kinds! {
    /// The request breaks the rules of HTTP: `Host`, request line, header fields, a body that ends early.
    MalformedRequest = BAD_REQUEST, "/problems/malformed-request", "Malformed request",
        "The request does not follow the rules of HTTP.";
    /// The body is not JSON.
    MalformedJson = BAD_REQUEST, "/problems/malformed-json", "Malformed JSON",
        "The body is not well-formed JSON in UTF-8.";
    /// A query parameter is unknown, repeated, or has a value it cannot have; a cursor that is none of ours.
    InvalidQuery = BAD_REQUEST, "/problems/invalid-query", "Invalid query",
        "The query has a parameter that is unknown, repeated or invalid.";
    /// The operation needs credentials, and the request has none.
    NotSignedIn = UNAUTHORIZED, "/problems/not-signed-in", "Not signed in",
        "This needs the token of a session, as a bearer token or as the session cookie.";
    /// The credentials are invalid, expired or revoked.
    InvalidToken = UNAUTHORIZED, "/problems/invalid-token", "Invalid token",
        "The session token is malformed, expired or revoked. Sign in again.";
    /// A sign-in with a wrong name or a wrong password; the same for both.
    WrongCredentials = UNAUTHORIZED, "/problems/wrong-credentials", "Wrong credentials",
        "The username or the password is wrong.";
    /// The resource belongs to another user.
    NotAllowed = FORBIDDEN, "/problems/not-allowed", "Not allowed",
        "Only its owner may do this.";
    /// An unsafe request that carries the session cookie, and that another site made the browser send.
    CrossSite = FORBIDDEN, "/problems/cross-site-request", "Cross-site request",
        "Requests that change something are not accepted from other sites when the session cookie comes with them.";
    /// The path is valid and its resource is absent: unknown, deleted, no UUID, or a session of another user.
    NotFound = NOT_FOUND, "/problems/not-found", "Not found",
        "There is nothing with this name or id; it may have been deleted.";
    /// The API has no such path.
    UnknownPath = NOT_FOUND, "/problems/unknown-path", "Unknown path",
        "The service has no such path; /docs lists those it has.";
    /// The resource does not have this method; `Allow` lists those it has.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "/problems/method-not-allowed", "Method not allowed",
        "This address does not have this method; the Allow field lists those it has.";
    /// The request's body did not arrive in time.
    BodyTimeout = REQUEST_TIMEOUT, "/problems/body-timeout", "Body timeout",
        "The body of the request did not arrive in time.";
    /// Another user has this name.
    NameTaken = CONFLICT, "/problems/name-taken", "Name taken",
        "Another user has this username.";
    /// `If-Match` names another version.
    PreconditionFailed = PRECONDITION_FAILED, "/problems/precondition-failed", "Precondition failed",
        "This was changed since; read it again.";
    /// The body is larger than 64 KiB.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "/problems/body-too-large", "Body too large",
        "The body of a request may have 65536 bytes.";
    /// The request's target is longer than 8 KiB.
    UriTooLong = URI_TOO_LONG, "/problems/uri-too-long", "URI too long",
        "The target of a request may have 8192 bytes.";
    /// The body is declared to be something else than JSON, or is compressed.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "/problems/unsupported-media-type", "Unsupported media type",
        "The body must be application/json (a PATCH may also be application/merge-patch+json), not compressed.";
    /// The body is JSON, but not the JSON that is wanted here.
    InvalidBody = UNPROCESSABLE_ENTITY, "/problems/invalid-body", "Invalid body",
        "The body has members that are missing, unknown or invalid.";
    /// A quota of the limiter is used up.
    QuotaExceeded = TOO_MANY_REQUESTS, "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "Request cannot be satisfied as assigned quota has been exceeded",
        "The quota is used up for now; the Retry-After field tells when to come back.";
    /// The head has more than 16 KiB or more than 100 fields.
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "/problems/head-too-large", "Request header fields too large",
        "The head of a request may have 16384 bytes and 100 fields.";
    /// A bug in the service.
    Internal = INTERNAL_SERVER_ERROR, "/problems/internal", "Internal error",
        "Something went wrong here. The request id helps to find out what.";
    /// The service is overloaded, or Postgres cannot be reached.
    Unavailable = SERVICE_UNAVAILABLE, "/problems/unavailable", "Service unavailable",
        "The service cannot answer this just now. Try again after the time that Retry-After gives.";
}

impl ProblemKind {
    /// The kind for a status that axum or hyper sent without a problem. Any other status becomes the general one of its class, as
    /// clients treat it (RFC 9110, 15).
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::NotSignedIn,
            StatusCode::FORBIDDEN => Self::NotAllowed,
            // The router sends it. Handlers use `NotFound`.
            StatusCode::NOT_FOUND => Self::UnknownPath,
            _ if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE => Self::Internal,
            _ => Self::ALL.iter().copied().find(|kind| kind.status() == status).unwrap_or(Self::MalformedRequest),
        }
    }

    /// The `{name}` in `/problems/{name}`; `None` for a type of IANA's.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.type_uri().strip_prefix("/problems/")
    }

    /// Whether the connection has to close: the rest of the request may still arrive, or cannot be told from the next one.
    #[must_use]
    pub fn ends_connection(self) -> bool {
        matches!(
            self,
            Self::MalformedRequest | Self::BodyTimeout | Self::BodyTooLarge | Self::UriTooLong | Self::HeadTooLarge
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn type_uris_are_distinct() {
        let distinct: HashSet<_> = ProblemKind::ALL.iter().map(|kind| kind.type_uri()).collect();

        assert_eq!(distinct.len(), ProblemKind::ALL.len());
    }

    #[test]
    fn a_bare_status_keeps_its_class() {
        for code in 400..600 {
            let Ok(status) = StatusCode::from_u16(code) else { continue };

            let kind = ProblemKind::of_status(status);

            assert_eq!(kind.status().is_server_error(), status.is_server_error(), "{code}");
        }
        assert_eq!(ProblemKind::of_status(StatusCode::METHOD_NOT_ALLOWED), ProblemKind::MethodNotAllowed);
        assert_eq!(ProblemKind::of_status(StatusCode::IM_A_TEAPOT), ProblemKind::MalformedRequest);
    }
}
