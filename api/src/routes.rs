//! The one table of routes: each with what it takes to use it, enforced where callers are authenticated.

use crate::app::App;
use axum::{Extension, Router};
use scanledger_domain::identity::Action;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, schema::Type,
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// What it takes to use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// An API key whose role may do this.
    Needs(Action),
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `GET`.
    pub method: &'static str,
    /// With parameters in braces.
    pub path: String,
    /// What it takes to use it.
    pub access: Access,
}

/// Routes with their documents and rules.
#[derive(Default)]
pub struct Routes {
    router: OpenApiRouter<App>,
    rules: Vec<Rule>,
}

impl Routes {
    /// Adds one path with some of its methods, which all need the same.
    #[must_use]
    pub fn add(mut self, access: Access, (schemas, mut paths, methods): UtoipaMethodRouter<App>) -> Self {
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                document(operation, method, path, access);
                self.rules.push(Rule { method, path: path.clone(), access });
            }
        }
        let methods = methods.route_layer(Extension(access));
        Self { router: self.router.routes((schemas, paths, methods)), rules: self.rules }
    }

    /// Adds all routes of `other`.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        Self { router: self.router.merge(other.router), rules: self.rules }
    }

    /// The router, its OpenAPI document, and the table sorted by path.
    pub fn into_parts(mut self) -> (Router<App>, OpenApi, Vec<Rule>) {
        self.rules.sort_by(|a, b| (&a.path, a.method).cmp(&(&b.path, b.method)));
        let (router, document) = self.router.split_for_parts();
        (router, document, self.rules)
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let methods = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Adds what follows from the table: an id, parameters of the path, security and its errors.
fn document(operation: &mut Operation, method: &str, path: &str, access: Access) {
    operation.operation_id = Some(operation_id(method, path));
    let named: Vec<&str> =
        path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    if !named.is_empty() {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.splice(0..0, named.into_iter().map(|name| RefOr::T(path_parameter(name))));
    }
    let errors: &[(&str, &str)] = match access {
        Access::Open => &[],
        Access::Needs(action) => {
            let bearer: [&str; 0] = [];
            operation.security = Some(vec![SecurityRequirement::new("apiKey", bearer)]);
            let needs = format!("Needs the role `{:?}` or a stronger one.", action.least_role());
            let text = operation.description.take().map(|text| format!("{text}\n\n{needs}"));
            operation.description = Some(text.unwrap_or(needs));
            &[
                ("400", "The request is not valid."),
                ("401", "No API key, or one that is not valid."),
                ("403", "The key may not do this here."),
                ("503", "The server cannot do this at the moment."),
            ]
        }
    };
    for (status, text) in errors {
        let response = operation.responses.responses.entry((*status).to_owned());
        response.or_insert_with(|| problem(text));
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

fn path_parameter(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

fn problem(text: &str) -> RefOr<utoipa::openapi::Response> {
    let schema = Ref::from_schema_name("ProblemBody");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    RefOr::T(ResponseBuilder::new().description(text).content("application/json", content).build())
}

#[cfg(test)]
mod tests {
    use super::operation_id;

    #[test]
    fn operations_are_named_by_method_and_path() {
        assert_eq!(operation_id("GET", "/api/scans/{id}/findings"), "getApiScansIdFindings");
        assert_eq!(operation_id("PATCH", "/api/settings/build-gates"), "patchApiSettingsBuildGates");
    }
}
