//! The one table of routes: each with what it takes to use it, enforced where callers are authenticated.

mod document;
pub(crate) mod header;

use crate::app::App;
use crate::openapi::Fragments;
use axum::{Extension, Router};
use document::document;
use scanledger_domain::identity::Action;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::UtoipaMethodRouter;

/// What it takes to use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// A caller who may do this.
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
    router: Router<App>,
    document: Fragments,
    rules: Vec<Rule>,
}

impl Routes {
    /// Adds one path with some of its methods, which all need the same.
    #[must_use]
    pub fn add(mut self, access: Access, (schemas, mut paths, methods): UtoipaMethodRouter<App>) -> Self {
        let methods = methods.route_layer(Extension(access));
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                document(operation, method, path, access);
                self.document.add_operation(path, method, operation);
                self.rules.push(Rule { method, path: path.clone(), access });
            }
            self.router = self.router.route(path, methods.clone());
        }
        self.document.add_schemas(schemas);
        self
    }

    /// Adds all routes of `other`.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self.document.merge(other.document);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// The router, what its OpenAPI document is made of, and the table sorted by path.
    pub fn into_parts(mut self) -> (Router<App>, Fragments, Vec<Rule>) {
        self.rules.sort_by(|a, b| (&a.path, a.method).cmp(&(&b.path, b.method)));
        (self.router, self.document, self.rules)
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
