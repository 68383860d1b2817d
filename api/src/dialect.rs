//! Which dialect a request speaks, and what errors look like in it.
//!
//! Handlers and everything before them answer a [`Problem`](crate::problem::Problem), which writes itself in the plain
//! shape `{error, details?, code?}`. A layer around all routes writes it anew where the path belongs to a dialect with
//! another shape.

use crate::problem::{Detail, ProblemParts};
use crate::rest::gitguardian::add_headers;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use scanledger_domain::identity::Denied;
use serde_json::{Map, Value, json};

/// What is under these is Semgrep's (reference §11.1).
const SEMGREP: [&str; 9] = [
    "/api/v1",
    "/api/agent",
    "/api/cli",
    "/api/registry",
    "/api/check-version",
    "/c",
    "/p",
    "/r",
    "/failure",
];
/// Media type of RFC 9457.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Media type of everything else.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What only GitGuardian has of `/v1`, which it shares with TRUSCA.
const GITGUARDIAN: [&str; 20] = [
    "/v1/api_tokens",
    "/v1/audit_logs",
    "/v1/health",
    "/v1/honeytokens",
    "/v1/honeytokens_events",
    "/v1/incidents",
    "/v1/invitations",
    "/v1/members",
    "/v1/metadata",
    "/v1/multiscan",
    "/v1/occurrences",
    "/v1/quotas",
    "/v1/scan",
    "/v1/secret_detectors",
    "/v1/secrets",
    "/v1/severity-rules",
    "/v1/shared-incidents",
    "/v1/sources",
    "/v1/teams",
    "/v1/token",
];

/// What errors look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 9457 with snake-case members (TRUSCA reference §4).
    Trusca,
    /// `{detail}` (GitGuardian reference §1.4).
    GitGuardian,
    /// `{error}`, and 404 where a scope is missing (Semgrep reference §1).
    Semgrep,
    /// `{status, error: {code, message}}` (dpendx reference §1).
    Dpendx,
    /// `{error, details?, code?}`: Pepper and everything that is ours.
    Plain,
}

impl Dialect {
    /// The dialect of a request, by its path and, where two share a prefix, by the scheme of its credentials.
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        let is_under =
            |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_under("/exposed/v1")
            || GITGUARDIAN.into_iter().any(is_under)
            || (is_under("/v1") && has_token(headers))
        {
            Self::GitGuardian
        } else if is_under("/v1") || is_under("/auth") || is_under("/ws") {
            Self::Trusca
        } else if SEMGREP.iter().any(|root| is_under(root)) {
            Self::Semgrep
        } else if ["/api/scan", "/api/fix", "/api/sbom", "/webhook"].into_iter().any(is_under) {
            Self::Dpendx
        } else {
            Self::Plain
        }
    }

    /// The status and the body of an error, and its media type.
    fn render(self, problem: &ProblemParts, path: &str) -> Option<(StatusCode, Value, HeaderValue)> {
        match self {
            Self::Plain => None,
            Self::Dpendx => {
                let error = json!({ "code": dpendx_code(problem, path), "message": sentence(problem) });
                Some((problem.status, json!({ "status": "error", "error": error }), JSON))
            }
            Self::Trusca => {
                let (status, body) = trusca(problem, path);
                Some((status, body, PROBLEM_JSON))
            }
            Self::GitGuardian => {
                let detail = match problem.status {
                    StatusCode::UNAUTHORIZED => "Invalid API key.".to_owned(),
                    StatusCode::NOT_FOUND => "Not found.".to_owned(),
                    _ => sentence(problem),
                };
                Some((problem.status, json!({ "detail": detail }), JSON))
            }
            Self::Semgrep => match problem.denied {
                Some(Denied::Scope { .. }) => {
                    Some((StatusCode::NOT_FOUND, json!({ "error": "Not found" }), JSON))
                }
                _ => None,
            },
        }
    }
}

/// `Authorization: Token …`, which only GitGuardian's clients send.
fn has_token(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"token "))
}

