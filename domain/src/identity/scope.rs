//! What a key may be used for: scopes by their GitGuardian names, a few of our own, and sets of them.

use super::Action;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// One thing that a key may be used for (GitGuardian reference §2; the last three are ours).
        ///
        /// Those without an action ([`Self::opens`]) open nothing: clients ask for them by name, so they can be given, and
        /// a key with nothing else is told on every route what it lacks. What a later version puts behind one of them,
        /// keys that have it will open.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $($(#[$doc])* $name),+
        }

        impl Scope {
            /// All scopes, in the order in which sets are written.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The scope as clients write it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }

        impl Scope {
            /// The actions that need it; none for a scope that opens nothing yet.
            pub fn opens(self) -> impl Iterator<Item = Action> {
                Action::ALL.into_iter().filter(move |action| action.needs().scope == Some(self))
            }
        }

        impl FromStr for Scope {
            type Err = UnknownScope;

            fn from_str(text: &str) -> Result<Self, UnknownScope> {
                match text {
                    $($word => Ok(Self::$name),)+
                    _ => Err(UnknownScope(text.chars().take(64).collect())),
                }
            }
        }
    };
}

/// A word that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0:?}")]
pub struct UnknownScope(String);

scopes! {
    /// Scan, and queue scans.
    Scan = "scan",
    /// See projects, scans, findings and incidents.
    IncidentsRead = "incidents:read",
    /// Decide about findings and incidents.
    IncidentsWrite = "incidents:write",
    /// Share incidents.
    IncidentsShare = "incidents:share",
    /// See who belongs to the organization.
    MembersRead = "members:read",
    /// Invite, change and remove members.
    MembersWrite = "members:write",
    /// See teams.
    TeamsRead = "teams:read",
    /// Make, change and delete teams.
    TeamsWrite = "teams:write",
    /// See the audit log.
    AuditLogsRead = "audit_logs:read",
    /// See honeytokens.
    HoneytokensRead = "honeytokens:read",
    /// Make and change honeytokens.
    HoneytokensWrite = "honeytokens:write",
    /// See keys.
    ApiTokensRead = "api_tokens:read",
    /// Issue and revoke keys.
    ApiTokensWrite = "api_tokens:write",
    /// Look honeytokens up by prefix.
    HoneytokensCheck = "honeytokens:check",
    /// Register endpoints; opens nothing yet.
    EndpointsSend = "endpoints:send",
    /// Report agents; opens nothing yet.
    AiDiscoverSend = "ai-discover:send",
    /// See allowed addresses; opens nothing yet.
    IpAllowlistRead = "ip_allowlist:read",
    /// Change allowed addresses; opens nothing yet.
    IpAllowlistWrite = "ip_allowlist:write",
    /// See sources.
    SourcesRead = "sources:read",
    /// Make, change and delete sources and projects.
    SourcesWrite = "sources:write",
    /// Scan sources; opens nothing yet.
    SourcesScan = "sources:scan",
    /// See custom tags; opens nothing yet.
    CustomTagsRead = "custom_tags:read",
    /// Change custom tags; opens nothing yet.
    CustomTagsWrite = "custom_tags:write",
    /// See secrets.
    SecretsRead = "secrets:read",
    /// Change secrets; opens nothing yet.
    SecretsWrite = "secrets:write",
    /// Let scans make incidents.
    ScanCreateIncidents = "scan:create-incidents",
    /// See the public perimeter; opens nothing yet.
    PublicPerimeterRead = "public-perimeter:read",
    /// Send an inventory of machine identities; opens nothing yet.
    NhiSendInventory = "nhi:send-inventory",
    /// Write to vaults; opens nothing yet.
    NhiWriteVault = "nhi:write-vault",
    /// See who owns machine identities; opens nothing yet.
    NhiOwnershipRead = "nhi:ownership:read",
    /// Change who owns machine identities; opens nothing yet.
    NhiOwnershipWrite = "nhi:ownership:write",
    /// See gates and policies; opens nothing yet.
    PoliciesRead = "policies:read",
    /// Set gates and policies.
    PoliciesWrite = "policies:write",
    /// Change what concerns the organization as a whole; opens nothing yet.
    OrganizationWrite = "organization:write",
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u64);

impl Scopes {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Every scope, those of later versions too.
    pub const ALL: Self = Self(u64::MAX);

    /// The set with `scope`.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u64)
    }

    /// Whether `scope` is in it.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u64 != 0
    }

    /// Whether everything in `other` is in it.
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every scope is in it, because nothing was left out when the key was made.
    pub const fn is_all(self) -> bool {
        self.0 == u64::MAX
    }

    /// What is in it, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }

    /// Reads names separated by commas or spaces; `all` for every scope.
    ///
    /// # Errors
    /// The first word that names none.
    pub fn parse(text: &str) -> Result<Self, UnknownScope> {
        text.split([',', ' ']).filter(|word| !word.is_empty()).try_fold(Self::NONE, |scopes, word| match word
        {
            "all" => Ok(Self::ALL),
            word => word.parse().map(|scope| scopes.with(scope)),
        })
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        Self::NONE.with(scope)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        let words: Vec<_> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(","))
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::parse(text)
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Scope, Scopes, UnknownScope};

    #[test]
    fn every_scope_has_a_word_and_a_bit_of_its_own() {
        assert!(Scope::ALL.len() <= 64);
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(*scope));
            assert_eq!(Scopes::from(*scope).iter().collect::<Vec<_>>(), [*scope]);
        }
    }

    #[test]
    fn the_scopes_that_open_nothing_yet_are_these() {
        let idle: Vec<_> = Scope::ALL.iter().filter(|scope| scope.opens().next().is_none()).collect();
        let words: Vec<_> = idle.into_iter().map(|scope| scope.as_str()).collect();
        let known = "endpoints:send ai-discover:send ip_allowlist:read ip_allowlist:write sources:scan \
                     custom_tags:read custom_tags:write secrets:write public-perimeter:read nhi:send-inventory \
                     nhi:write-vault nhi:ownership:read nhi:ownership:write policies:read organization:write";
        assert_eq!(words.join(" "), known, "say so where the scope is declared");
        assert!(Scope::Scan.opens().eq([Action::Scan]));
    }

    #[test]
    fn sets_are_written_and_read_in_one_order() {
        let set = Scopes::parse("incidents:read, scan").unwrap();
        assert_eq!(set.to_string(), "scan,incidents:read");
        assert_eq!(set.to_string().parse(), Ok(set));
        assert_eq!(Scopes::parse("scan,all").unwrap(), Scopes::ALL);
        assert_eq!(Scopes::ALL.to_string().parse(), Ok(Scopes::ALL));
        assert_eq!(Scopes::parse("").unwrap(), Scopes::NONE);
        assert_eq!(Scopes::parse("scan,fly"), Err(UnknownScope("fly".to_owned())));
        assert_eq!(serde_json::from_str::<Scopes>("\"scan\"").unwrap(), Scope::Scan.into());
        assert_eq!(serde_json::to_string(&Scopes::ALL).unwrap(), "\"all\"");
    }

    #[test]
    fn sets_contain_what_was_put_in() {
        let both: Scopes = [Scope::Scan, Scope::TeamsRead].into_iter().collect();
        assert!(both.contains(Scope::Scan) && !both.contains(Scope::TeamsWrite));
        assert!(both.contains_all(Scope::Scan.into()) && !Scopes::from(Scope::Scan).contains_all(both));
        assert_eq!(both.and(Scope::Scan.into()), Scope::Scan.into());
        assert!(Scopes::ALL.contains_all(both) && both.contains_all(Scopes::NONE));
    }
}
