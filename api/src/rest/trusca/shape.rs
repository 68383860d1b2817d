//! Shapes that requests and answers of the dialect share.

use crate::app::App;
use crate::extract::Number;
use crate::problem::Problem;
use crate::request::POSITION;
use crate::rest::{Paged, shown};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use scanledger_domain::identity::is_email;
use scanledger_domain::limits::ADMIN_PAGE_ROWS;
use scanledger_domain::log::Position;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The parameter `page` of page shape A, from 1 (reference §1.1).
pub type PageNumber = Number<1_000_000>;
/// The parameter `page_size` of page shape A: rows on a page (reference §1.1).
pub type PageSize = Number<ADMIN_PAGE_ROWS>;

/// Which page of shape A is asked for; without a size, one of `rows`.
pub fn page_a(page: Option<PageNumber>, size: Option<PageSize>, rows: u32) -> Paged {
    Paged { page: page.map_or(1, |page| page.0), limit: size.map_or(rows, |size| size.0) }
}

/// A page of shape A (reference §1.1).
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Rows on all pages.
    pub total: u64,
    /// From 1.
    pub page: u32,
    /// Rows on a page.
    pub page_size: u32,
}

impl<T> Page<T> {
    /// The page that was asked for.
    pub fn of(items: Vec<T>, paged: Paged, total: u64) -> Self {
        Self { items, total, page: paged.page, page_size: paged.limit }
    }
}

// Derived, it would repeat the schema of its rows; routes have to name it with an alias.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        let numbers = ["total", "page", "page_size"];
        let page = ObjectBuilder::new().property("items", items).required("items");
        let page = numbers.into_iter().fold(page, |page, name| {
            page.property(name, ObjectBuilder::new().schema_type(Type::Integer)).required(name)
        });
        RefOr::T(page.build().into())
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// An error (RFC 9457). Problems get this shape on their way out, so it is only named in the documents.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::Problem)]
pub struct ProblemOut {
    /// What kind of error it is; `about:blank` where the status says it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What exactly is wrong.
    pub detail: String,
    /// The path of the request.
    pub instance: String,
}

/// 204 with the position of what was done, once reads show it.
pub async fn done(app: &App, position: Option<Position>) -> Response {
    let position = shown(app, position).await;
    (StatusCode::NO_CONTENT, [(POSITION, position.to_string())]).into_response()
}

/// An address as it is compared: without white space around it, in lower case (reference §3.1).
///
/// # Errors
/// 422 if it is none.
pub fn email_of(text: &str) -> Result<String, Problem> {
    let email = text.trim().to_lowercase();
    if !is_email(&email) {
        return Err(Problem::invalid("email", "must be an e-mail address"));
    }
    Ok(email)
}

#[cfg(test)]
mod tests {
    use super::{Page, email_of, page_a};
    use crate::extract::Number;
    use serde_json::json;

    #[test]
    fn a_page_says_which_it_is() {
        let paged = page_a(Some(Number(3)), None, 50);
        let page = Page::of(vec!["x".to_owned()], paged, 101);
        let expected = json!({ "items": ["x"], "total": 101, "page": 3, "page_size": 50 });
        assert_eq!(serde_json::to_value(page).unwrap(), expected);
        assert_eq!(page_a(None, Some(Number(7)), 50).limit, 7);
    }

    #[test]
    fn addresses_are_compared_in_lower_case() {
        assert_eq!(email_of(" Ana@Example.ORG ").unwrap(), "ana@example.org");
        for bad in ["", "ana", "@", "a b@c", "a@b@c", "ana@"] {
            assert_eq!(email_of(bad).unwrap_err().status().as_u16(), 400, "{bad}");
        }
    }
}
