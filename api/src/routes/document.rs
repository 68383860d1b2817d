//! What the OpenAPI document says of every route because the table says it: ids, parameters of paths, who may ask,
//! and the errors that do not come from the route itself, in the shape of its dialect.

use super::{Access, header};
use crate::dialect::Dialect;
use crate::limit::Class;
use crate::openapi::{API_KEY, COOKIE, SESSION};
use axum::http::HeaderMap;
use scanledger_domain::identity::{Action, Asker, Needs};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

/// Adds what follows from the table to the document of one route.
pub(super) fn document(operation: &mut Operation, method: &str, path: &str, access: Access) {
    let dialect = Dialect::of(path, &HeaderMap::new());
    operation.operation_id = Some(operation_id(method, path));
    add_path_parameters(operation, path);
    if let Access::Needs(action) = access {
        let needs = action.needs();
        operation.security = Some(security(needs.asker));
        let text = operation.description.take().map(|text| format!("{text}\n\n{}", who(needs)));
        operation.description = Some(text.unwrap_or_else(|| who(needs)));
    }
    header::add(operation, dialect, method, access);
    add_errors(operation, dialect, method, path, access);
    in_shape(operation, dialect);
}

fn add_path_parameters(operation: &mut Operation, path: &str) {
    let named: Vec<&str> =
        path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    if !named.is_empty() {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.splice(0..0, named.into_iter().map(|name| RefOr::T(path_parameter(name))));
    }
}

fn path_parameter(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

/// What a request may show of who sends it; one of them is enough.
fn security(asker: Asker) -> Vec<SecurityRequirement> {
    let schemes: &[&str] = match asker {
        Asker::Anyone => &[API_KEY, SESSION, COOKIE],
        Asker::Person | Asker::SuperAdmin => &[SESSION, COOKIE],
        Asker::Key => &[API_KEY],
    };
    schemes.iter().map(|scheme| SecurityRequirement::new(*scheme, [""; 0])).collect()
}

/// Who may use it, in words.
fn who(needs: Needs) -> String {
    let who = match needs.asker {
        Asker::Anyone => format!("Needs the role `{:?}` or a stronger one.", needs.role),
        Asker::Person => {
            format!("For people who have signed in, with the role `{:?}` or a stronger one.", needs.role)
        }
        Asker::SuperAdmin => "For super administrators who have signed in.".to_owned(),
        Asker::Key => "For API keys.".to_owned(),
    };
    match needs.scope {
        Some(scope) => format!("{who} A key needs the scope `{scope}`."),
        None => who,
    }
}

/// Adds errors that come before the route, unless it describes them itself.
fn add_errors(operation: &mut Operation, dialect: Dialect, method: &str, path: &str, access: Access) {
    let invalid = if dialect == Dialect::Trusca { "422" } else { "400" };
    let mut errors: Vec<(&str, &str)> = vec![];
    if let Access::Needs(action) = access {
        errors.extend([
            (invalid, "The request is not valid."),
            ("401", "No API key or session, or one that is not valid."),
            ("403", "The caller may not do this here."),
        ]);
        let is_hidden = match dialect {
            Dialect::Trusca => action == Action::Administer,
            Dialect::Semgrep => true,
            Dialect::GitGuardian | Dialect::Dpendx | Dialect::Plain => false,
        };
        if is_hidden {
            errors.push(("404", "There is nothing of this kind for the caller."));
        }
    }
    if operation.request_body.is_some() {
        errors.extend([
            (invalid, "The request is not valid."),
            ("413", "The body is too large."),
            ("415", "The body is of another kind."),
        ]);
    }
    if header::takes_key(dialect, method, access) {
        errors.push(("422", "The idempotency key came with another request before."));
    }
    if has_parameter(operation, "asOfScan") {
        errors.push(("404", "There is no such scan."));
    }
    let is_limited = Class::of(method, Some(path)).is_some();
    if is_limited || access != Access::Open {
        errors.push(("503", "The server cannot do this at the moment."));
    }
    for (status, text) in errors {
        let response = operation.responses.responses.entry(status.to_owned());
        response.or_insert_with(|| RefOr::T(problem(dialect, text).build()));
    }
    if is_limited {
        let text = "Too many requests; `Retry-After` says how many seconds to wait.";
        let seconds = ObjectBuilder::new().schema_type(Type::Integer);
        let seconds = HeaderBuilder::new().schema(Some(seconds)).build();
        let response = operation.responses.responses.entry("429".to_owned());
        response.or_insert_with(|| RefOr::T(problem(dialect, text).header("Retry-After", seconds).build()));
    }
}

fn has_parameter(operation: &Operation, name: &str) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter.name.as_str()),
            RefOr::Ref(_) => None,
        })
        .any(|found| found == name)
}

