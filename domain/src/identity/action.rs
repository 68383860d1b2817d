//! The table of actions: what each needs.

use super::{KeyForm, Resource, Role, Scope};
use crate::id::OrganizationId;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See projects, scans, findings, components and artifacts.
    Read,
    /// Take findings and reports out as files.
    Export,
    /// See the audit log and the events of the organization.
    ReadAudit,
    /// Take the audit log or the events out as files.
    ExportAudit,
    /// Upload, scan, and pause, resume, stop or cancel.
    Scan,
    /// Decide about findings and incidents.
    Triage,
    /// Show incidents to whoever has a link.
    Share,
    /// Report secrets that are on no branch, and have incidents of them.
    Report,
    /// See sources: projects by the numbers that a dialect has for them.
    ReadSources,
    /// See what of secrets may be shown.
    ReadSecrets,
    /// See honeytokens, their credentials and who used them.
    ReadHoneytokens,
    /// Make, change, reset and revoke honeytokens.
    WriteHoneytokens,
    /// Ask whether a secret that was found is a honeytoken.
    CheckHoneytokens,
    /// Create and change projects.
    WriteProject,
    /// Delete projects and scans.
    Delete,
    /// Set build gates.
    WriteGate,
    /// Change the rules that clients of the organization run.
    WritePolicy,
    /// See, issue and revoke all API keys of the organization.
    ManageKeys,
    /// See the API keys of the organization.
    ReadKeys,
    /// See, issue and revoke keys for oneself and one's teams.
    OwnKeys,
    /// See and revoke the key that one has come with.
    OwnKey,
    /// See who belongs to the organization.
    ReadMembers,
    /// Invite people, change what they are, and let them go.
    WriteMembers,
    /// See teams.
    ReadTeams,
    /// Make, change and delete teams and who belongs to them.
    WriteTeams,
    /// See and change one's own account.
    OwnAccount,
    /// Run the installation: everybody's accounts and all teams.
    Administer,
}

/// Who may ask at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asker {
    /// People and keys.
    Anyone,
    /// People who have signed in.
    Person,
    /// Super administrators who have signed in.
    SuperAdmin,
    /// API keys.
    Key,
}

/// What an action needs: one row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Who may ask.
    pub asker: Asker,
    /// The weakest role that may.
    pub role: Role,
    /// The scope that a key needs; none if every key may.
    pub scope: Option<Scope>,
    /// Whether it changes something, which a key that only reads may not.
    pub effect: Effect,
    /// Whether it is about the organization as a whole, which a key for one team or project does not see.
    pub reach: Reach,
}

/// Whether something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing changes.
    Reads,
    /// Something does.
    Writes,
}

