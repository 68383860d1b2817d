//! How people come in: what an operator says about it, and what that comes to.

use super::Engine;
use crate::adapters::SystemClock;
use anyhow::{Context, Result};
use scanledger_api::entrance::{Entrance, Registration};
use scanledger_commands::identity::{GroupRule, Lifetimes};
use scanledger_commands::ports::{IdentityProvider, Mailer};
use scanledger_domain::claim::{Claim, Unique, claim_stream};
use scanledger_domain::id::{OrganizationId, TeamId};
use scanledger_domain::identity::{OrganizationRole, Provider, TeamRole, is_slug};
use scanledger_mail::SmtpMailer;
use scanledger_sign_in::{GitHub, GitHubSite, Google, OidcOptions, OpenIdConnect, Registration as Client};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use url::Url;

/// Who vouches for people.
pub(super) type Providers = BTreeMap<Provider, Arc<dyn IdentityProvider>>;

/// What must not be shown. `Debug` does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How people come in, as an operator says it. The default lets anybody register, and nobody vouches.
#[derive(Debug, Clone, Default)]
pub struct EntranceOptions {
    /// Who may make an account.
    pub registration: Registration,
    /// Where browsers and clients reach the server; where it listens unless given.
    pub public_url: Option<Url>,
    /// Where a browser is sent after a provider has vouched for its user.
    pub landing_url: Option<Url>,
    /// Where it is sent otherwise.
    pub failure_url: Option<Url>,
    /// Where links in messages lead, for another password.
    pub reset_url: Option<Url>,
    /// Where links in messages lead, for an invitation.
    pub invitation_url: Option<Url>,
    /// How messages are sent; none are unless given.
    pub mail: Option<MailOptions>,
    /// Accounts at GitHub.
    pub github: Option<AccountsOptions>,
    /// Accounts at Google.
    pub google: Option<AccountsOptions>,
    /// Accounts at an OpenID provider.
    pub oidc: Option<OidcClient>,
    /// What members of groups at the OpenID provider are here.
    pub groups: Vec<GroupSetting>,
    /// How long sessions and tokens last.
    pub lifetimes: Lifetimes,
}

/// How messages are sent.
#[derive(Debug, Clone)]
pub struct MailOptions {
    /// The mail server; may hold a password.
    pub url: Secret,
    /// The sender.
    pub from: String,
}

/// Accounts at a provider whose place is known.
#[derive(Debug, Clone)]
pub struct AccountsOptions {
    /// The client that was made there.
    pub client: Client,
    /// Another place than the provider's own.
    pub url: Option<Url>,
}

/// Accounts at an OpenID provider.
#[derive(Debug, Clone)]
pub struct OidcClient {
    /// The client that was made there.
    pub client: Client,
    /// Which provider, and what it calls things.
    pub options: OidcOptions,
}

/// What members of a group are here: `GROUP=ROLE` or `GROUP=ROLE,TEAM:ROLE`, where `TEAM` is a team's id or slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSetting {
    group: String,
    role: OrganizationRole,
    team: Option<(TeamName, TeamRole)>,
}

/// A team, as operators name it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TeamName {
    Id(TeamId),
    Slug(String),
}

/// Why a setting of a group is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGroup {
    /// It is not of the form.
    #[error("expected GROUP=owner|admin|member, or GROUP=…,TEAM:team_admin|developer|viewer")]
    Malformed,
    /// The team is neither an id nor a slug.
    #[error("the team is neither an id nor a slug (a-z, 0-9 and -)")]
    Team,
}

impl FromStr for GroupSetting {
    type Err = InvalidGroup;

    fn from_str(text: &str) -> Result<Self, InvalidGroup> {
        // Groups of directories have `=` in their names.
        let (group, roles) = text.rsplit_once('=').ok_or(InvalidGroup::Malformed)?;
        let (role, team) = roles.split_once(',').map_or((roles, None), |(role, team)| (role, Some(team)));
        let role = role.parse().map_err(|_| InvalidGroup::Malformed)?;
        if group.is_empty() {
            return Err(InvalidGroup::Malformed);
        }
        let team = team.map(in_team).transpose()?;
        Ok(Self { group: group.to_owned(), role, team })
    }
}

fn in_team(text: &str) -> Result<(TeamName, TeamRole), InvalidGroup> {
    let (team, role) = text.rsplit_once(':').ok_or(InvalidGroup::Malformed)?;
    let role = role.parse().map_err(|_| InvalidGroup::Malformed)?;
    let name = match team.parse() {
        Ok(id) => TeamName::Id(id),
        Err(_) if is_slug(team) => TeamName::Slug(team.to_owned()),
        Err(_) => return Err(InvalidGroup::Team),
    };
    Ok((name, role))
}

