//! How findings look (reference §5): all keys are there, null where there is nothing to say.

use super::super::policy::effective_rules;
use super::package_word::{TransitivityWord, ecosystem, reachability};
use super::place::{LocationOut, line_url, reference};
use super::word::{ConfidenceWord, ReasonWord, SeverityWord, StatusWord, TriageWord};
use crate::app::App;
use crate::problem::Problem;
use crate::rest::Moment;
use scanledger_domain::finding::{RuleTags, UploadedPackage};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::policy::Mode;
use scanledger_domain::scanning::ScannerKind;
use scanledger_projections::finding::{FindingEverywhere, Stay};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// The category of rules that name none.
const SECURITY: &str = "security";

/// What is never there: null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = semgrep::web::Nothing, value_type = Option<Object>)]
pub struct Nothing(());

/// Null.
pub const NOTHING: Nothing = Nothing(());

/// A finding on a branch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Finding)]
pub struct FindingOut {
    #[serde(flatten)]
    common: CommonOut,
    #[serde(flatten)]
    kind: KindOut,
}

/// What findings of a kind have besides.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::FindingKind)]
#[serde(untagged)]
enum KindOut {
    Code(CodeOut),
    Package(PackageOut),
}

/// What all findings have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::CommonFinding)]
pub struct CommonOut {
    /// The same on every branch.
    id: u64,
    /// `refs/heads/main`.
    r#ref: String,
    /// The scan that saw it on the branch first.
    first_seen_scan_id: Option<u64>,
    syntactic_id: Option<String>,
    match_based_id: String,
    repository: RepositoryOut,
    line_of_code_url: Option<String>,
    location: Option<LocationOut>,
    severity: SeverityWord,
    confidence: ConfidenceWord,
    categories: Vec<String>,
    rule: RuleOut,
    /// As `rule.name`.
    rule_name: String,
    /// As `rule.message`.
    rule_message: String,
    /// When it was first seen in its project.
    created_at: Moment,
    /// When it came onto the branch, or last came back.
    relevant_since: Moment,
    /// What scans say: `unresolved` or `fixed`.
    state: &'static str,
    state_updated_at: Moment,
    triage_state: TriageWord,
    triaged_at: Option<Moment>,
    triage_comment: Option<String>,
    triage_reason: Option<ReasonWord>,
    status: StatusWord,
    external_ticket: Nothing,
    #[schema(value_type = Vec<Object>)]
    review_comments: [(); 0],
}

/// A project as a repository.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Repository)]
pub struct RepositoryOut {
    name: String,
    url: Option<String>,
}

/// A rule, as findings tell of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = semgrep::web::RuleOfFinding)]
pub struct RuleOut {
    name: String,
    message: String,
    confidence: ConfidenceWord,
    category: String,
    subcategories: Vec<String>,
    vulnerability_classes: Vec<String>,
    cwe_names: Vec<String>,
    owasp_names: Vec<String>,
}

/// What findings in code have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::CodeFinding)]
pub struct CodeOut {
    /// What the rule may do; null for rules that are in no policy.
    sourcing_policy: Option<SourcingOut>,
    assistant: Nothing,
    #[schema(value_type = Vec<Object>)]
    click_to_fix_prs: [(); 0],
    #[schema(value_type = Vec<Object>)]
    click_to_fix_failures: [(); 0],
}

/// What a rule may do.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = semgrep::web::SourcingPolicy)]
pub struct SourcingOut {
    id: u64,
    name: &'static str,
    slug: &'static str,
}

/// What findings in packages have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::PackageFinding)]
pub struct PackageOut {
    /// A CVE if there is one.
    vulnerability_identifier: String,
    reachability: &'static str,
    reachable_condition: Nothing,
    is_malicious: bool,
    epss_score: Nothing,
    fix_recommendations: Vec<FixOut>,
    found_dependency: Option<DependencyOut>,
    /// Where the source uses what is vulnerable.
    usage: Option<UsageOut>,
}

/// A version that mends it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::FixRecommendation)]
pub struct FixOut {
    package: String,
    version: String,
}

/// A vulnerable package.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::FoundDependency)]
pub struct DependencyOut {
    package: String,
    version: Option<String>,
    ecosystem: String,
    transitivity: TransitivityWord,
    lockfile_line_url: Option<String>,
}

/// Where the source uses what is vulnerable.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Usage)]
pub struct UsageOut {
    location: UsedAtOut,
    external_ticket: Nothing,
}

/// A place in the source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::UsedAt)]
pub struct UsedAtOut {
    path: String,
    start_line: Option<u32>,
    start_col: Option<u32>,
    end_line: Option<u32>,
    end_col: Option<u32>,
    url: Option<String>,
}

/// What the rules of an organization may do, by id.
pub struct Modes(HashMap<String, Mode>);

impl Modes {
    /// The modes of an organization.
    ///
    /// # Errors
    /// When the views fail.
    pub async fn of(app: &App, organization: OrganizationId) -> Result<Self, Problem> {
        let rules = effective_rules(app, organization).await?;
        Ok(Self(rules.into_iter().map(|rule| (rule.rule.id.to_string(), rule.mode)).collect()))
    }

    fn sourcing(&self, rule: &str) -> Option<SourcingOut> {
        Some(match self.0.get(rule)? {
            Mode::Monitor => {
                SourcingOut { id: 1, name: "Rule Board - Audit column", slug: "rule-board-audit" }
            }
            Mode::Comment => {
                SourcingOut { id: 2, name: "Rule Board - PR Comments column", slug: "rule-board-pr-comments" }
            }
            Mode::Block => {
                SourcingOut { id: 3, name: "Rule Board - Blocking column", slug: "rule-board-block" }
            }
            Mode::Disabled => return None,
        })
    }
}