/// The dialect's own codes are in lower case; what has another one or none is known by its status.
fn dpendx_code(problem: &ProblemParts, path: &str) -> &'static str {
    let own = problem.code.filter(|code| code.starts_with(|c: char| c.is_ascii_lowercase()));
    own.unwrap_or(match problem.status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "invalid_request"
        }
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND if path.starts_with("/api/sbom/") => "scan_not_found",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::TOO_MANY_REQUESTS => "rate_limited",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_client_error() => "unprocessable",
        _ => "internal_error",
    })
}

/// What is wrong, with its details, in one text.
fn sentence(problem: &ProblemParts) -> String {
    let details = problem.details.iter().map(|Detail { path, message }| format!("{path}: {message}"));
    std::iter::once(problem.error.clone()).chain(details).collect::<Vec<_>>().join("; ")
}

fn trusca(problem: &ProblemParts, path: &str) -> (StatusCode, Value) {
    let (status, title) = match problem.denied {
        // A key is no credential at all where it is not for (reference §2.2).
        Some(Denied::NotAPerson | Denied::NotAKey | Denied::Form | Denied::Scope { .. }) => {
            (StatusCode::UNAUTHORIZED, None)
        }
        Some(Denied::NotSuperAdmin) => (StatusCode::NOT_FOUND, Some("Not Found".to_owned())),
        Some(Denied::Role { needed }) => {
            (StatusCode::FORBIDDEN, Some(format!("Requires role >= {}", trusca_role(needed))))
        }
        Some(_) => (StatusCode::FORBIDDEN, Some("Forbidden".to_owned())),
        // What cannot be read is a validation error, whatever is wrong with it.
        None if problem.status == StatusCode::BAD_REQUEST && problem.title.is_none() => {
            return (StatusCode::UNPROCESSABLE_ENTITY, validation(problem, path));
        }
        None => (problem.status, problem.title.map(str::to_owned)),
    };
    let reason = || status.canonical_reason().unwrap_or("Error").to_owned();
    let (title, detail) = match title {
        _ if status == StatusCode::UNAUTHORIZED && problem.title.is_none() => {
            let text = "Authentication required".to_owned();
            (text.clone(), text)
        }
        Some(title) if problem.title.is_none() => (title.clone(), title),
        Some(title) => (title, sentence(problem)),
        None => (reason(), sentence(problem)),
    };
    (status, rfc9457(problem, status, &title, &detail, path))
}

fn trusca_role(role: scanledger_domain::identity::Role) -> &'static str {
    use scanledger_domain::identity::Role;
    match role {
        Role::Viewer => "viewer",
        Role::Developer => "developer",
        Role::Security => "team_admin",
        Role::Admin => "super_admin",
    }
}

fn rfc9457(problem: &ProblemParts, status: StatusCode, title: &str, detail: &str, path: &str) -> Value {
    let mut body = Map::new();
    body.insert("type".to_owned(), problem.kind.unwrap_or("about:blank").into());
    body.insert("title".to_owned(), title.into());
    body.insert("status".to_owned(), status.as_u16().into());
    body.insert("detail".to_owned(), detail.into());
    body.insert("instance".to_owned(), path.into());
    for (name, value) in &problem.extensions {
        body.insert((*name).to_owned(), value.clone());
    }
    Value::Object(body)
}

/// `errors` never repeats what was sent (TRUSCA reference §4).
fn validation(problem: &ProblemParts, path: &str) -> Value {
    let errors: Vec<Value> = problem
        .details
        .iter()
        .map(|Detail { path, message }| {
            let location: Vec<&str> = std::iter::once("body").chain(path.split('.')).collect();
            json!({ "type": "value_error", "loc": location, "msg": message, "input": "<redacted>" })
        })
        .collect();
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut body = rfc9457(problem, status, "Validation Error", "The request is not valid.", path);
    if let Some(body) = body.as_object_mut() {
        body.insert("errors".to_owned(), errors.into());
    }
    body
}