impl EntranceOptions {
    /// Who delivers messages. Called in a runtime.
    pub(super) fn mailer(&self) -> Result<Option<Arc<dyn Mailer>>> {
        let Some(mail) = &self.mail else { return Ok(None) };
        let mailer = SmtpMailer::new(&mail.url.0, &mail.from).context("while setting up mail")?;
        Ok(Some(Arc::new(mailer)))
    }

    /// What handlers know of it, on a server that is reached at `url` unless the operator said something else.
    pub(super) async fn entrance(
        &self,
        engine: &Engine,
        providers: Providers,
        url: &str,
    ) -> Result<Entrance> {
        let base = self.public_url.as_ref().map_or(url, Url::as_str);
        let default = Entrance::at(base);
        let or = |given: &Option<Url>, default: String| given.as_ref().map_or(default, ToString::to_string);
        Ok(Entrance {
            registration: self.registration,
            landing_url: or(&self.landing_url, default.landing_url),
            failure_url: or(&self.failure_url, default.failure_url),
            reset_url: or(&self.reset_url, default.reset_url),
            invitation_url: or(&self.invitation_url, default.invitation_url),
            public_url: default.public_url,
            providers,
            group_rules: self.group_rules(engine).await?,
        })
    }

    /// Whether somebody elsewhere is told where this server is.
    pub(super) const fn tells_where_it_is(&self) -> bool {
        self.mail.is_some() || self.github.is_some() || self.google.is_some() || self.oidc.is_some()
    }

    /// Who vouches. Connects to nobody yet.
    pub(super) fn providers(&self) -> Result<Providers> {
        let mut providers = Providers::new();
        if let Some(AccountsOptions { client, url }) = &self.github {
            let site =
                url.as_ref().map_or(Ok(GitHubSite::public()), |url| GitHubSite::enterprise(url.as_str()));
            let github = site.and_then(|site| GitHub::new(client.clone(), site));
            let github = github.context("while setting up signing in with GitHub")?;
            providers.insert(Provider::GitHub, Arc::new(github));
        }
        if let Some(AccountsOptions { client, url }) = &self.google {
            let clock = Arc::new(SystemClock);
            let google = match url {
                None => Google::new(client.clone(), clock),
                Some(url) => Google::at(issuer(url), client.clone(), clock),
            };
            let google = google.context("while setting up signing in with Google")?;
            providers.insert(Provider::Google, Arc::new(google));
        }
        if let Some(OidcClient { client, options }) = &self.oidc {
            let provider = OpenIdConnect::new(client.clone(), options.clone(), Arc::new(SystemClock));
            let provider = provider.context("while setting up signing in with OpenID Connect")?;
            providers.insert(Provider::Oidc, Arc::new(provider));
        }
        Ok(providers)
    }

    async fn group_rules(&self, engine: &Engine) -> Result<Vec<GroupRule>> {
        let mut rules = vec![];
        for GroupSetting { group, role, team } in &self.groups {
            let team = match team {
                None => None,
                Some((name, role)) => find(engine, group, name).await?.map(|team| (team, *role)),
            };
            rules.push(GroupRule { group: group.clone(), role: *role, team });
        }
        Ok(rules)
    }
}

/// An issuer without the slash that a URL without a path is written with, because tokens do not name it.
fn issuer(url: &Url) -> &str {
    if url.path() == "/" { url.as_str().trim_end_matches('/') } else { url.as_str() }
}

/// The team that a group's members are put into. A server whose first team is still to be made has to start, so that a
/// team that is not there is told about and left out.
async fn find(engine: &Engine, group: &str, name: &TeamName) -> Result<Option<TeamId>> {
    let slug = match name {
        TeamName::Id(id) => return Ok(Some(*id)),
        TeamName::Slug(slug) => slug,
    };
    let found = match first_organization(engine).await? {
        Some(organization) => holder(engine, Unique::TeamSlug(organization, slug), "team-").await?,
        None => None,
    };
    if found.is_none() {
        tracing::error!(
            group,
            team = slug,
            "members of a group are put into no team, because there is none with this slug; \
             restart the server when it is there"
        );
    }
    Ok(found)
}

/// The organization of whoever comes from a provider. The read models may not know of it yet.
async fn first_organization(engine: &Engine) -> Result<Option<OrganizationId>> {
    holder(engine, Unique::Setup, "organization-").await
}