/// An error in the shape of a dialect.
fn problem(dialect: Dialect, text: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(shape(dialect))).build();
    ResponseBuilder::new().description(text).content(JSON, content)
}

fn shape(dialect: Dialect) -> RefOr<Schema> {
    match dialect {
        Dialect::Trusca => Ref::from_schema_name("trusca.Problem").into(),
        Dialect::GitGuardian => {
            let text = ObjectBuilder::new().schema_type(Type::String);
            RefOr::T(ObjectBuilder::new().property("detail", text).required("detail").build().into())
        }
        Dialect::Dpendx => {
            let text = || ObjectBuilder::new().schema_type(Type::String);
            let error = ObjectBuilder::new().property("code", text()).property("message", text());
            let error = error.required("code").required("message");
            let body = ObjectBuilder::new().property("status", text()).property("error", error);
            RefOr::T(body.required("status").required("error").build().into())
        }
        Dialect::Semgrep | Dialect::Plain => plain(),
    }
}

fn plain() -> RefOr<Schema> {
    Ref::from_schema_name("ProblemBody").into()
}

/// Routes describe errors as handlers make them; on their way out they get the shape of the dialect, and in TRUSCA's
/// a media type of their own (RFC 9457 §3).
fn in_shape(operation: &mut Operation, dialect: Dialect) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(Response { content, .. }) = response else { continue };
        if !status.starts_with(['4', '5']) {
            continue;
        }
        let Some(mut body) = content.shift_remove(JSON) else { continue };
        if let RefOr::T(body) = &mut body
            && body.schema == Some(plain())
        {
            body.schema = Some(shape(dialect));
        }
        let media_type = if dialect == Dialect::Trusca { PROBLEM_JSON } else { JSON };
        content.insert(media_type.to_owned(), body);
    }
}

/// `getApiScansIdFindings` for `GET /api/scans/{id}/findings`: unique, because method and path are.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_ascii_lowercase();
    for word in path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        id.push_str(&word[..1].to_ascii_uppercase());
        id.push_str(&word[1..]);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::operation_id;
    use serde_json::{Value, json};

    #[test]
    fn operations_are_named_by_method_and_path() {
        assert_eq!(operation_id("GET", "/api/scans/{id}/findings"), "getApiScansIdFindings");
        assert_eq!(operation_id("PATCH", "/api/settings/build-gates"), "patchApiSettingsBuildGates");
    }

    fn document() -> Value {
        serde_json::from_str(&crate::openapi_document()).unwrap()
    }

    #[test]
    fn the_document_says_who_may_use_a_route_and_what_stops_others() {
        let document = document();
        let scans = &document["paths"]["/api/scans"];
        assert_eq!(
            scans["get"]["security"],
            json!([{ "apiKey": [] }, { "session": [] }, { "sessionCookie": [] }])
        );
        let text = scans["post"]["description"].as_str().unwrap();
        assert!(
            text.ends_with("Needs the role `Developer` or a stronger one. A key needs the scope `scan`."),
            "{text}"
        );
        for (status, method) in
            [("401", "get"), ("404", "get"), ("429", "get"), ("413", "post"), ("415", "post")]
        {
            let response = &scans[method]["responses"][status];
            let schema = &response["content"]["application/json"]["schema"];
            assert_eq!(schema["$ref"], "#/components/schemas/ProblemBody", "{method} {status}");
        }
        let health = &document["paths"]["/health"]["get"];
        assert_eq!((&health["security"], &health["responses"]["429"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn errors_have_the_shape_of_their_dialect() {
        let document = document();
        let schema = |path: &str, method: &str, media_type: &str| {
            let content = &document["paths"][path][method]["responses"]["401"]["content"];
            assert_eq!(content.as_object().map(serde_json::Map::len), Some(1), "{path}");
            content[media_type]["schema"].clone()
        };
        let trusca = schema("/auth/login", "post", "application/problem+json");
        assert_eq!(trusca["$ref"], "#/components/schemas/trusca.Problem");
        let gitguardian = schema("/v1/api_tokens/self", "get", "application/json");
        assert_eq!(gitguardian["required"], json!(["detail"]));
        let plain = schema("/api/scans", "get", "application/json");
        assert_eq!(plain["$ref"], "#/components/schemas/ProblemBody");
    }

    #[test]
    fn every_scheme_that_a_route_names_is_described() {
        let document = document();
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        for path in document["paths"].as_object().unwrap().values() {
            for operation in path.as_object().unwrap().values() {
                let named = operation["security"].as_array().into_iter().flatten();
                for name in named.flat_map(|one| one.as_object().unwrap().keys()) {
                    assert!(schemes.contains_key(name), "{name}");
                }
            }
        }
    }

    #[test]
    fn every_shape_that_the_document_refers_to_is_in_it() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => (),
            }
        }
        let document = document();
        let mut found = vec![];
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
