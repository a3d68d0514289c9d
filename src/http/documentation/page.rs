//! `/docs`: Swagger UI out of the binary, without a byte from elsewhere.

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use utoipa_swagger_ui::{Config, serve};

/// What the page may do: run and load what this service serves. Its styles are set by its script, its icons are inlined.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// The page refers to its files by relative names: this makes them right for `/docs` as well as for `/docs/`.
const BASE: &str = "<head>\n    <base href=\"/docs/\">";

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    // "none": or else it sends the document to a validator on the internet.
    let config = Config::new(["/openapi.json"]).validator_url("none").try_it_out_enabled(true);
    let config = Arc::new(config.display_request_duration(true));
    let index = {
        let config = Arc::clone(&config);
        move || async move { file("index.html", config) }
    };
    Router::new()
        .route("/docs", get(index.clone()))
        .route("/docs/", get(index))
        .route("/docs/{*file}", get(async |Path(name): Path<String>| file(&name, config)))
}

fn file(name: &str, config: Arc<Config<'static>>) -> Response {
    match serve(name, config) {
        Ok(Some(file)) => {
            let bytes = if name == "index.html" { with_base(&file.bytes) } else { file.bytes.into_owned() };
            let fields =
                [(header::CONTENT_TYPE, file.content_type.as_str()), (header::CONTENT_SECURITY_POLICY, POLICY)];
            (fields, bytes).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => crate::http::problem::Problem::internal(error.to_string()).into_response(),
    }
}

fn with_base(page: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(page).replacen("<head>", BASE, 1).into_bytes()
}
