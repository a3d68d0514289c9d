//! The documented body of a handler is the body of its return type.

/// Handlers whose `#[utoipa::path]` names a body that their return type does not have.
pub(crate) fn undocumented_returns(file: &str, text: &str) -> Vec<String> {
    let operations = text.split("#[utoipa::path(").skip(1);
    operations
        .filter_map(|operation| {
            let (attribute, handler) = operation.split_once("pub(super) async fn ")?;
            let (signature, _) = handler.split_once("{\n")?;
            let (name, _) = signature.split_once('(')?;
            let (_, returned) = signature.rsplit_once("->")?;
            let (_, body) = attribute.split_once(" body = ")?;
            let end = body.find([',', ')'])?;
            let body = &body[..end];
            let has_body = returned.contains(&format!("<{body}>"));
            (!has_body).then(|| format!("{file}: {name} documents {body} and returns{returned}"))
        })
        .collect()
}
