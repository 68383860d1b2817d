//! Headers of every answer in the dialect (reference §1.4).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What clients show as the version of the server.
const APP_VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));
/// What clients show as the version of the detectors, which come with the server.
const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

const ALWAYS: [(HeaderName, &str); 8] = [
    (HeaderName::from_static("x-app-version"), APP_VERSION),
    (HeaderName::from_static("x-secrets-engine-version"), ENGINE_VERSION),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "X-App-Version"),
    (header::VARY, "Cookie"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
];

/// The methods of every route.
static ALLOWED: LazyLock<BTreeMap<String, HeaderValue>> = LazyLock::new(|| {
    let mut methods: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for rule in crate::route_table() {
        let methods = methods.entry(rule.path).or_insert_with(|| BTreeSet::from(["OPTIONS"]));
        methods.insert(rule.method);
        if rule.method == "GET" {
            methods.insert("HEAD");
        }
    }
    let text = |methods: BTreeSet<&str>| methods.into_iter().collect::<Vec<_>>().join(", ");
    let header = |(path, methods)| Some((path, HeaderValue::try_from(text(methods)).ok()?));
    methods.into_iter().filter_map(header).collect()
});

/// Adds the headers to an answer of a route, if it was one.
pub fn add(headers: &mut HeaderMap, route: Option<&str>) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(allowed) = route.and_then(|route| ALLOWED.get(route)) {
        headers.insert(header::ALLOW, allowed.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::add;
    use axum::http::{HeaderMap, header};

    fn allowed(route: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        add(&mut headers, route);
        assert!(headers["x-app-version"].to_str().unwrap().starts_with('v'));
        headers.get(header::ALLOW).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_answer_says_which_methods_its_route_knows() {
        for prefix in ["", "/exposed"] {
            let token = allowed(Some(&format!("{prefix}/v1/api_tokens/{{id}}")));
            assert_eq!(token.as_deref(), Some("DELETE, GET, HEAD, OPTIONS"));
        }
        assert_eq!(allowed(Some("/nowhere")), None);
        assert_eq!(allowed(None), None);
    }
}
