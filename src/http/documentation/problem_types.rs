//! `/problems/{name}`: what a problem type means. The `type` of a problem is a link, and links lead somewhere.

use axum::{Json, extract::Path};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::responses;
use crate::http::problem::{Problem, ProblemKind};

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::default().routes(routes!(get_problem_type))
}

/// A problem type.
#[derive(Serialize, ToSchema)]
struct ProblemTypeResponse {
    /// The URI that problems of this type carry.
    #[schema(value_type = String, example = "/problems/name-taken")]
    r#type: &'static str,
    /// Its name.
    #[schema(value_type = String)]
    title: &'static str,
    /// The status it comes with.
    status: u16,
    /// What it means.
    #[schema(value_type = String)]
    description: &'static str,
}

/// What a problem type means.
#[utoipa::path(
    get,
    path = "/problems/{name}",
    tag = "documentation",
    params(("name" = String, Path, description = "The last part of the type's URI.")),
    responses((status = 200, description = "The problem type", body = ProblemTypeResponse), responses::NotFound)
)]
async fn get_problem_type(Path(name): Path<String>) -> Result<Json<ProblemTypeResponse>, Problem> {
    let kind = ProblemKind::named(&name).ok_or_else(|| Problem::new(ProblemKind::NotFound))?;
    Ok(Json(ProblemTypeResponse {
        r#type: kind.type_uri(),
        title: kind.title(),
        status: kind.status().as_u16(),
        description: kind.explanation(),
    }))
}