/// What part of the organization an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// What the caller sees of it.
    Visible,
    /// All of it.
    Whole,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 27] = [
        Self::Read,
        Self::Export,
        Self::ReadAudit,
        Self::ExportAudit,
        Self::Scan,
        Self::Triage,
        Self::Share,
        Self::Report,
        Self::ReadSources,
        Self::ReadSecrets,
        Self::ReadHoneytokens,
        Self::WriteHoneytokens,
        Self::CheckHoneytokens,
        Self::WriteProject,
        Self::Delete,
        Self::WriteGate,
        Self::WritePolicy,
        Self::ManageKeys,
        Self::ReadKeys,
        Self::OwnKeys,
        Self::OwnKey,
        Self::ReadMembers,
        Self::WriteMembers,
        Self::ReadTeams,
        Self::WriteTeams,
        Self::OwnAccount,
        Self::Administer,
    ];

    /// Its row of the table.
    pub const fn needs(self) -> Needs {
        use Asker::{Anyone, Key, Person, SuperAdmin};
        use Effect::{Reads, Writes};
        use Reach::{Visible, Whole};
        use Role::{Admin, Developer, Security, Viewer};
        use Scope as S;
        let (asker, role, scope, effect, reach) = match self {
            Self::Read | Self::Export => (Anyone, Viewer, Some(S::IncidentsRead), Reads, Visible),
            Self::ReadAudit | Self::ExportAudit => (Anyone, Security, Some(S::AuditLogsRead), Reads, Visible),
            Self::Scan => (Anyone, Developer, Some(S::Scan), Writes, Visible),
            Self::Triage => (Anyone, Developer, Some(S::IncidentsWrite), Writes, Visible),
            Self::Share => (Anyone, Developer, Some(S::IncidentsShare), Writes, Visible),
            Self::Report => (Anyone, Developer, Some(S::ScanCreateIncidents), Writes, Visible),
            Self::ReadSources => (Anyone, Viewer, Some(S::SourcesRead), Reads, Visible),
            Self::ReadSecrets => (Anyone, Viewer, Some(S::SecretsRead), Reads, Visible),
            Self::ReadHoneytokens => (Anyone, Admin, Some(S::HoneytokensRead), Reads, Whole),
            Self::WriteHoneytokens => (Anyone, Admin, Some(S::HoneytokensWrite), Writes, Whole),
            Self::CheckHoneytokens => (Anyone, Developer, Some(S::HoneytokensCheck), Reads, Whole),
            Self::WriteProject => (Anyone, Developer, Some(S::SourcesWrite), Writes, Visible),
            Self::Delete => (Anyone, Security, Some(S::SourcesWrite), Writes, Visible),
            Self::WriteGate => (Anyone, Security, Some(S::PoliciesWrite), Writes, Visible),
            Self::WritePolicy => (Anyone, Admin, Some(S::PoliciesWrite), Writes, Whole),
            Self::ManageKeys => (Anyone, Admin, Some(S::ApiTokensWrite), Writes, Whole),
            Self::ReadKeys => (Anyone, Admin, Some(S::ApiTokensRead), Reads, Whole),
            Self::OwnKeys => (Person, Developer, None, Writes, Visible),
            Self::OwnKey => (Key, Viewer, None, Reads, Visible),
            Self::ReadMembers => (Anyone, Viewer, Some(S::MembersRead), Reads, Whole),
            Self::WriteMembers => (Anyone, Admin, Some(S::MembersWrite), Writes, Whole),
            Self::ReadTeams => (Anyone, Viewer, Some(S::TeamsRead), Reads, Whole),
            Self::WriteTeams => (Anyone, Admin, Some(S::TeamsWrite), Writes, Whole),
            Self::OwnAccount => (Person, Viewer, None, Writes, Visible),
            Self::Administer => (SuperAdmin, Admin, None, Writes, Whole),
        };
        Needs { asker, role, scope, effect, reach }
    }

    /// What has to be allowed before anything in particular is looked at: all of the caller's organization, or what
    /// belongs to none.
    pub const fn floor(self, organization: OrganizationId) -> Resource {
        match self {
            Self::OwnAccount | Self::OwnKey | Self::Administer => Resource::Installation,
            _ => Resource::Organization(organization),
        }
    }

    /// Whether keys of a form are good for it: TRUSCA's only scan and read scans (TRUSCA reference §2.2).
    pub const fn takes(self, form: KeyForm) -> bool {
        match form {
            KeyForm::Trusca => matches!(self, Self::Read | Self::Scan | Self::OwnKey),
            KeyForm::Pepper | KeyForm::GitGuardian | KeyForm::Semgrep => true,
        }
    }

    /// Whether doing it is recorded even though it changes nothing: taking data out, and looking at the audit log.
    pub const fn is_recorded(self) -> bool {
        matches!(self, Self::Export | Self::ReadAudit | Self::ExportAudit)
    }

    /// Whether a refusal of it is recorded: somebody tried to run what is not theirs to run.
    pub const fn is_administrative(self) -> bool {
        matches!(
            self,
            Self::ManageKeys
                | Self::ReadKeys
                | Self::WriteMembers
                | Self::WriteTeams
                | Self::ReadHoneytokens
                | Self::WriteHoneytokens
                | Self::Administer
                | Self::ReadAudit
                | Self::ExportAudit
                | Self::WriteGate
                | Self::WritePolicy
                | Self::Delete
        )
    }

    /// The word for it in events and messages, such as `read_audit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Export => "export",
            Self::ReadAudit => "read_audit",
            Self::ExportAudit => "export_audit",
            Self::Scan => "scan",
            Self::Triage => "triage",
            Self::Share => "share",
            Self::Report => "report",
            Self::ReadSources => "read_sources",
            Self::ReadSecrets => "read_secrets",
            Self::ReadHoneytokens => "read_honeytokens",
            Self::WriteHoneytokens => "write_honeytokens",
            Self::CheckHoneytokens => "check_honeytokens",
            Self::WriteProject => "write_project",
            Self::Delete => "delete",
            Self::WriteGate => "write_gate",
            Self::WritePolicy => "write_policy",
            Self::ManageKeys => "manage_keys",
            Self::ReadKeys => "read_keys",
            Self::OwnKeys => "own_keys",
            Self::OwnKey => "own_key",
            Self::ReadMembers => "read_members",
            Self::WriteMembers => "write_members",
            Self::ReadTeams => "read_teams",
            Self::WriteTeams => "write_teams",
            Self::OwnAccount => "own_account",
            Self::Administer => "administer",
        }
    }
}