impl FindingOut {
    /// A row as the dialect has it.
    pub fn new(row: FindingEverywhere, modes: &Modes) -> Self {
        let kind = match row.finding.scanner {
            ScannerKind::Sca | ScannerKind::Malicious => KindOut::Package(PackageOut::of(&row)),
            _ => KindOut::Code(CodeOut {
                sourcing_policy: modes.sourcing(&row.finding.rule),
                assistant: NOTHING,
                click_to_fix_prs: [],
                click_to_fix_failures: [],
            }),
        };
        Self { common: CommonOut::new(row), kind }
    }
}

impl CommonOut {
    fn new(row: FindingEverywhere) -> Self {
        let rule = RuleOut::of(&row);
        let location = LocationOut::of(&row.finding);
        let line_of_code_url = line_url(&row, location.as_ref());
        let finding = row.finding;
        let (syntactic_id, match_based_id) = match finding.upload {
            Some(upload) => (upload.syntactic_id, upload.match_based_id),
            None => (None, format!("{}_0", finding.fingerprint)),
        };
        let state_updated_at = row.gone_at.unwrap_or(row.came_at);
        Self {
            id: row.number.0,
            r#ref: reference(&row.branch),
            first_seen_scan_id: row.first_scan,
            syntactic_id,
            match_based_id,
            repository: RepositoryOut { name: row.project_name, url: row.repo_url },
            line_of_code_url,
            location,
            severity: SeverityWord::of(finding.severity),
            confidence: rule.confidence,
            categories: vec![rule.category.clone()],
            rule_name: rule.name.clone(),
            rule_message: rule.message.clone(),
            rule,
            created_at: Moment(finding.detected_at),
            relevant_since: Moment(row.came_at),
            state: match row.stay {
                Stay::There => "unresolved",
                Stay::Gone => "fixed",
            },
            state_updated_at: Moment(state_updated_at),
            triage_state: TriageWord::of(finding.state, finding.triaged.is_some()),
            triage_reason: ReasonWord::of(finding.state),
            status: StatusWord::of(row.stay, finding.state),
            triaged_at: finding.triaged.as_ref().map(|triaged| Moment(triaged.at)),
            triage_comment: finding.triaged.and_then(|triaged| triaged.note),
            external_ticket: NOTHING,
            review_comments: [],
        }
    }
}

impl RuleOut {
    fn of(row: &FindingEverywhere) -> Self {
        let finding = &row.finding;
        let tags = finding.upload.as_ref().map_or_else(RuleTags::default, |upload| upload.tags.clone());
        let cwe_names = match tags.cwes.is_empty() {
            true => finding.cwe.iter().cloned().collect(),
            false => tags.cwes,
        };
        Self {
            name: finding.rule.clone(),
            message: finding.description.clone(),
            confidence: row.confidence().into(),
            category: tags.category.unwrap_or_else(|| SECURITY.to_owned()),
            subcategories: tags.subcategories,
            vulnerability_classes: tags.vulnerability_classes,
            cwe_names,
            owasp_names: tags.owasps,
        }
    }
}

impl PackageOut {
    fn of(row: &FindingEverywhere) -> Self {
        let finding = &row.finding;
        let uploaded = finding.upload.as_ref().and_then(|upload| upload.package.as_ref());
        let used = uploaded.map_or(finding.imported, |package| Some(package.reachable));
        let found_dependency = match uploaded {
            Some(package) => Some(DependencyOut::uploaded(package)),
            None => finding.package.as_ref().map(|package| DependencyOut {
                package: package.name.clone(),
                version: finding.places.first().and_then(|place| place.version.clone()),
                ecosystem: ecosystem(package.ecosystem).to_owned(),
                transitivity: TransitivityWord::of_direct(row.is_direct),
                lockfile_line_url: line_url(row, LocationOut::of(finding).as_ref()),
            }),
        };
        let package = found_dependency.as_ref().map(|found| found.package.clone());
        let fix = package.zip(finding.fix.clone()).map(|(package, version)| FixOut { package, version });
        Self {
            vulnerability_identifier: finding
                .cve
                .clone()
                .unwrap_or_else(|| finding.advisories.first().unwrap_or(&finding.rule).clone()),
            reachability: reachability(used),
            reachable_condition: NOTHING,
            is_malicious: finding.scanner == ScannerKind::Malicious,
            epss_score: NOTHING,
            fix_recommendations: fix.into_iter().collect(),
            found_dependency,
            usage: uploaded.filter(|package| package.reachable).map(|_| UsageOut::of(row)),
        }
    }
}

impl DependencyOut {
    fn uploaded(package: &UploadedPackage) -> Self {
        Self {
            package: package.name.clone(),
            version: Some(package.version.clone()),
            ecosystem: package.ecosystem.clone(),
            transitivity: package.transitivity.into(),
            lockfile_line_url: None,
        }
    }
}

impl UsageOut {
    fn of(row: &FindingEverywhere) -> Self {
        let location = LocationOut::of(&row.finding).unwrap_or_default();
        let url = line_url(row, Some(&location));
        let location = UsedAtOut {
            path: location.file_path,
            start_line: location.line,
            start_col: location.column,
            end_line: location.end_line,
            end_col: location.end_column,
            url,
        };
        Self { location, external_ticket: NOTHING }
    }
}