async fn holder<T: FromStr>(engine: &Engine, what: Unique<'_>, kind: &str) -> Result<Option<T>> {
    let claim = claim_stream(&*engine.vault(), what);
    let (holder, _) = engine.ledger.load::<Claim>(&claim).await.context("while looking for a team")?;
    Ok(holder.and_then(|holder| holder.as_str().strip_prefix(kind)?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::{
        EntranceOptions, GroupSetting, InvalidGroup, MailOptions, Providers, Secret, TeamName, issuer,
    };
    use crate::data::DataFolder;
    use crate::operations::{Operation, Outcome, perform};
    use crate::place::LogPlace;
    use crate::server::{BlobPlace, Engine};
    use scanledger_domain::id::TeamId;
    use scanledger_domain::identity::{OrganizationRole, TeamRole};
    use std::sync::Arc;
    use uuid::Uuid;

    fn parse(text: &str) -> Result<GroupSetting, InvalidGroup> {
        text.parse()
    }

    fn setting(group: &str, role: OrganizationRole, team: Option<(TeamName, TeamRole)>) -> GroupSetting {
        GroupSetting { group: group.to_owned(), role, team }
    }

    #[test]
    fn a_group_is_something_in_the_organization_and_in_a_team() {
        assert_eq!(parse("ops=admin"), Ok(setting("ops", OrganizationRole::Admin, None)));
        let core = (TeamName::Slug("core".to_owned()), TeamRole::Developer);
        assert_eq!(
            parse("dev people=member,core:developer"),
            Ok(setting("dev people", OrganizationRole::Member, Some(core)))
        );
        let id = TeamId(Uuid::from_u128(7));
        assert_eq!(
            parse(&format!("cn=sec,dc=acme=owner,{id}:team_admin")),
            Ok(setting("cn=sec,dc=acme", OrganizationRole::Owner, Some((TeamName::Id(id), TeamRole::Admin))))
        );
    }

    #[test]
    fn what_is_no_setting_of_a_group_is_refused_with_what_is_wrong() {
        for bad in ["", "ops", "=admin", "ops=", "ops=boss", "ops=admin,core", "ops=admin,core:boss"] {
            assert_eq!(parse(bad), Err(InvalidGroup::Malformed), "{bad}");
        }
        for bad in ["ops=admin,Core:viewer", "ops=admin,:viewer", "ops=admin,a:b:viewer"] {
            assert_eq!(parse(bad), Err(InvalidGroup::Team), "{bad}");
        }
    }

    #[test]
    fn an_issuer_has_no_slash_that_nobody_wrote() {
        assert_eq!(issuer(&"http://127.0.0.1:9400".parse().unwrap()), "http://127.0.0.1:9400");
        assert_eq!(
            issuer(&"https://id.example.org/realm/".parse().unwrap()),
            "https://id.example.org/realm/"
        );
    }

    #[test]
    fn a_password_of_the_mail_server_is_not_shown() {
        let url = Secret("smtps://ana:s3cret@host".to_owned());
        let options = EntranceOptions {
            mail: Some(MailOptions { url, from: "Scanledger <no-reply@example.com>".to_owned() }),
            ..EntranceOptions::default()
        };
        assert!(!format!("{options:?}").contains("s3cret"));
    }

    #[tokio::test]
    async fn a_team_is_found_by_its_slug_once_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(folder.path());
        let engine = Engine::open(folder, &LogPlace::Folder, &BlobPlace::Folder).await.unwrap();
        let options = EntranceOptions {
            groups: vec![
                parse("dev=member,default:viewer").unwrap(),
                parse("ops=admin,nowhere:viewer").unwrap(),
            ],
            ..EntranceOptions::default()
        };
        let teams = async || {
            let entrance =
                options.entrance(&engine, Providers::new(), "http://127.0.0.1:8080").await.unwrap();
            entrance.group_rules.iter().map(|rule| rule.team.map(|(_, role)| role)).collect::<Vec<_>>()
        };
        assert_eq!(teams().await, [None, None]);
        let set_up = Operation::SetUp {
            organization: "Acme".to_owned(),
            name: "Ana".to_owned(),
            email: "ana@acme.example".to_owned(),
            password: None,
        };
        let done = perform(&engine, set_up, Arc::new(|_| ())).await.unwrap();
        assert!(matches!(done, Outcome::SetUp(_)));
        assert_eq!(teams().await, [Some(TeamRole::Viewer), None]);
        engine.close().await.unwrap();
    }

    #[tokio::test]
    async fn everything_is_under_the_public_url_unless_said_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(folder.path());
        let engine = Engine::open(folder, &LogPlace::Folder, &BlobPlace::Folder).await.unwrap();
        let at = async |options: EntranceOptions| {
            options.entrance(&engine, Providers::new(), "http://127.0.0.1:8080").await.unwrap()
        };
        assert_eq!(at(EntranceOptions::default()).await.public_url, "http://127.0.0.1:8080");
        let entrance = at(EntranceOptions {
            public_url: Some("https://scan.example.org/".parse().unwrap()),
            reset_url: Some("https://portal.example.org/reset".parse().unwrap()),
            ..EntranceOptions::default()
        })
        .await;
        assert_eq!(entrance.public_url, "https://scan.example.org");
        assert!(entrance.invitation_url.starts_with("https://scan.example.org/"));
        assert_eq!(entrance.reset_url, "https://portal.example.org/reset");
        engine.close().await.unwrap();
    }
}
