//! Options of what manages API keys.

use super::{Json, StoreOptions};
use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use scanledger_domain::identity::{KeyForm, Scope, Scopes};
use scanledger_domain::time::Timestamp;
use std::num::NonZeroU16;
use uuid::Uuid;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Issue a key and print it, once. Works while a server runs.
    Create(Box<CreateKeyOptions>),
}

/// Options of `key create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanledger key create --name ci
  scanledger key create --name dashboard --role viewer --read-only --expires-at 2027-01-01T00:00:00Z
  scanledger key create --name pre-commit --form gitguardian --scopes scan --expires-in-days 90
  scanledger key create --name pipeline --form semgrep --scopes ci --team 018f2f6e-5b0a-7c3e-9f5e-0d1c2b3a4958
  scanledger key create --name laptop --email ana@acme.example --role admin")]
pub struct CreateKeyOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// What people call it.
    #[arg(long, env = "SCANLEDGER_KEY_NAME")]
    pub name: String,
    /// What it looks like, which is what some clients ask for: `ppr_…` and `tos_…` are for scripts, `gitguardian` is
    /// for ggshield, `semgrep` (64 hexadecimal digits) for semgrep. Every form opens every API, `tos` for scanning and reading only.
    #[arg(long, env = "SCANLEDGER_KEY_FORM", default_value = KeyForm::Pepper.as_str(),
          value_parser = PossibleValuesParser::new(KeyForm::ALL.map(KeyForm::as_str))
              .try_map(|word| word.parse::<KeyForm>()))]
    pub form: KeyForm,
    /// The most that it may do.
    #[arg(long, env = "SCANLEDGER_KEY_ROLE", value_enum, default_value_t = KeyRole::Developer)]
    pub role: KeyRole,
    /// What it may be used for: scopes as GitGuardian names them (`scan`, `incidents:read`, …), `ci` for what semgrep
    /// does in a pipeline, `web-api` for everything else, or `all`.
    #[arg(long, env = "SCANLEDGER_KEY_SCOPES", value_name = "LIST", default_value = "all", value_parser = scopes)]
    pub scopes: Scopes,
    /// Let it change nothing.
    #[arg(long, env = "SCANLEDGER_KEY_READ_ONLY", value_parser = FalseyValueParser::new())]
    pub read_only: bool,
    /// For whom it acts; for a person if one is named, else for itself.
    #[arg(long, env = "SCANLEDGER_KEY_KIND", value_enum)]
    pub kind: Option<Kind>,
    /// The id of the person for whom it acts: it never does more than they may.
    #[arg(long, env = "SCANLEDGER_KEY_USER", value_name = "ID")]
    pub user: Option<Uuid>,
    /// The e-mail address of the person for whom it acts.
    #[arg(long, env = "SCANLEDGER_KEY_EMAIL", value_name = "E-MAIL", conflicts_with = "user")]
    pub email: Option<String>,
    /// The only team whose projects it sees.
    #[arg(long, env = "SCANLEDGER_TEAM_ID", value_name = "ID")]
    pub team: Option<Uuid>,
    /// The only project it sees.
    #[arg(long, env = "SCANLEDGER_PROJECT_ID", value_name = "ID", conflicts_with = "team")]
    pub project: Option<Uuid>,
    /// Whose it is; may be left out if there is one organization.
    #[arg(long, env = "SCANLEDGER_ORGANIZATION_ID", value_name = "ID")]
    pub organization: Option<Uuid>,
    /// When it ends (RFC 3339); never if left out.
    #[arg(long, env = "SCANLEDGER_KEY_EXPIRES_AT", value_name = "TIME", value_parser = instant)]
    pub expires_at: Option<Timestamp>,
    /// After how many days it ends.
    #[arg(long, env = "SCANLEDGER_KEY_EXPIRES_IN_DAYS", value_name = "DAYS", conflicts_with = "expires_at")]
    pub expires_in_days: Option<NonZeroU16>,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "expected RFC 3339, such as 2027-01-01T00:00:00Z".to_owned())
}

/// Reads scopes, and the two kinds of tokens that Semgrep has (Semgrep reference §1).
fn scopes(text: &str) -> Result<Scopes, String> {
    let spelt = text.split([',', ' ']).map(|word| match word {
        "ci" => Scopes::from(Scope::Scan).to_string(),
        "web-api" => {
            let others = Scope::ALL.iter().copied().filter(|scope| *scope != Scope::Scan);
            others.collect::<Scopes>().to_string()
        }
        word => word.to_owned(),
    });
    let scopes = Scopes::parse(&spelt.collect::<Vec<_>>().join(",")).map_err(|error| error.to_string())?;
    if scopes == Scopes::NONE {
        return Err("a key without any scope is good for nothing".to_owned());
    }
    Ok(scopes)
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyRole {
    /// Look.
    Viewer,
    /// Scan and triage too.
    Developer,
    /// Set gates, delete, and read the audit log too.
    Security,
    /// Manage keys too.
    Admin,
}

/// For whom a key acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// For a person.
    Personal,
    /// For itself.
    Service,
}

#[cfg(test)]
mod tests {
    use super::scopes;
    use scanledger_domain::identity::{Scope, Scopes};

    #[test]
    fn scopes_have_names_of_gitguardian_and_of_semgrep() {
        assert_eq!(scopes("all"), Ok(Scopes::ALL));
        assert_eq!(scopes("scan,incidents:read"), Ok(Scopes::from(Scope::Scan).with(Scope::IncidentsRead)));
        assert_eq!(scopes("ci"), Ok(Scope::Scan.into()));
        let web_api = scopes("web-api").unwrap();
        assert!(!web_api.contains(Scope::Scan) && web_api.contains(Scope::IncidentsRead));
        assert_eq!(scopes("ci web-api").unwrap().iter().count(), Scope::ALL.len());
        assert!(scopes("scan,fly").unwrap_err().contains("fly"));
        assert!(scopes("").unwrap_err().contains("good for nothing"));
    }
}
