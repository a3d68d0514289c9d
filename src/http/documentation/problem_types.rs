//! `/problems/{name}`: the description of a problem type. The `type` of a problem links to it.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use axum::{extract::Path, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    asset::{Asset, Wanted},
    responses,
};
use crate::http::{
    conditions::IfNoneMatch,
    problem::{Problem, ProblemKind},
};

/// By the last part of the type's URI.
static PROBLEM_TYPES: LazyLock<HashMap<&str, Arc<Asset>>> = LazyLock::new(|| {
    let named = ProblemKind::ALL.iter().filter_map(|kind| Some((kind.name()?, kind)));
    named.map(|(name, &kind)| (name, Asset::new("application/json", problem_type(kind).into()))).collect()
});

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::default().routes(routes!(get_problem_type))
}

/// A problem type.
#[derive(Serialize, ToSchema)]
struct ProblemTypeResponse {
    /// The `type` of a problem.
    #[schema(value_type = String, example = "/problems/name-taken")]
    r#type: &'static str,
    /// The `title` of a problem.
    #[schema(value_type = String)]
    title: &'static str,
    /// The HTTP status code.
    status: u16,
    /// When a problem of this type is sent.
    #[schema(value_type = String)]
    description: &'static str,
}

/// Get a problem type
#[utoipa::path(
    get,
    path = "/problems/{name}",
    tag = "documentation",
    params(("name" = String, Path, description = "The last segment of the type's URI."), IfNoneMatch),
    responses((status = 200, description = "The problem type", body = ProblemTypeResponse), responses::NotModified,
        responses::NotFound),
    security(())
)]
async fn get_problem_type(Path(name): Path<String>, wanted: Wanted) -> Result<Response, Problem> {
    let absent = || Problem::new(ProblemKind::NotFound).with_detail("There is no such problem type.");
    let problem_type = PROBLEM_TYPES.get(name.as_str()).ok_or_else(absent)?;
    Ok(problem_type.answer(wanted).await)
}

fn problem_type(kind: ProblemKind) -> Vec<u8> {
    let problem_type = ProblemTypeResponse {
        r#type: kind.type_uri(),
        title: kind.title(),
        status: kind.status().as_u16(),
        description: kind.explanation(),
    };
    serde_json::to_vec(&problem_type).expect("text and numbers have a JSON form")
}
