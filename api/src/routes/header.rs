//! Headers that many routes know: described once in the OpenAPI document, and referred to by each of them.

use super::Access;
use crate::dialect::Dialect;
use scanledger_domain::identity::{Action, Effect};
use scanledger_domain::limits::IDEMPOTENCY_KEY_CHARS;
use std::collections::BTreeMap;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Required};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const MIN_POSITION: &str = "Scanledger-Min-Position";
const POSITION: &str = "Scanledger-Position";

/// What the key of a repeat is for, in words.
const KEY_TEXT: &str = "Makes a repeat harmless: the same request with the same key is answered as the first one was, \
    and nothing is done again; what the answer shows of a thing is as that is now. With another body or query it is \
    refused with 422 `IDEMPOTENCY_KEY_REUSED`.";
const MIN_POSITION_TEXT: &str = "Waits until reads show everything up to this position, such as one that a write has \
    answered. Beyond the end of the log it is refused, and if it is not reached in time the answer is 503.";
const POSITION_TEXT: &str =
    "The position in the log of what was done; reads that show it have at least this one.";

/// The parameters that routes refer to, by name.
pub(crate) fn parameters() -> BTreeMap<&'static str, Parameter> {
    let parameter = |name: &'static str, text: &str, schema: ObjectBuilder| {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
        let parameter = parameter.required(Required::False).description(Some(text)).schema(Some(schema));
        (name, parameter.build())
    };
    let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    let key = key.max_length(Some(IDEMPOTENCY_KEY_CHARS)).pattern(Some("^[ -~]+$"));
    let position = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    [parameter(IDEMPOTENCY_KEY, KEY_TEXT, key), parameter(MIN_POSITION, MIN_POSITION_TEXT, position)].into()
}

/// The headers of answers that routes refer to, by name.
pub(crate) fn headers() -> BTreeMap<&'static str, Header> {
    let position = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let position = HeaderBuilder::new().schema(Some(position)).description(Some(POSITION_TEXT)).build();
    [(POSITION, position)].into()
}

/// Whether a route remembers what it did under an idempotency key. What reads does not, and neither do a client's run of
/// a scan, which has an id of its own, searches for secrets, which keep nothing, and what people change about their own
/// account.
pub(super) fn takes_key(dialect: Dialect, method: &str, access: Access) -> bool {
    let Access::Needs(action) = access else { return false };
    let is_otherwise = match dialect {
        Dialect::Semgrep | Dialect::GitGuardian => action == Action::Scan,
        Dialect::Trusca => action == Action::OwnAccount && method != "DELETE",
        Dialect::Dpendx | Dialect::Plain => false,
    };
    method != "GET" && action.needs().effect == Effect::Writes && !is_otherwise
}

/// Adds the headers that a route knows because of what it needs.
pub(super) fn add(operation: &mut Operation, dialect: Dialect, method: &str, access: Access) {
    if access == Access::Open {
        return;
    }
    let parameter = |name: &str| RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")));
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(parameter(MIN_POSITION));
    if !takes_key(dialect, method, access) {
        return;
    }
    parameters.push(parameter(IDEMPOTENCY_KEY));
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
        {
            let position = RefOr::Ref(Ref::new(format!("#/components/headers/{POSITION}")));
            response.headers.insert(POSITION.to_owned(), position);
        }
    }
}
