//! Every route with a request that reaches its rule, and what its id names.

use crate::expected::Answer;
use scanledger_api::routes::Rule;
use serde_json::{Value, json};

/// What the id in a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// There is none.
    Nothing,
    /// There is none; a project is made, in the team that its maker sees.
    NewProject,
    /// A project.
    Project,
    /// A project, by a route of our own, for which what is foreign is not there.
    NativeProject,
    /// A scan that says when, in a request about a project in the team core: what is foreign is not there.
    NativeScan,
    /// A scan.
    Scan,
    /// A scan that a client runs, by number.
    ClientScan,
    /// A finding.
    Finding,
    /// An event.
    Event,
    /// A key, which whoever runs its organization sees.
    Key,
    /// A key, which its maker and its team see.
    OwnedKey,
    /// A key that is wanted for a project.
    KeyForProject,
    /// A key that is wanted for a team.
    KeyForTeam,
    /// The key that the request comes with.
    OwnKey,
    /// A key as a token of GitGuardian.
    Token,
    /// A honeytoken of the caller's organization.
    Honeytoken,
    /// A member of the caller's organization.
    Member,
    /// A member of the caller's organization, by number.
    MemberNumber,
    /// There is none; entries about teams are shown to who may read those of any.
    AuditOfTeams,
    /// An invitation into it.
    Invitation,
    /// Anybody, anywhere.
    Person,
    /// Any team.
    Team,
    /// Somebody in any team.
    TeamMember,
    /// An incident, by number.
    IncidentNumber,
    /// A note on an incident or a honeytoken, or that somebody belongs to a team, which there is not.
    Note,
    /// A project as a source, by number.
    SourceNumber,
    /// A team of the caller's organization, by number.
    TeamNumber,
    /// An invitation into the caller's organization, by number.
    InvitationNumber,
    /// A project of which a document is.
    SourceOfDocument,
    /// The caller's organization as a deployment, by number.
    Deployment,
    /// A scan of it that a client runs, by both numbers.
    DeploymentScan,
    /// A project of it, by both numbers.
    DeploymentSource,
    /// A project of it, by the deployment's number and its own name.
    DeploymentProject,
    /// What only one person has, who is none of the callers.
    SomebodyElses,
}

impl About {
    /// Whether there is an id, so that it matters where the thing is.
    pub const fn has_id(self) -> bool {
        !matches!(self, Self::Nothing | Self::NewProject | Self::OwnKey | Self::AuditOfTeams)
    }
}

/// What a request holds besides its address.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Nothing.
    None,
    /// JSON, which may name an id.
    Json(fn(&str) -> Value),
    /// An archive for a project.
    Upload,
}

/// Whether a request that goes through leaves its thing as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// It can be used again.
    Same,
    /// It is gone, or another one: every request needs one of its own.
    Changed,
}

/// A route with a request.
#[derive(Debug, Clone)]
pub struct Row {
    /// The route.
    pub rule: Rule,
    /// What is added to tell rows of one route apart.
    pub remark: &'static str,
    /// What its id names.
    pub about: About,
    /// Behind the path; `{id}` is the id, and `{last}` the last one of several.
    pub query: &'static str,
    /// What it holds.
    pub content: Content,
    /// What it leaves.
    pub leaves: Leaves,
    /// The answer for an id that names nothing.
    pub nowhere: Answer,
    /// The answer to everybody, of a route that needs nothing.
    pub open: Answer,
}

impl Row {
    fn new(rule: &Rule, about: About) -> Self {
        Self {
            rule: rule.clone(),
            remark: "",
            about,
            query: "",
            content: if rule.method == "GET" { Content::None } else { Content::Json(|_| json!({})) },
            leaves: Leaves::Same,
            nowhere: Answer::Missing,
            open: Answer::Through,
        }
    }

