//! What clients ask before they scan: what the server takes, and how much is left of the quota (reference §6 and §13).

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use scanledger_domain::limits::{DOCUMENT_BYTES, DOCUMENTS, DOCUMENTS_BODY_BYTES};
use scanledger_domain::secret::Allowance;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// What the server takes, and what clients tell people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Metadata)]
pub struct MetadataOut {
    /// Of the server.
    version: &'static str,
    preferences: PreferencesOut,
    secret_scan_preferences: ScanPreferencesOut,
    remediation_messages: RemediationMessagesOut,
}

/// What the server takes of any request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Preferences)]
pub struct PreferencesOut {
    /// Bytes of a body that is to be searched.
    #[serde(rename = "general__maximum_payload_size")]
    payload_size: usize,
}

/// What the server takes of documents.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::ScanPreferences)]
pub struct ScanPreferencesOut {
    /// In bytes of UTF-8.
    maximum_document_size: usize,
    maximum_documents_per_scan: usize,
}

/// What clients tell people whose commit or push has a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::RemediationMessages)]
pub struct RemediationMessagesOut {
    pre_commit: &'static str,
    pre_push: &'static str,
    pre_receive: &'static str,
}

const METADATA: MetadataOut = MetadataOut {
    version: concat!("v", env!("CARGO_PKG_VERSION")),
    preferences: PreferencesOut { payload_size: DOCUMENTS_BODY_BYTES },
    secret_scan_preferences: ScanPreferencesOut {
        maximum_document_size: DOCUMENT_BYTES,
        maximum_documents_per_scan: DOCUMENTS,
    },
    remediation_messages: RemediationMessagesOut {
        pre_commit: "  Nothing is committed yet. Take the secret out of the files, read it from the environment or\n  \
                     a secret store instead, stage the change and commit again.",
        pre_push: "  The secret is in local commits only. Take it out of every one of them (an interactive rebase does\n  \
                   that), then push again. A secret that was pushed anywhere else has to be replaced.",
        pre_receive: "  The server did not take the push. Take the secret out of every commit that is pushed (an\n  \
                      interactive rebase does that), then push again.",
    },
};

/// What the server takes, and what clients tell people
#[utoipa::path(
    get, path = "/v1/metadata", tag = "GitGuardian scans", responses((status = 200, body = MetadataOut))
)]
pub async fn metadata(_: Caller) -> Json<&'static MetadataOut> {
    Json(const { &METADATA })
}

/// How much is left of the quota.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Quotas)]
pub struct QuotasOut {
    content: QuotaOut,
}

/// Requests to search documents in the last 30 days.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Quota)]
pub struct QuotaOut {
    /// Requests that were made.
    count: u64,
    /// Requests that may be made.
    limit: u64,
    remaining: u64,
    since: DayOut,
}

/// A day: clients do not take a time with it.
#[derive(Debug, ToSchema)]
#[schema(as = gitguardian::Day, value_type = String, format = Date)]
pub struct DayOut(scanledger_domain::time::Timestamp);

impl Serialize for DayOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.to_utc().date_naive())
    }
}

/// How many requests to scan the workspace made and may still make
#[utoipa::path(
    get, path = "/v1/quotas", tag = "GitGuardian scans", responses((status = 200, body = QuotasOut))
)]
pub async fn quotas(State(app): State<App>, caller: Caller) -> Result<Json<QuotasOut>, Problem> {
    let now = app.clock.now();
    let allowance = app.documents.allowance(caller.organization(), now).await;
    let allowance: Allowance = allowance.map_err(|cause| Problem::fault(&*cause))?;
    let content = QuotaOut {
        count: allowance.used,
        limit: allowance.limit,
        remaining: allowance.remaining(),
        since: DayOut(Allowance::since(now)),
    };
    Ok(Json(QuotasOut { content }))
}
