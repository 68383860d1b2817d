//! Findings, and what people decided about them.

use super::actor::Actor;
use super::incident::Incident;
use super::load::{Batches, Filter, IncidentKey, ProjectKey};
use super::problem::bad_input;
use super::project::Project;
use super::scalar::{Instant, Place};
use super::scope::Pin;
use super::word::{Ecosystem, Scanner, Severity, TriageState};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use scanledger_domain::component;
use scanledger_domain::limits::SEARCH_CHARS;
use scanledger_projections::finding::FindingRow;

/// A finding at a position.
pub(super) struct Finding {
    pub(super) row: FindingRow,
    pub(super) pin: Pin,
}

/// Which findings. Empty lists mean all.
#[derive(Debug, Clone, Default, InputObject)]
pub(super) struct FindingFilter {
    /// Of these severities.
    #[graphql(default)]
    severities: Vec<Severity>,
    /// In these triage states.
    #[graphql(default)]
    states: Vec<TriageState>,
    /// Of these scanners.
    #[graphql(default)]
    scanners: Vec<Scanner>,
    /// Whose path contains this, whatever the case.
    path_contains: Option<String>,
    /// With all of these words in title, rule, advisories, package or path; `*` at the end of a word stands for
    /// any ending.
    text: Option<String>,
}

impl FindingFilter {
    /// The filter, if it is within limits.
    ///
    /// # Errors
    /// For searches longer than [`SEARCH_CHARS`].
    pub(super) fn checked(self) -> Result<Filter> {
        let Self { severities, states, scanners, path_contains, text } = self;
        check_search("pathContains", path_contains.as_deref())?;
        check_search("text", text.as_deref())?;
        Ok(Filter { severities, states, scanners, path_contains, text })
    }
}

/// Checks the length of something to search for.
///
/// # Errors
/// Beyond [`SEARCH_CHARS`].
pub(super) fn check_search(argument: &str, text: Option<&str>) -> Result<()> {
    if text.is_some_and(|text| text.chars().count() > SEARCH_CHARS) {
        return Err(bad_input(format!("{argument} may have at most {SEARCH_CHARS} characters")));
    }
    Ok(())
}

/// A place where a finding was seen.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Location {
    /// Relative to the root of the source.
    path: String,
    /// From 1.
    line: Option<u32>,
    /// From 1, inclusive.
    end_line: Option<u32>,
    /// The affected version, for packages.
    version: Option<String>,
}

/// A package in an ecosystem.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Package {
    ecosystem: Ecosystem,
    name: String,
    /// Canonical package URL, without a version.
    purl: String,
}

impl From<&component::Package> for Package {
    fn from(package: &component::Package) -> Self {
        Self { ecosystem: package.ecosystem.into(), name: package.name.clone(), purl: package.purl() }
    }
}

/// The last decision about a finding.
#[derive(SimpleObject)]
pub(super) struct Triage {
    /// What it is.
    state: TriageState,
    /// Why.
    note: Option<String>,
    /// Who decided.
    actor: Actor,
    /// When.
    at: Instant,
}

/// A weakness, on a branch.
#[Object]
impl Finding {
    /// Its id, the same on every branch and in every scan.
    async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// In which project.
    async fn project_id(&self) -> ID {
        ID(self.row.project.to_string())
    }

    /// In which project.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Project>> {
        let row = Batches::of(ctx).load_one(ProjectKey(self.pin, self.row.project)).await?;
        Ok(row.map(|row| Project { row, pin: self.pin }))
    }

    /// What makes it the same finding next time, hex.
    async fn fingerprint(&self) -> String {
        self.row.fingerprint.to_string()
    }

    /// Who found it.
    async fn scanner(&self) -> Scanner {
        self.row.scanner.into()
    }

    /// Rule, detector or advisory.
    async fn rule(&self) -> &str {
        &self.row.rule
    }

    /// One line.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// A paragraph.
    async fn description(&self) -> &str {
        &self.row.description
    }

    /// How bad.
    async fn severity(&self) -> Severity {
        self.row.severity.into()
    }

    /// What people decided.
    async fn state(&self) -> TriageState {
        self.row.state.into()
    }

    /// The last decision; null if nobody ever decided.
    async fn triage(&self) -> Option<Triage> {
        let triaged = self.row.triaged.as_ref()?;
        Some(Triage {
            state: self.row.state.into(),
            note: triaged.note.clone(),
            actor: Actor(triaged.actor),
            at: Instant(triaged.at),
        })
    }

    /// `CWE-79`.
    async fn cwe(&self) -> Option<&str> {
        self.row.cwe.as_deref()
    }

    /// `CVE-2020-1234`.
    async fn cve(&self) -> Option<&str> {
        self.row.cve.as_deref()
    }

    /// 0 to 1.
    async fn confidence(&self) -> f32 {
        self.row.confidence
    }

    /// The first place.
    async fn path(&self) -> Option<&str> {
        self.row.places.first().map(|place| place.path.as_str())
    }

    /// The line of the first place.
    async fn line(&self) -> Option<u32> {
        self.row.places.first().and_then(|place| place.line)
    }

    /// Where it was seen.
    async fn locations(&self) -> Vec<Location> {
        let location = |place: &scanledger_domain::scanning::Place| Location {
            path: place.path.clone(),
            line: place.line,
            end_line: place.end_line,
            version: place.version.clone(),
        };
        self.row.places.iter().map(location).collect()
    }

    /// The vulnerable package.
    async fn package(&self) -> Option<Package> {
        self.row.package.as_ref().map(Package::from)
    }

    /// Every advisory id and alias of a vulnerable package.
    async fn advisories(&self) -> &[String] {
        &self.row.advisories
    }

    /// `unmaintained`, `unsound` or `notice`, if it is no vulnerability.
    async fn informational(&self) -> Option<&str> {
        self.row.informational.as_deref()
    }

    /// The version that mends it.
    async fn fixed_version(&self) -> Option<&str> {
        self.row.fix.as_deref()
    }

    /// What of a secret may be shown.
    async fn masked_secret(&self) -> Option<&str> {
        self.row.secret.as_ref().map(|secret| secret.masked.as_str())
    }

    /// The incident of a secret: every finding of it, in whatever project, is decided about there.
    async fn incident(&self, ctx: &Context<'_>) -> Result<Option<Incident>> {
        let Some(secret) = &self.row.secret else { return Ok(None) };
        let row = Batches::of(ctx).load_one(IncidentKey(self.pin, secret.incident)).await?;
        Ok(row.map(|row| Incident { row }))
    }

    /// Addresses to read more.
    async fn references(&self) -> &[String] {
        &self.row.references
    }

    /// When it was first seen in its project.
    async fn detected_at(&self) -> Instant {
        Instant(self.row.detected_at)
    }

    /// Since where in the log it has been on the branch without a break.
    async fn since(&self) -> Place {
        Place(self.row.since)
    }

    /// Whether it counted as new when it came onto the branch.
    async fn is_new(&self) -> bool {
        self.row.is_new
    }
}
