//! Enumerations, in the domain's words.

use async_graphql::Enum;
use scanledger_domain as domain;
use scanledger_projections::incident::Direction;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident($remote:literal) { $($(#[$word_doc:meta])* $word:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Enum)]
        #[graphql(remote = $remote)]
        pub(super) enum $name {
            $($(#[$word_doc])* $word),+
        }
    )+};
}

words! {
    /// How bad a finding is, worst first.
    Severity("domain::severity::Severity") {
        /// CVSS 9.0 to 10.0.
        Critical,
        /// CVSS 7.0 to 8.9.
        High,
        /// CVSS 4.0 to 6.9.
        Medium,
        /// Neither a CVSS vector nor a word of the database says.
        Unknown,
        /// CVSS 0.1 to 3.9.
        Low,
        /// No vulnerability by itself.
        Info,
    }
    /// What people decided about a finding.
    TriageState("domain::finding::TriageState") {
        /// Nobody has looked.
        Untriaged,
        /// Somebody is looking.
        Investigating,
        /// It is real and has to be mended.
        Confirmed,
        /// The scanner is wrong.
        FalsePositive,
        /// The scanner is right, but it does not matter here.
        NotAffected,
        /// It is real, and stays.
        Accepted,
        /// Somebody says it is mended.
        Fixed,
    }
    /// Where an incident stands.
    IncidentStatus("domain::incident::IncidentStatus") {
        /// It is open, and nobody in particular works at it.
        Triggered,
        /// It is open, and somebody works at it.
        Assigned,
        /// The secret was dealt with.
        Resolved,
        /// Nothing needs to be done.
        Ignored,
    }
    /// Why an incident is ignored.
    IgnoreReason("domain::incident::IgnoreReason") {
        /// It opens nothing but tests.
        TestCredential,
        /// It is no secret.
        FalsePositive,
        /// It is a secret, and stays.
        LowRisk,
        /// It is a secret that opens nothing.
        Invalid,
    }
    /// What is worth knowing about an incident.
    IncidentTag("domain::incident::IncidentTag") {
        /// It was there before anybody looked.
        FromHistoricalScan,
        /// It stands in a file of tests.
        TestFile,
        /// It stands in a file that is made for secrets.
        SensitiveFile,
        /// It came back after it was fixed.
        Regression,
        /// It stands on the default branch of a project.
        DefaultBranch,
    }
    /// A kind of scanner.
    Scanner("domain::scanning::ScannerKind") {
        /// Known vulnerabilities of dependencies.
        Sca,
        /// Secrets in files.
        Secrets,
        /// Weaknesses in source code.
        Sast,
        /// Infrastructure as code.
        Iac,
        /// Malicious packages.
        Malicious,
        /// Zero-day patterns.
        ZeroDay,
        /// Container images.
        Container,
        /// Running applications.
        Dast,
    }
    /// What a scan looks for.
    ScanType("domain::scan::ScanType") {
        /// Everything there is.
        Full,
        /// Source code.
        Sast,
        /// Dependencies.
        Sca,
        /// Secrets.
        Secrets,
        /// Infrastructure as code.
        Iac,
        /// Zero-day patterns.
        ZeroDay,
        /// Container images.
        Container,
        /// A running application.
        Dast,
        /// Code, dependencies and secrets of changed files.
        Incremental,
    }
    /// Where a scan stands.
    ScanStatus("domain::scan::ScanStatus") {
        /// It waits for a worker.
        Queued,
        /// A worker has it.
        Running,
        /// A worker has it and waits.
        Paused,
        /// Its results are being recorded.
        Settling,
        /// It ended, with a verdict.
        Completed,
        /// It could not be done.
        Failed,
        /// Somebody ended it early; what was found is kept.
        Stopped,
        /// Somebody discarded it.
        Cancelled,
    }
    /// What went wrong with a scan.
    FailureCode("domain::scan::FailureCode") {
        /// The archive is broken, escapes its folder or exceeds a limit.
        SourceRejected,
        /// The archive is no longer stored.
        SourceMissing,
        /// No scanner could work.
        ScannersFailed,
        /// Its worker vanished too often while nothing else ran.
        Interrupted,
        /// The client that ran it says that it failed.
        ClientFailed,
        /// The client that ran it was not heard of again.
        ClientSilent,
        /// The server's fault.
        Internal,
    }
    /// What a gate said.
    GateResult("domain::project::GateResult") {
        /// The build may go on.
        Passed,
        /// It may not.
        Failed,
    }
    /// Why a branch was closed.
    ClosedBecause("domain::branch::ClosedBecause") {
        /// Its pull request was merged.
        Merged,
        /// It is gone from its repository.
        Deleted,
        /// Nobody scanned it for a month.
        Silent,
    }
    /// What a component is needed for.
    ComponentScope("domain::component::Scope") {
        /// Needed when the product runs.
        Runtime,
        /// Needed to build or test it.
        Development,
        /// Used if present.
        Optional,
    }
    /// A package ecosystem.
    Ecosystem("domain::component::Ecosystem") {
        /// Rust.
        CratesIo,
        /// Go modules.
        Go,
        /// JavaScript.
        Npm,
        /// Python.
        #[graphql(name = "PYPI")]
        PyPi,
    }
    /// What kind of thing an audit entry is about.
    AuditResource("domain::audit::AuditResource") {
        /// An organization.
        Organization,
        /// A person.
        User,
        /// A team.
        Team,
        /// An API key.
        ApiKey,
        /// A project.
        Project,
        /// The build gate of a project.
        Gate,
        /// The rules of an organization.
        Policy,
        /// A scan.
        Scan,
        /// A finding.
        Finding,
        /// An incident.
        Incident,
        /// A honeytoken.
        Honeytoken,
        /// An access that was recorded, or a refusal.
        Access,
    }
}

/// Who caused something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum ActorKind {
    /// A person.
    User,
    /// An API key without a person behind it.
    Key,
    /// The server itself.
    System,
    /// Somebody at the shell of the server.
    Operator,
}

/// In which order projects come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub(super) enum ProjectSort {
    /// Latest change or scan first.
    #[default]
    Recent,
    /// By name.
    Name,
    /// Most and worst findings first.
    Findings,
}

