//! Which requests are limited together, and the one table of how much each class may do.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

/// Requests that are limited together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Signing in with a password.
    Login,
    /// Making an account.
    Register,
    /// Asking for a new password, and setting it.
    Reset,
    /// Going to an outside sign-in provider, and coming back.
    OAuth,
    /// Taking the next access token of a session.
    Refresh,
    /// Starting scans.
    Upload,
    /// Scans of repositories at a code host, of an installation of the app.
    Checks,
    /// Pull requests that mend, of an installation of the app.
    Fixes,
    /// Searching documents.
    Documents,
    /// Whole lists and reports in one answer.
    Export,
    /// Reads that look through much.
    Search,
    /// Uses of honeytokens, by whoever has found one.
    Decoy,
    /// Everything else.
    General,
    /// Credentials that turned out not to be valid. No request is of this class: it counts refusals.
    Failure,
}

/// Who is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everybody behind one address.
    Address,
    /// A credential that was accepted before; everybody else by address, or inventing credentials would help.
    Credential,
    /// An installation of the app, which handlers know: it is in the body.
    Installation,
}

/// How many requests in what time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many in a window; at least 1.
    pub(super) limit: u32,
    /// How long a window is, in seconds; at least 1.
    pub(super) window_seconds: u32,
    /// How many of them at once; at least 1 and at most `limit`.
    pub(super) burst: u32,
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// What the configuration and the headers call it.
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) quota: Quota,
    /// How long a request may take until its answer begins; what comes as a stream afterwards is not counted.
    pub(super) time: Duration,
}

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
/// How long a client may take to send a request without a file, and the server to answer it.
const SHORT: Duration = Duration::from_secs(60);
/// How long the server may take to put something large together.
const LONG: Duration = Duration::from_secs(600);
/// How long an upload may take: the largest one at 28 KiB a second.
const UPLOAD: Duration = Duration::from_secs(3_600);

impl Class {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Login,
        Self::Register,
        Self::Reset,
        Self::OAuth,
        Self::Refresh,
        Self::Upload,
        Self::Checks,
        Self::Fixes,
        Self::Documents,
        Self::Export,
        Self::Search,
        Self::Decoy,
        Self::General,
        Self::Failure,
    ];

    /// The table: numbers from the references where they have some (TRUSCA §2.5, Pepper §1). Both dialects' ways to
    /// sign in share one class, or a guesser would use both.
    pub(super) const fn line(self) -> Line {
        use Scope::{Address, Credential, Installation};
        let (name, scope, quota, time) = match self {
            // TRUSCA RL-login.
            Self::Login => ("login", Address, Quota::all_at_once(5, MINUTE), SHORT),
            // Pepper: 20 in 15 minutes.
            Self::Register => ("register", Address, Quota::all_at_once(20, 15 * MINUTE), SHORT),
            // TRUSCA RL-forgot and RL-reset.
            Self::Reset => ("reset", Address, Quota::all_at_once(5, MINUTE), SHORT),
            // TRUSCA RL-oauth.
            Self::OAuth => ("oauth", Address, Quota::all_at_once(60, MINUTE), SHORT),
            Self::Refresh => ("refresh", Address, Quota::all_at_once(120, MINUTE), SHORT),
            // An organization's pipelines often share one key.
            Self::Upload => ("upload", Credential, Quota::all_at_once(300, MINUTE), UPLOAD),
            // dpendx reference §1.
            Self::Checks => ("checks", Installation, Quota::all_at_once(60, HOUR), UPLOAD),
            Self::Fixes => ("fixes", Installation, Quota::all_at_once(10, HOUR), UPLOAD),
            // A client sends a repository's history in such requests, several at a time.
            Self::Documents => ("documents", Credential, Quota::all_at_once(1_200, MINUTE), LONG),
            Self::Export => ("export", Credential, Quota::all_at_once(60, MINUTE), LONG),
            Self::Search => ("search", Credential, Quota::all_at_once(600, MINUTE), SHORT),
            // Far more than is recorded; each known one is looked for in the log.
            Self::Decoy => ("decoy", Address, Quota::all_at_once(120, MINUTE), SHORT),
            Self::General => {
                let quota = Quota { limit: 6_000, window_seconds: MINUTE, burst: 1_000 };
                ("general", Credential, quota, SHORT)
            }
            Self::Failure => ("failure", Address, Quota::all_at_once(100, MINUTE), SHORT),
        };
        Line { name, scope, quota, time }
    }

    /// What the configuration and the headers call it.
    pub const fn name(self) -> &'static str {
        self.line().name
    }

    /// The class of requests with this method to this route; none for what is never limited.
    pub(crate) fn of(method: &str, route: Option<&str>) -> Option<Self> {
        // Every `GET` answers `HEAD` too.
        let method = if method == "HEAD" { "GET" } else { method };
        let found = route.and_then(|route| BY_ROUTE.get(&(method, route)).copied());
        found.unwrap_or(Some(Self::General))
    }
}

