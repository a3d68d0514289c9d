//! The responses that follow from what an operation is: no handler has to remember them, and none is forgotten.
//!
//! | an operation that … | may answer |
//! |---|---|
//! | looks at credentials | 401, and 403 to another site's request if it changes something |
//! | has query parameters | 400 |
//! | has a body | 400, 413, 415, 422 |
//! | has a condition | 400, and 412 for `If-Match`; an `ETag` with what it shows |
//! | makes something | its `Location` and `ETag` |
//! | names something by id | 404 |
//! | is there at all | 429, 503, and any other problem |
//!
//! What its handler says itself wins: a status has one entry.

use utoipa::{
    IntoResponses,
    openapi::{
        OpenApi, RefOr,
        path::{HttpMethod, Operation, Parameter, ParameterIn},
        security::SecurityRequirement,
    },
};

use super::responses;

/// Adds them to all operations of a document.
pub(super) fn add(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                add_to(operation, &method);
            }
        }
    }
}

fn add_to(operation: &mut Operation, method: &HttpMethod) {
    add_of_credentials(operation, method);
    if operation.request_body.is_some() {
        add_all::<responses::JsonBody>(operation);
    }
    if has_parameter(operation, |parameter| parameter.parameter_in == ParameterIn::Query) {
        add_all::<responses::InvalidQuery>(operation);
    }
    if has_parameter(operation, |parameter| parameter.name == "If-Match") {
        add_all::<responses::PreconditionFailed>(operation);
    }
    if has_parameter(operation, |parameter| parameter.parameter_in == ParameterIn::Header) {
        add_all::<responses::MalformedRequest>(operation);
    }
    if has_parameter(operation, |parameter| parameter.name == "id") {
        add_all::<responses::NotFound>(operation);
    }
    add_entity_tags(operation);
    add_all::<responses::QuotaExceeded>(operation);
    add_all::<responses::Unavailable>(operation);
    add_all::<responses::Any>(operation);
}

fn add_of_credentials(operation: &mut Operation, method: &HttpMethod) {
    let ways = operation.security.as_deref().unwrap_or_default();
    let nobody = SecurityRequirement::default();
    if ways.iter().all(|way| *way == nobody) {
        return;
    }
    if ways.contains(&nobody) {
        add_all::<responses::InvalidToken>(operation);
    } else {
        add_all::<responses::NotSignedIn>(operation);
    }
    if *method != HttpMethod::Get {
        add_all::<responses::CrossSite>(operation);
    }
}

/// Whatever can be asked for by its tag comes with its tag; so does what was just made and has an address.
fn add_entity_tags(operation: &mut Operation) {
    let has_condition = has_parameter(operation, |parameter| parameter.parameter_in == ParameterIn::Header);
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let is_shown = (status == "200" && has_condition) || response.headers.contains_key("Location");
        if is_shown {
            response.headers.insert("ETag".to_owned(), responses::etag().into());
        }
    }
}

fn has_parameter(operation: &Operation, is_wanted: impl Fn(&Parameter) -> bool) -> bool {
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    parameters.iter().any(|parameter| matches!(parameter, RefOr::T(parameter) if is_wanted(parameter)))
}

fn add_all<R: IntoResponses>(operation: &mut Operation) {
    for (status, response) in R::responses() {
        operation.responses.responses.entry(status).or_insert(response);
    }
}