    fn asking(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    fn saying(self, body: fn(&str) -> Value) -> Self {
        Self { content: Content::Json(body), ..self }
    }

    fn changing(self) -> Self {
        Self { leaves: Leaves::Changed, ..self }
    }

    fn noted(self, remark: &'static str) -> Self {
        Self { remark, ..self }
    }

    /// Its name in tables.
    pub fn label(&self) -> String {
        format!("{} {}{}", self.rule.method, self.rule.path, self.remark)
    }

    /// Where it is sent for an id.
    pub fn path(&self, id: &str) -> String {
        let mut ids = id.split('/');
        let parts = self.rule.path.split('/').map(|part| match part {
            "{slug}" if self.rule.path.contains("/secret_detectors/") => "github_token",
            "{slug}" => "log",
            "{provider}" => "nobody",
            "{policy}" => "sast",
            part if part.starts_with('{') => ids.next().unwrap(),
            part => part,
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let last = id.rsplit('/').next().unwrap_or(id);
        format!("{path}{}", self.query.replace("{id}", id).replace("{last}", last))
    }
}

/// The requests of a route. Every route with an id has to be listed here, with what the id names.
pub fn rows(rule: &Rule) -> Vec<Row> {
    let row = |about| Row::new(rule, about);
    let one = |row| vec![row];
    let method = rule.method;
    let path = rule.path.strip_prefix("/exposed").unwrap_or(&rule.path);
    match path {
        "/api/projects" if method == "POST" => one(row(About::NewProject).changing().saying(new_project)),
        "/api/projects/{id}" => one(match method {
            "PATCH" => row(About::Project).saying(|_| json!({ "description": "described" })),
            "DELETE" => row(About::Project).changing(),
            _ => row(About::Project),
        }),
        "/api/projects/{id}/diff" => vec![
            row(About::NativeProject).asking("?from=0"),
            row(About::NativeScan).asking("?from={last}").noted("?from"),
            row(About::NativeScan).asking("?fromScan={last}").noted("?fromScan"),
            row(About::NativeScan).asking("?from=0&to={last}").noted("?to"),
            row(About::NativeScan).asking("?from=0&toScan={last}").noted("?toScan"),
        ],
        "/api/projects/{id}/findings" | "/api/projects/{id}/components" | "/api/projects/{id}/branches" => {
            vec![
                row(About::NativeProject),
                row(About::NativeScan).asking("?asOf={last}").noted("?asOf"),
                row(About::NativeScan).asking("?asOfScan={last}").noted("?asOfScan"),
            ]
        }
        "/api/settings/build-gates" => one(match method {
            "GET" => row(About::Project).asking("?projectId={id}"),
            _ => row(About::Project).saying(|id| json!({ "projectId": id, "maxHigh": 1 })),
        }),
        "/api/scans" if method == "POST" => {
            vec![Row { content: Content::Upload, ..row(About::Project) }]
        }
        "/api/projects" => vec![
            row(About::Nothing),
            row(About::Scan).asking("?asOf={id}").noted("?asOf"),
            row(About::Scan).asking("?asOfScan={id}").noted("?asOfScan"),
        ],
        "/api/audit-log/proof" => {
            vec![row(About::Nothing), row(About::Event).asking("?event={id}").noted("?event")]
        }
        "/api/scans" => {
            vec![row(About::Nothing), row(About::Project).asking("?projectId={id}").noted("?projectId")]
        }
        "/api/scans/{id}" if method == "DELETE" => one(row(About::Scan).changing()),
        "/api/scans/{id}"
        | "/api/scans/{id}/artifacts"
        | "/api/scans/{id}/artifacts/{slug}"
        | "/api/scans/{id}/findings"
        | "/api/scans/{id}/findings/export"
        | "/api/scans/{id}/pause"
        | "/api/scans/{id}/resume"
        | "/api/scans/{id}/stop"
        | "/api/scans/{id}/cancel"
        | "/api/scans/{id}/rescan" => one(row(About::Scan)),
        "/api/agent/scans/{id}/results" => one(row(About::ClientScan).saying(|_| json!({ "findings": [] }))),
        "/api/agent/scans/{id}/complete" | "/api/agent/scans/{id}/error" => {
            one(row(About::ClientScan).saying(|_| json!({ "exit_code": 0 })))
        }
        // A run that nobody began gets the rules of the organization; runs of others are none.
        "/api/cli/v2/scans/{id}/config" => one(row(About::Nothing)),
        // There are no such rules.
        "/c/p/{slug}" | "/c/r/{id}" | "/p/{slug}" | "/r/{id}" => one(row(About::SomebodyElses)),
        "/api/agent/deployments/deepbinary/{slug}" => {
            one(Row { open: Answer::Missing, ..row(About::Nothing) })
        }
        "/api/v1/deployments/{deployment}/scan/{scan}" => one(row(About::DeploymentScan)),
        "/api/v1/deployments/{deployment}/dependencies/repositories/{repository}/lockfiles" => {
            one(row(About::DeploymentSource))
        }
        "/api/v1/deployments/{deployment}/projects/{*project}" => one(match method {
            "DELETE" => row(About::DeploymentProject).changing(),
            _ => row(About::DeploymentProject),
        }),
        "/api/v1/deployments/{deployment}/triage" => {
            let nothing = |_: &str| json!({ "issue_type": "sast", "issue_ids": [0], "new_note": "x" });
            one(row(About::Deployment).saying(nothing))
        }
        "/api/v1/deployments/{deployment}/policies/{policy}" if method == "PUT" => {
            let watch =
                |_: &str| json!({ "rulePath": "go.jwt.hard-coded-key", "policyMode": "MODE_MONITOR" });
            one(row(About::Deployment).saying(watch))
        }
        path if path.starts_with("/api/v1/deployments/{deployment}/") => one(row(About::Deployment)),
        "/api/findings/{id}" if method == "PATCH" => {
            one(row(About::Finding).saying(|_| json!({ "status": "OPEN" })))
        }
        "/api/findings/{id}" => one(row(About::Finding)),
        // Findings that there are not are left out (reference §5).
        "/api/findings/bulk" => {
            let bulk = row(About::Finding).saying(|id| json!({ "ids": [id], "status": "OPEN" }));
            one(Row { nowhere: Answer::Through, ..bulk })
        }
        "/api/apikeys/{id}" => one(row(About::Key).changing()),
        "/api/users/{id}" => one(row(About::Member).changing().saying(|_| json!({ "role": "DEVELOPER" }))),
        "/api/users/invitations/{id}" => one(row(About::Invitation).changing()),
        "/v1/token/revoke" => one(row(About::OwnKey)),
        "/v1/scan/create-incidents" => {
            let report = |id: &str| json!({ "source_uuid": id, "documents": [{ "document": "x" }] });
            one(Row { nowhere: Answer::Through, ..row(About::SourceOfDocument).saying(report) })
        }
        "/v1/incidents/secrets/{id}/notes/{note_id}" => {
            one(row(About::Note).saying(|_| json!({ "comment": "x" })))
        }
        "/v1/incidents/secrets/{id}/assign" => {
            one(row(About::IncidentNumber).saying(|_| json!({ "email": "nobody@example.org" })))
        }
        "/v1/incidents/secrets/{id}/ignore" => {
            one(row(About::IncidentNumber).saying(|_| json!({ "ignore_reason": "low_risk" })))
        }
        "/v1/incidents/secrets/{id}/notes" => {
            one(row(About::IncidentNumber).saying(|_| json!({ "comment": "x" })))
        }
        path if path.starts_with("/v1/incidents/secrets/{id}") => one(row(About::IncidentNumber)),
        "/v1/honeytokens/with-context" => {
            one(row(About::Nothing).saying(|_| json!({ "language": "no language" })))
        }
        "/v1/honeytokens/{id}/notes" => one(row(About::Honeytoken).saying(|_| json!({ "comment": "x" }))),
        "/v1/honeytokens/{id}/notes/{note_id}" => one(row(About::Note).saying(|_| json!({ "comment": "x" }))),
        path if path.starts_with("/v1/honeytokens/{id}") => one(row(About::Honeytoken)),
        "/decoy/{*path}" => one(Row { open: Answer::Forbidden, ..row(About::Nothing) }),
        "/v1/secrets/{id}" => one(row(About::IncidentNumber)),
        "/v1/shared-incidents/{token}" => one(Row { open: Answer::Missing, ..row(About::Nothing) }),
        "/v1/sources/{id}" | "/v1/sources/{id}/incidents/secrets" => one(row(About::SourceNumber)),
        "/v1/members/{id}/secret-incidents" | "/v1/members/{id}/teams" => one(row(About::MemberNumber)),
        "/v1/teams" if method == "POST" => one(row(About::Nothing)),
        "/v1/teams/{id}/team_memberships/{membership_id}" => one(row(About::Note)),
        "/v1/teams/{id}" if method == "DELETE" => one(row(About::TeamNumber).changing()),
        "/v1/teams/{id}" | "/v1/teams/{id}/sources" | "/v1/teams/{id}/secret-incidents" => {
            one(row(About::TeamNumber))
        }
        "/v1/teams/{id}/team_memberships" => {
            one(row(About::TeamNumber).saying(|_| json!({ "member_id": 1 })))
        }
        "/v1/invitations/{id}" if method == "DELETE" => one(row(About::InvitationNumber).changing()),
        "/v1/invitations/{id}" => one(row(About::InvitationNumber)),
        "/v1/scan" => one(row(About::Nothing).saying(|_| json!({ "document": "x" }))),
        "/v1/multiscan" => one(row(About::Nothing).saying(|_| json!([{ "document": "x" }]))),
        "/v1/secret_detectors/{slug}" => one(row(About::Nothing)),
        "/v1/api_tokens/self" if method == "DELETE" => one(row(About::OwnKey)),
        "/v1/api_tokens/{id}" if method == "DELETE" => one(row(About::Token).changing()),
        "/v1/api_tokens/{id}" => one(row(About::Token)),
        "/v1/members/{id}" if method == "GET" => one(row(About::MemberNumber)),
        "/v1/members/{id}" => {
            one(row(About::MemberNumber).changing().saying(|_| json!({ "access_level": "member" })))
        }
        "/v1/api-keys" if method == "POST" => vec![
            row(About::Nothing),
            row(About::KeyForProject).saying(key_for_project).noted(" for project"),
            row(About::KeyForTeam).saying(key_for_team).noted(" for team"),
        ],
        "/v1/api-keys/{id}" => {
            let narrowed = |_: &str| json!({ "permission_breadth": "read_only" });
            one(row(About::OwnedKey).changing().saying(narrowed))
        }
        "/api/events" => one(row(About::Nothing).asking("?limit=1000")),
        "/api/audit-log" => one(row(About::Nothing).asking("?limit=200")),
        "/v1/audit" => one(row(About::AuditOfTeams)),
        "/v1/admin/teams/{id}" => one(match method {
            "PATCH" => row(About::Team).saying(|_| json!({ "description": "described" })),
            "DELETE" => row(About::Team).changing(),
            _ => row(About::Team),
        }),
        "/v1/admin/teams/{id}/members" => one(row(About::TeamMember).changing().saying(membership)),
        "/v1/admin/teams/{id}/members/{user_id}" => one(row(About::TeamMember).changing()),
        "/v1/admin/users/{id}" => one(row(About::Person)),
        "/v1/admin/users/{id}/role" => {
            one(row(About::Person).changing().saying(|_| json!({ "role": "developer" })))
        }
        "/v1/admin/users/{id}/activate"
        | "/v1/admin/users/{id}/deactivate"
        | "/v1/admin/users/{id}/password-reset" => one(row(About::Person).changing()),
        // Without its cookie nobody goes on, without the page's token no browser signs in or out, and nobody vouches.
        "/auth/refresh" => one(Row { open: Answer::Unauthenticated, ..row(About::Nothing) }),
        "/api/auth/callback/credentials" | "/api/auth/signout" => {
            one(Row { open: Answer::Forbidden, ..row(About::Nothing) })
        }
        "/auth/oauth/{provider}/callback" => one(Row { open: Answer::Missing, ..row(About::Nothing) }),
        // Nobody has signed it, and no GitHub App is configured.
        "/webhook" => one(Row { open: Answer::Unauthenticated, ..row(About::Nothing) }),
        "/api/sbom/{id}" => one(Row { open: Answer::Unauthenticated, ..row(About::SomebodyElses) }),
        "/v1/users/me/oauth-identities/{id}" | "/v1/users/me/sessions/{id}" => one(row(About::SomebodyElses)),
        _ => {
            assert!(
                !path.contains('{') || path.contains("{provider}"),
                "{method} {path} has an id: say in `rows` what it names"
            );
            one(row(About::Nothing))
        }
    }
}

/// A project whose name nothing else has.
fn new_project(id: &str) -> Value {
    json!({ "name": format!("new-{id}") })
}

fn key_for_project(id: &str) -> Value {
    json!({ "name": "key", "scope": "project", "project_id": id })
}

fn key_for_team(id: &str) -> Value {
    json!({ "name": "key", "scope": "team", "team_id": id })
}

/// The member of a team and member.
fn membership(ids: &str) -> Value {
    let user = ids.split_once('/').map_or(ids, |(_, user)| user);
    json!({ "user_id": user, "role": "developer" })
}