impl FromStr for Class {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|class| class.name() == name).ok_or(())
    }
}

impl Quota {
    const fn all_at_once(limit: u32, window_seconds: u32) -> Self {
        Self { limit, window_seconds, burst: limit }
    }
}

type Entry = (&'static str, &'static str, Option<Class>);

/// Routes that are not [`Class::General`], as the router names them.
const ROUTES: [Entry; 82] = [
    ("POST", "/auth/login", Some(Class::Login)),
    ("POST", "/api/auth/callback/credentials", Some(Class::Login)),
    // It compares a password too.
    ("POST", "/v1/users/me/password", Some(Class::Login)),
    ("POST", "/auth/register", Some(Class::Register)),
    ("POST", "/api/auth/register", Some(Class::Register)),
    ("POST", "/auth/forgot-password", Some(Class::Reset)),
    ("POST", "/auth/reset-password", Some(Class::Reset)),
    ("GET", "/auth/oauth/{provider}/authorize", Some(Class::OAuth)),
    ("GET", "/auth/oauth/{provider}/callback", Some(Class::OAuth)),
    ("POST", "/auth/refresh", Some(Class::Refresh)),
    ("POST", "/api/scans", Some(Class::Upload)),
    ("POST", "/api/scans/{id}/rescan", Some(Class::Upload)),
    ("POST", "/api/scan", Some(Class::Upload)),
    ("POST", "/api/fix", Some(Class::Upload)),
    ("GET", "/api/sbom/{id}", Some(Class::Export)),
    ("POST", "/v1/scan", Some(Class::Documents)),
    ("POST", "/exposed/v1/scan", Some(Class::Documents)),
    ("POST", "/v1/multiscan", Some(Class::Documents)),
    ("POST", "/exposed/v1/multiscan", Some(Class::Documents)),
    ("POST", "/v1/scan/create-incidents", Some(Class::Documents)),
    ("POST", "/exposed/v1/scan/create-incidents", Some(Class::Documents)),
    // What CI jobs do; many share one key.
    ("POST", "/api/cli/scans", Some(Class::Upload)),
    ("POST", "/api/cli/v2/scans", Some(Class::Upload)),
    ("POST", "/api/agent/scans/{id}/results", Some(Class::Upload)),
    // An engine runs for each.
    ("POST", "/api/registry/rules", Some(Class::Export)),
    ("GET", "/api/scans/{id}/findings/export", Some(Class::Export)),
    ("GET", "/api/scans/{id}/artifacts/{slug}", Some(Class::Export)),
    ("GET", "/v1/admin/audit/export.csv", Some(Class::Export)),
    ("GET", "/v1/admin/users/export", Some(Class::Export)),
    ("GET", "/v1/admin/audit", Some(Class::Search)),
    ("GET", "/v1/admin/users", Some(Class::Search)),
    ("GET", "/v1/audit", Some(Class::Search)),
    // Much is opened or looked through for one answer.
    ("GET", "/api/users", Some(Class::Search)),
    ("GET", "/api/apikeys", Some(Class::Search)),
    ("GET", "/v1/members", Some(Class::Search)),
    ("GET", "/exposed/v1/members", Some(Class::Search)),
    ("GET", "/v1/api_tokens", Some(Class::Search)),
    ("GET", "/exposed/v1/api_tokens", Some(Class::Search)),
    // They send a message to whom the client likes.
    ("POST", "/api/users", Some(Class::Register)),
    ("POST", "/v1/invitations", Some(Class::Register)),
    ("POST", "/exposed/v1/invitations", Some(Class::Register)),
    ("GET", "/api/users/invitations", Some(Class::Search)),
    ("GET", "/v1/invitations", Some(Class::Search)),
    ("GET", "/exposed/v1/invitations", Some(Class::Search)),
    ("GET", "/v1/api-keys", Some(Class::Search)),
    ("GET", "/v1/audit_logs", Some(Class::Search)),
    ("GET", "/exposed/v1/audit_logs", Some(Class::Search)),
    ("GET", "/v1/incidents/secrets", Some(Class::Search)),
    ("GET", "/exposed/v1/incidents/secrets", Some(Class::Search)),
    ("GET", "/v1/occurrences/secrets", Some(Class::Search)),
    ("GET", "/exposed/v1/occurrences/secrets", Some(Class::Search)),
    ("GET", "/v1/incidents/secrets/{id}/impacted_perimeter", Some(Class::Search)),
    ("GET", "/exposed/v1/incidents/secrets/{id}/impacted_perimeter", Some(Class::Search)),
    ("GET", "/v1/sources", Some(Class::Search)),
    ("GET", "/exposed/v1/sources", Some(Class::Search)),
    ("GET", "/v1/sources/{id}/incidents/secrets", Some(Class::Search)),
    ("GET", "/exposed/v1/sources/{id}/incidents/secrets", Some(Class::Search)),
    ("GET", "/v1/members/{id}/secret-incidents", Some(Class::Search)),
    ("GET", "/exposed/v1/members/{id}/secret-incidents", Some(Class::Search)),
    ("GET", "/v1/teams/{id}/secret-incidents", Some(Class::Search)),
    ("GET", "/exposed/v1/teams/{id}/secret-incidents", Some(Class::Search)),
    ("GET", "/v1/teams/{id}/sources", Some(Class::Search)),
    ("GET", "/exposed/v1/teams/{id}/sources", Some(Class::Search)),
    ("GET", "/api/events", Some(Class::Search)),
    ("GET", "/api/projects/{id}/findings", Some(Class::Search)),
    ("GET", "/api/audit-log", Some(Class::Search)),
    ("GET", "/api/audit-log/consistency", Some(Class::Search)),
    ("GET", "/api/audit-log/proof", Some(Class::Search)),
    ("GET", "/api/projects/{id}/diff", Some(Class::Search)),
    ("GET", "/api/projects/{id}/branches", Some(Class::Search)),
    ("GET", "/api/projects/{id}/components", Some(Class::Search)),
    ("GET", "/graphql", Some(Class::Search)),
    ("POST", "/graphql", Some(Class::Search)),
    ("GET", "/decoy/{*path}", Some(Class::Decoy)),
    ("POST", "/decoy/{*path}", Some(Class::Decoy)),
    ("PUT", "/decoy/{*path}", Some(Class::Decoy)),
    ("PATCH", "/decoy/{*path}", Some(Class::Decoy)),
    ("DELETE", "/decoy/{*path}", Some(Class::Decoy)),
    // A server whose limits are used up is not to be taken for one that is down.
    ("GET", "/health", None),
    ("GET", "/api/health", None),
    ("GET", "/health/ready", None),
    ("GET", "/metrics", None),
];