/// The layer that writes errors anew in the shape of their dialect, and adds what the dialect has on every answer.
pub async fn shape(request: Request, next: Next) -> Response {
    let dialect = Dialect::of(request.uri().path(), request.headers());
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = shaped(dialect, &path, next.run(request).await);
    if dialect == Dialect::GitGuardian {
        add_headers(response.headers_mut(), route.as_ref().map(MatchedPath::as_str));
    }
    response
}

fn shaped(dialect: Dialect, path: &str, mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<ProblemParts>() else { return response };
    let Some((status, body, media_type)) = dialect.render(&problem, path) else { return response };
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.insert(header::CONTENT_TYPE, media_type);
    parts.headers.remove(header::CONTENT_LENGTH);
    if status != StatusCode::UNAUTHORIZED {
        parts.headers.remove(header::WWW_AUTHENTICATE);
    }
    Response::from_parts(parts, Body::from(body.to_string()))
}

#[cfg(test)]
mod tests {
    use super::Dialect;
    use crate::problem::Problem;
    use crate::rest::{dpendx, gitguardian, semgrep, trusca};
    use crate::routes::Routes;
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
    use scanledger_domain::identity::{Denied, Role, Scope};
    use serde_json::{Value, json};

    fn dialect(path: &str, authorization: Option<&'static str>) -> Dialect {
        let headers: HeaderMap = authorization
            .map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        Dialect::of(path, &headers)
    }

    #[test]
    fn a_dialect_is_told_by_its_path() {
        for (path, authorization, expected) in [
            ("/v1/scan", None, Dialect::GitGuardian),
            ("/v1/scans", None, Dialect::Trusca),
            ("/exposed/v1/scan", None, Dialect::GitGuardian),
            ("/v1/scan", Some("Token x"), Dialect::GitGuardian),
            ("/v1/scan", Some("token x"), Dialect::GitGuardian),
            ("/v1/api_tokens/self", Some("Bearer x"), Dialect::GitGuardian),
            ("/v1/api-keys", Some("Bearer x"), Dialect::Trusca),
            ("/v1/projects", None, Dialect::Trusca),
            ("/auth/login", Some("Token x"), Dialect::Trusca),
            ("/ws/scans", None, Dialect::Trusca),
            ("/v1x", None, Dialect::Plain),
            ("/api/v1/deployments", None, Dialect::Semgrep),
            ("/c/p/default", None, Dialect::Semgrep),
            ("/api/registry/rules", None, Dialect::Semgrep),
            ("/api/clients", None, Dialect::Plain),
            ("/api/scan", None, Dialect::Dpendx),
            ("/api/scans", None, Dialect::Plain),
            ("/api/sbom/x", None, Dialect::Dpendx),
            ("/webhook", None, Dialect::Dpendx),
            ("/api/webhooks", None, Dialect::Plain),
            ("/api/auth/register", None, Dialect::Plain),
            ("/graphql", None, Dialect::Plain),
        ] {
            assert_eq!(dialect(path, authorization), expected, "{path}");
        }
    }

    #[test]
    fn every_route_is_told_by_its_path() {
        let paths = |routes: Routes| routes.into_parts().2.into_iter().map(|rule| rule.path);
        let of = |path: &str| dialect(path, None);
        for path in paths(gitguardian::routes()) {
            assert_eq!(of(&path), Dialect::GitGuardian, "{path}");
        }
        for path in paths(trusca::routes()) {
            assert_eq!(of(&path), Dialect::Trusca, "{path}");
        }
        for path in paths(semgrep::routes()) {
            assert_eq!(of(&path), Dialect::Semgrep, "{path}");
        }
        for path in paths(dpendx::routes()) {
            assert_eq!(of(&path), Dialect::Dpendx, "{path}");
        }
    }

