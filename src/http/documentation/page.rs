//! `/docs`: Swagger UI from the binary. It loads nothing from other hosts.

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

/// The page may load from this service only. Its script sets styles, and its icons are inlined.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// The page names its files by relative paths. The base makes these right for `/docs` and for `/docs/`.
const BASE: &str = "<head>\n    <base href=\"/docs/\">";

/// The page and its files. The other files in the binary are not referenced.
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
    // Otherwise the page sends the document to a validator on the internet.
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

/// `/` leads to the documentation.
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

/// Sets the title and the base.
fn page(html: &[u8]) -> String {
    let html = String::from_utf8_lossy(html).replacen("<head>", BASE, 1);
    html.replacen("<title>Swagger UI</title>", "<title>aside</title>", 1)
}
