//! `/docs`: Swagger UI out of the binary, without a byte from elsewhere.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use http::{StatusCode, header};
use utoipa_swagger_ui::{Config, serve};

use super::asset::{Asset, Wanted};

/// What the page may do: run and load what this service serves. Its styles are set by its script, its icons are inlined.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// The page refers to its files by relative names: this makes them right for `/docs` as well as for `/docs/`.
const BASE: &str = "<head>\n    <base href=\"/docs/\">";

/// What the page loads, itself first. The binary has more; nothing refers to it.
const NAMES: [&str; 8] = [
    PAGE,
    "favicon-16x16.png",
    "favicon-32x32.png",
    "index.css",
    "swagger-initializer.js",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];
const PAGE: &str = "index.html";

static FILES: LazyLock<Vec<(&str, Arc<Asset>)>> = LazyLock::new(|| {
    // "none": or else it sends the document to a validator on the internet.
    let config = Config::new(["/openapi.json"]).validator_url("none").try_it_out_enabled(true);
    let config = Arc::new(config.display_request_duration(true));
    NAMES.iter().map(|&name| (name, file(name, Arc::clone(&config)))).collect()
});

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = async |wanted: Wanted| show(PAGE, wanted).await;
    Router::new()
        .route("/docs", get(page))
        .route("/docs/", get(page))
        .route("/docs/{*file}", get(async |Path(name): Path<String>, wanted: Wanted| show(&name, wanted).await))
}

/// `/`: there is nothing else for a browser to see.
pub(in crate::http) fn root<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/", get(async || Redirect::temporary("/docs")))
}

async fn show(name: &str, wanted: Wanted) -> Response {
    match FILES.iter().find(|(known, _)| *known == name) {
        Some((_, file)) => ([(header::CONTENT_SECURITY_POLICY, POLICY)], file.answer(wanted).await).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn file(name: &'static str, config: Arc<Config<'static>>) -> Arc<Asset> {
    let file = serve(name, config).ok().flatten().expect("the files of the page are in the binary");
    let bytes = if name == PAGE { page(&file.bytes).into() } else { Bytes::from(file.bytes.into_owned()) };
    Asset::new(&file.content_type, bytes)
}

/// Named after the service, and with the base.
fn page(html: &[u8]) -> String {
    let html = String::from_utf8_lossy(html).replacen("<head>", BASE, 1);
    html.replacen("<title>Swagger UI</title>", "<title>aside</title>", 1)
}
