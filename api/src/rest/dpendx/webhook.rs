//! What the code host tells on its own (reference §4).

use super::{access, refusal};
use crate::app::App;
use crate::extract::read_bytes;
use crate::problem::{Problem, ProblemBody};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use scanledger_commands::hosted::Delivered;
use scanledger_commands::ports::{SignatureRefusal, WebhookEvent, WebhookSecret};
use scanledger_domain::limits::WEBHOOK_BYTES;
use serde::Serialize;
use utoipa::ToSchema;

/// Characters of the id of a delivery.
const DELIVERY_CHARS: usize = 100;

/// What becomes of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = dpendx::DeliveryStatus)]
pub enum DeliveryStatus {
    /// What it asks for will be done.
    Accepted,
    /// It is nothing to us.
    Ignored,
}

/// What becomes of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = dpendx::Delivery)]
pub struct DeliveryOut {
    status: DeliveryStatus,
    /// For people.
    #[schema(value_type = String)]
    message: &'static str,
}

/// Takes an event of GitHub
///
/// Headers: `X-GitHub-Event`, `X-GitHub-Delivery`, and `X-Hub-Signature-256` over the body with the secret that the app
/// shares with this server.
#[utoipa::path(
    post, path = "/webhook", tag = "dpendx", request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = 200, body = DeliveryOut, description = "It is nothing to this server."),
        (status = 202, body = DeliveryOut),
        (status = 401, body = ProblemBody, description = "The signature is missing or wrong."),
        (status = 404, body = ProblemBody, description = "The code host no longer has what it is about."),
        (status = 422, body = ProblemBody, description = "The code host refuses what it is about.")
    )
)]
pub async fn receive_event(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<DeliveryOut>), Problem> {
    let secret = app.dpendx.as_ref().and_then(|dpendx| dpendx.secret.as_ref());
    // Whoever does not sign at all is not listened to.
    if secret.is_none() || !request.headers().contains_key(SIGNATURE) {
        return Err(unsigned(SignatureRefusal::Missing));
    }
    let headers = request.headers().clone();
    let body = read_bytes(request, WEBHOOK_BYTES).await?;
    verify(secret, &headers, &body)?;
    let event = header(&headers, "x-github-event")?;
    let delivery = header(&headers, "x-github-delivery")?;
    let event = WebhookEvent::read(event, &body)
        .map_err(|error| Problem::bad_request(error.to_string()).with_code("invalid_request"))?;
    let delivered = access(&app)?.hosted.deliver(&*app.vault, event, delivery).await;
    let delivered = delivered.map_err(refusal::refused(&app))?;
    Ok(match delivered {
        Delivered::Accepted(_) => {
            let message = "the event will be worked at";
            (StatusCode::ACCEPTED, Json(DeliveryOut { status: DeliveryStatus::Accepted, message }))
        }
        Delivered::Ignored => {
            let message = "the event is nothing to this server";
            (StatusCode::OK, Json(DeliveryOut { status: DeliveryStatus::Ignored, message }))
        }
    })
}

const SIGNATURE: &str = "x-hub-signature-256";

fn verify(secret: Option<&WebhookSecret>, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let verified = secret.map_or(Err(SignatureRefusal::Missing), |secret| secret.verify(body, signature));
    verified.map_err(unsigned)
}

fn unsigned(refusal: SignatureRefusal) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, refusal.to_string()).with_code("invalid_signature")
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Problem> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let value = value.filter(|value| (1..=DELIVERY_CHARS).contains(&value.len()));
    value.ok_or_else(|| {
        Problem::invalid(name, format!("must have 1 to {DELIVERY_CHARS} characters"))
            .with_code("invalid_request")
    })
}