/// In which order scans come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Enum)]
pub(super) enum ScanSort {
    /// The last queued first.
    #[default]
    Newest,
    /// The first queued first.
    Oldest,
}

/// In which order incidents come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub(super) enum IncidentSort {
    /// The last opened first.
    #[default]
    Newest,
    /// The first opened first.
    Oldest,
}

/// In which order components come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Enum)]
#[graphql(remote = "scanledger_projections::component::ComponentSort")]
pub(super) enum ComponentSort {
    /// By ecosystem, name, version and path.
    #[default]
    Package,
    /// Those that came or changed last first.
    Newest,
}

/// Whether a branch is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "scanledger_projections::branch::BranchState")]
pub(super) enum BranchState {
    /// It is.
    Open,
    /// It ended, and was not opened since: nothing is on it.
    Closed,
}

/// In which order branches come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Enum)]
#[graphql(remote = "scanledger_projections::branch::BranchSort")]
pub(super) enum BranchSort {
    /// The last scanned first.
    #[default]
    Recent,
    /// By name.
    Name,
    /// Most open findings first.
    Findings,
}

/// In which order audit entries come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub(super) enum AuditSort {
    /// The last first.
    #[default]
    Newest,
    /// The first first.
    Oldest,
}

/// In which order findings come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Enum)]
pub(super) enum FindingSort {
    /// Worst first.
    #[default]
    Severity,
    /// By path and line.
    File,
    /// In order of first sight.
    Created,
}

impl From<ProjectSort> for scanledger_projections::project::ProjectSort {
    fn from(sort: ProjectSort) -> Self {
        match sort {
            ProjectSort::Recent => Self::Recent,
            ProjectSort::Name => Self::Name,
            ProjectSort::Findings => Self::Findings,
        }
    }
}

impl From<FindingSort> for scanledger_projections::finding::FindingSort {
    fn from(sort: FindingSort) -> Self {
        match sort {
            FindingSort::Severity => Self::Severity,
            FindingSort::File => Self::File,
            FindingSort::Created => Self::Created,
        }
    }
}

impl From<ScanSort> for Direction {
    fn from(sort: ScanSort) -> Self {
        match sort {
            ScanSort::Newest => Self::Descending,
            ScanSort::Oldest => Self::Ascending,
        }
    }
}

impl From<IncidentSort> for Direction {
    fn from(sort: IncidentSort) -> Self {
        match sort {
            IncidentSort::Newest => Self::Descending,
            IncidentSort::Oldest => Self::Ascending,
        }
    }
}

impl From<AuditSort> for Direction {
    fn from(sort: AuditSort) -> Self {
        match sort {
            AuditSort::Newest => Self::Descending,
            AuditSort::Oldest => Self::Ascending,
        }
    }
}