    #[test]
    fn every_root_has_a_route() {
        let unused = |routes: Routes, roots: &[&'static str]| -> Vec<&'static str> {
            let rules = routes.into_parts().2;
            let has = |root: &str| {
                let is_under = |path: &str| path == root || path.starts_with(&format!("{root}/"));
                rules.iter().any(|rule| is_under(&rule.path))
            };
            roots.iter().copied().filter(|root| !has(root)).collect()
        };
        assert_eq!(unused(gitguardian::routes(), &super::GITGUARDIAN), [""; 0]);
        assert_eq!(unused(semgrep::routes(), &super::SEMGREP), [""; 0]);
    }

    fn rendered(dialect: Dialect, problem: Problem) -> (u16, Value) {
        let parts = problem.parts();
        let (status, body, _) = dialect.render(&parts, "/x").unwrap();
        (status.as_u16(), body)
    }

    #[test]
    fn trusca_answers_problem_details() {
        let titled = Problem::new(StatusCode::CONFLICT, "it is taken")
            .with_title("Team Slug Conflict")
            .with_extension("team_slug", true);
        let body = json!({
            "type": "about:blank", "title": "Team Slug Conflict", "status": 409, "detail": "it is taken",
            "instance": "/x", "team_slug": true,
        });
        assert_eq!(rendered(Dialect::Trusca, titled), (409, body));
        let (status, body) = rendered(Dialect::Trusca, Problem::invalid("email", "is missing"));
        assert_eq!((status, &body["title"]), (422, &json!("Validation Error")));
        assert_eq!(body["errors"][0]["loc"], json!(["body", "email"]));
        let (status, body) = rendered(Dialect::Trusca, Problem::unauthenticated("no"));
        assert_eq!((status, &body["title"]), (401, &json!("Authentication required")));
    }

    #[test]
    fn dpendx_answers_a_code_and_a_message() {
        let dpendx = |problem| rendered(Dialect::Dpendx, problem);
        let error = |code: &str, message: &str| json!({ "status": "error", "error": { "code": code, "message": message } });
        let invalid = "the request is not valid; owner: missing field `owner`";
        assert_eq!(
            dpendx(Problem::invalid("owner", "missing field `owner`")),
            (400, error("invalid_request", invalid))
        );
        let own = Problem::new(StatusCode::NOT_FOUND, "x").with_code("repo_not_found");
        assert_eq!(dpendx(own), (404, error("repo_not_found", "x")));
        let limited = Problem::new(StatusCode::TOO_MANY_REQUESTS, "x").with_code("RATE_LIMITED");
        assert_eq!(dpendx(limited), (429, error("rate_limited", "x")));
    }

    #[test]
    fn trusca_hides_administration_and_names_roles() {
        let answer = |denied: Denied| {
            let (status, body) = rendered(Dialect::Trusca, denied.into());
            (status, body["title"].as_str().unwrap().to_owned())
        };
        assert_eq!(answer(Denied::NotSuperAdmin), (404, "Not Found".to_owned()));
        assert_eq!(answer(Denied::NotAPerson), (401, "Authentication required".to_owned()));
        let needed = Role::Security;
        assert_eq!(answer(Denied::Role { needed }), (403, "Requires role >= team_admin".to_owned()));
        assert_eq!(answer(Denied::OtherTeam), (403, "Forbidden".to_owned()));
    }

    #[test]
    fn gitguardian_and_semgrep_answer_their_fixed_words() {
        let gitguardian = |problem| rendered(Dialect::GitGuardian, problem);
        assert_eq!(
            gitguardian(Problem::unauthenticated("x")),
            (401, json!({ "detail": "Invalid API key." }))
        );
        assert_eq!(gitguardian(Problem::missing("token")), (404, json!({ "detail": "Not found." })));
        let scope = Denied::Scope { needed: Scope::IncidentsRead };
        assert_eq!(rendered(Dialect::GitGuardian, scope.into()).0, 403);
        assert_eq!(rendered(Dialect::Semgrep, scope.into()), (404, json!({ "error": "Not found" })));
    }
}
