//! Forms of sign-in pages: sent as a form or as JSON, and answered with JSON or by sending the browser on
//! (reference §1).

use crate::app::App;
use crate::extract::Body;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_domain::limits::FORM_BYTES;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde_json::json;
use std::fmt;

/// What was sent, and how.
pub struct Form<T> {
    /// What it says.
    pub value: T,
    /// How it was sent, which is how it is answered if it does not say.
    pub kind: Kind,
}

/// How something is sent or answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As JSON.
    Json,
    /// As a form, answered by sending the browser on.
    Browser,
}

impl Kind {
    /// Tells where to go.
    pub fn answer(self, status: StatusCode, url: String) -> Response {
        match self {
            Self::Json => (status, Json(json!({ "url": url }))).into_response(),
            Self::Browser => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let body = Body::<T>::from_request(request, app).await?;
            return Ok(Self { value: body.value, kind: Kind::Json });
        }
        let bytes = axum::body::to_bytes(request.into_body(), FORM_BYTES).await.map_err(|_| {
            let error = format!("the form has more than {FORM_BYTES} bytes, or ended early");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error).closing()
        })?;
        // What is wrong with it is not told: the message could show what was typed.
        let value = serde_urlencoded::from_bytes(&bytes);
        let value = value.map_err(|_| Problem::bad_request("the form is not valid"))?;
        Ok(Self { value, kind: Kind::Browser })
    }
}

/// Yes or no, in JSON or as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(bool);

impl Flag {
    /// How it is to be answered, if this says whether JSON is wanted.
    pub const fn kind(self) -> Kind {
        if self.0 { Kind::Json } else { Kind::Browser }
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Flag, E> {
                Ok(Flag(text == "true"))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Flag, Kind};
    use axum::http::{StatusCode, header};
    use serde_json::json;

    #[test]
    fn flags_are_written_either_way() {
        let of = |value| serde_json::from_value::<Flag>(value).unwrap();
        assert_eq!((of(json!(true)), of(json!("true"))), (Flag(true), Flag(true)));
        assert_eq!((of(json!(false)), of(json!("false"))), (Flag(false), Flag(false)));
        assert!(serde_json::from_value::<Flag>(json!(1)).is_err());
        let form: Vec<(String, Flag)> = serde_urlencoded::from_str("json=true").unwrap();
        assert_eq!(form[0].1.kind(), Kind::Json);
    }

    #[test]
    fn a_browser_is_sent_on_whatever_the_status() {
        let sent = Kind::Browser.answer(StatusCode::UNAUTHORIZED, "https://x/y".to_owned());
        assert_eq!(
            (sent.status(), sent.headers()[header::LOCATION].as_bytes()),
            (StatusCode::FOUND, &b"https://x/y"[..])
        );
        let told = Kind::Json.answer(StatusCode::UNAUTHORIZED, "https://x/y".to_owned());
        assert_eq!(told.status(), StatusCode::UNAUTHORIZED);
    }
}
