//! The documentation is complete without the internet.

use crate::service::Service;

#[tokio::test]
async fn the_document_is_openapi_3_1_and_every_operation_documents_problems() {
    let service = Service::start().await;

    let answer = service.ask("GET /openapi.json", &["Authorization: nonsense"]).await;

    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let responses = &document["paths"]["/problems/{name}"]["get"]["responses"];
    assert_eq!(responses["default"]["$ref"], "#/components/responses/Problem");
    assert_eq!(responses["404"]["$ref"], "#/components/responses/NotFound");
    let not_found = &document["components"]["responses"]["NotFound"]["content"]["application/problem+json"];
    assert_eq!(not_found["schema"]["$ref"], "#/components/schemas/Problem");
    assert!(document["components"]["schemas"]["Problem"]["properties"]["violated-policies"].is_object());
    assert!(document["components"]["schemas"]["InvalidPart"].is_object());
    assert_eq!(document["components"]["securitySchemes"]["cookie"]["name"], "aside_session");
}

/// Like a browser.
const BROTLI: &str = "Accept-Encoding: gzip, deflate, br";

#[tokio::test]
async fn documentation_has_strong_tags_and_each_coding_has_its_own() {
    let service = Service::start().await;

    for path in ["/docs", "/docs/swagger-ui.css", "/docs/favicon-32x32.png", "/openapi.json", "/problems/not-found"] {
        let get = format!("GET {path}");
        let plain = service.ask(&get, &[]).await;
        let tag = plain.header("etag").expect("a tag").to_owned();
        assert!(tag.starts_with('"') && plain.header("content-encoding").is_none(), "{path} {tag}");
        let again = service.ask(&get, &[&format!("If-None-Match: {tag}")]).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())), "{path}");

        let small = service.ask(&get, &[BROTLI]).await;
        if plain.body.len() < 1024 {
            assert_eq!((small.header("content-encoding"), &small.body), (None, &plain.body), "{path}");
            continue;
        }
        let own_tag = format!("\"{}-br\"", tag.trim_matches('"'));
        assert_eq!(
            (small.header("content-encoding"), small.header("etag")),
            (Some("br"), Some(own_tag.as_str())),
            "{path}"
        );
        assert!(small.body.len() * 3 < plain.body.len(), "{path}: {} of {}", small.body.len(), plain.body.len());
        let again = service.ask(&get, &[BROTLI, &format!("If-None-Match: {own_tag}")]).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(own_tag.as_str())), "{path}");
        let length = small.header("content-length").expect("a length").to_owned();
        let head = service.ask(&format!("HEAD {path}"), &[BROTLI]).await;
        assert_eq!(
            (head.header("etag"), head.header("content-length")),
            (Some(own_tag.as_str()), Some(length.as_str()))
        );
        assert_eq!(
            service.ask(&get, &["Accept-Encoding: gzip"]).await.header("content-encoding"),
            Some("gzip"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_page_loads_only_from_this_service() {
    let service = Service::start().await;

    let page = service.ask("GET /docs", &[]).await;

    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("script-src 'self'")));
    let html = page.text();
    assert!(html.contains("<title>aside</title>"), "{html}");
    assert!(html.contains("<base href=\"/docs/\">") && !html.contains("://"), "{html}");
    let mut files = 0;
    for attribute in html.split(['"', ' ']).filter(|part| part.starts_with("./") || *part == "index.css") {
        let file = service.ask(&format!("GET /docs/{}", attribute.trim_start_matches("./")), &[]).await;
        assert_eq!(file.status, 200, "{attribute}");
        files += 1;
    }
    assert_eq!(files, 7);
    let script = service.ask("GET /docs/swagger-initializer.js", &[]).await;
    assert!(script.text().contains("\"/openapi.json\"") && script.text().contains("\"validatorUrl\": \"none\""));
    service.ask("GET /docs/nothing.js", &[]).await.assert_problem(404, "unknown-path");
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_description() {
    let service = Service::start().await;
    let problem = service.ask("GET /nothing", &[]).await.json();

    let path = problem["type"].as_str().expect("a path").to_owned();
    let meaning = service.ask(&format!("GET {path}"), &[]).await.json();

    assert_eq!((&meaning["type"], &meaning["status"]), (&problem["type"], &problem["status"]));
    service.ask("GET /problems/nothing", &[]).await.assert_problem(404, "not-found");
}
