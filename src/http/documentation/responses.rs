//! The problems of an operation, for `#[utoipa::path(responses(…))]`: a type for each, named as its [`ProblemKind`].
//!
//! ```ignore
//! #[utoipa::path(get, path = "/posts/{id}", responses((status = 200, body = PostResponse), responses::NotFound))]
//! ```

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Header, HeaderBuilder, Object, Ref, RefOr, Response, ResponseBuilder, Type},
};

use crate::http::problem::{self, Problem, ProblemDocument, ProblemKind};

/// The response component that stands for any problem.
const ANY: &str = "Problem";

macro_rules! documented {
    ($($kind:ident),+ $(,)?) => {$(
        #[doc = concat!("Answers [`ProblemKind::", stringify!($kind), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub struct $kind;

        impl IntoResponses for $kind {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                reference(ProblemKind::$kind)
            }
        }
    )+};
}

documented!(
    MalformedRequest,
    InvalidQuery,
    NotSignedIn,
    InvalidToken,
    WrongCredentials,
    NotAllowed,
    CrossSite,
    NotFound,
    NameTaken,
    PreconditionFailed,
    InvalidBody,
    QuotaExceeded,
    Unavailable,
);

/// The client has the current representation.
#[derive(Clone, Copy, Debug)]
pub struct NotModified;

impl IntoResponses for NotModified {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response = ResponseBuilder::new().description("The client has it already").header("ETag", etag());
        BTreeMap::from([("304".to_owned(), response.build().into())])
    }
}

/// The field that names a representation.
pub(super) fn etag() -> Header {
    HeaderBuilder::new()
        .schema(Some(Object::with_type(Type::String)))
        .description(Some("Names this representation"))
        .build()
}

/// Any other problem.
#[derive(Clone, Copy, Debug)]
pub(super) struct Any;

impl IntoResponses for Any {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([("default".to_owned(), Ref::from_response_name(ANY).into())])
    }
}

/// All that can be wrong with a JSON body.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody;

impl IntoResponses for JsonBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        use ProblemKind::{BodyTooLarge, InvalidBody, MalformedJson, UnsupportedMediaType};
        [MalformedJson, BodyTooLarge, UnsupportedMediaType, InvalidBody].into_iter().flat_map(reference).collect()
    }
}

fn reference(kind: ProblemKind) -> BTreeMap<String, RefOr<Response>> {
    BTreeMap::from([(kind.status().as_str().to_owned(), Ref::from_response_name(format!("{kind:?}")).into())])
}

/// The components that the types here refer to: one for each kind, with an example, and [`ANY`].
pub(super) fn components() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let kinds = ProblemKind::ALL.iter().map(|&kind| {
        let example = serde_json::to_value(ProblemDocument::from(Problem::new(kind))).ok();
        (format!("{kind:?}"), response(kind.title(), example).into())
    });
    kinds.chain([(ANY.to_owned(), response("Any other error", None).into())])
}

fn response(description: &str, example: Option<serde_json::Value>) -> Response {
    let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
    content.example = example;
    ResponseBuilder::new().description(description).content(problem::CONTENT_TYPE, content).build()
}