static BY_ROUTE: LazyLock<HashMap<(&str, &str), Option<Class>>> =
    LazyLock::new(|| ROUTES.into_iter().map(|(method, route, class)| ((method, route), class)).collect());

#[cfg(test)]
mod tests {
    use super::{Class, ROUTES};
    use std::collections::HashSet;

    #[test]
    fn every_line_names_a_route() {
        let rules = crate::route_table();
        let mut known: HashSet<(&str, &str)> =
            rules.iter().map(|rule| (rule.method, rule.path.as_str())).collect();
        known.extend([("GET", "/graphql"), ("POST", "/graphql")]);
        for (method, route, _) in ROUTES {
            assert!(known.contains(&(method, route)), "{method} {route}");
        }
    }

    #[test]
    fn no_route_stands_twice() {
        let routes: HashSet<(&str, &str)> =
            ROUTES.into_iter().map(|(method, route, _)| (method, route)).collect();
        assert_eq!(routes.len(), ROUTES.len());
    }

    #[test]
    fn what_is_not_in_the_table_is_general_and_probes_are_not_limited() {
        assert_eq!(Class::of("POST", Some("/auth/login")), Some(Class::Login));
        assert_eq!(Class::of("GET", Some("/auth/login")), Some(Class::General));
        assert_eq!(Class::of("HEAD", Some("/api/audit-log")), Some(Class::Search));
        assert_eq!(Class::of("HEAD", Some("/health")), None);
        assert_eq!(Class::of("POST", Some("/health")), Some(Class::General));
        assert_eq!(Class::of("GET", None), Some(Class::General));
    }

    #[test]
    fn what_compares_a_password_sends_messages_or_looks_through_much_has_a_class() {
        for sends in ["/api/users", "/v1/invitations", "/exposed/v1/invitations"] {
            assert_eq!(Class::of("POST", Some(sends)), Some(Class::Register), "{sends}");
        }
        for compares in ["/auth/login", "/api/auth/callback/credentials", "/v1/users/me/password"] {
            assert_eq!(Class::of("POST", Some(compares)), Some(Class::Login), "{compares}");
        }
        for lists in ["/v1/audit", "/api/audit-log", "/api/events"] {
            assert_eq!(Class::of("GET", Some(lists)), Some(Class::Search), "{lists}");
        }
        for lists in [
            "/v1/audit_logs",
            "/v1/incidents/secrets",
            "/v1/incidents/secrets/{id}/impacted_perimeter",
            "/v1/members/{id}/secret-incidents",
            "/v1/occurrences/secrets",
            "/v1/sources",
            "/v1/sources/{id}/incidents/secrets",
            "/v1/teams/{id}/secret-incidents",
            "/v1/teams/{id}/sources",
        ] {
            for prefix in ["", "/exposed"] {
                let route = format!("{prefix}{lists}");
                assert_eq!(Class::of("GET", Some(&route)), Some(Class::Search), "{route}");
            }
        }
    }

    #[test]
    fn classes_are_known_by_name() {
        for class in Class::ALL {
            assert_eq!(class.name().parse(), Ok(class));
        }
        assert_eq!("Login".parse::<Class>(), Err(()));
    }
}
