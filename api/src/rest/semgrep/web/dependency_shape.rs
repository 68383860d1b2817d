//! Packages as questions and answers have them (reference §9).

use super::lenient::{Flag, Many, Whole};
use super::package_word::ecosystem;
use super::place::at_host;
use super::shape::{NOTHING, Nothing};
use crate::extract::check_search;
use crate::problem::Problem;
use scanledger_domain::component::Ecosystem;
use scanledger_domain::limits::PACKAGE_FILTERS;
use scanledger_projections::component::{ComponentOfProject, EverywhereComponents, Wanted, WantedPackage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which page of which packages.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = semgrep::web::DependenciesIn)]
#[serde(rename_all = "camelCase")]
pub struct DependenciesIn {
    #[serde(default)]
    pub(super) dependency_filter: Option<DependencyFilterIn>,
    /// From the answer before.
    #[schema(value_type = Option<String>)]
    pub(super) cursor: Option<Whole>,
    /// Rows on a page.
    #[serde(alias = "page_size")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub(super) page_size: Option<Whole>,
}

/// Which packages.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = semgrep::web::DependencyFilter)]
#[serde(rename_all = "camelCase")]
pub struct DependencyFilterIn {
    /// Only with this in the name, whatever the case.
    name: Option<String>,
    /// Only at this version; with `name`, or whatever the name.
    version: Option<String>,
    /// Only one of these.
    #[serde(default)]
    package_filters: Vec<PackageFilterIn>,
    /// Only of these projects.
    #[serde(default)]
    #[schema(value_type = Option<Vec<u64>>)]
    repository_id: Many<Whole>,
    /// Only in this lockfile.
    lockfile_path: Option<String>,
    /// Only of these ecosystems.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    ecosystem: Many<String>,
    /// Only that came in like this.
    #[serde(default)]
    #[schema(value_type = Option<Vec<CameIn>>)]
    transitivity: Many<CameIn>,
    /// Only with one of these licences. None is known.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    license: Many<String>,
    /// Only whose licence may do this. None is known.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    license_policy_settings: Many<String>,
    /// Whether of archived projects too. There are none.
    #[schema(value_type = Option<bool>)]
    #[expect(dead_code, reason = "part of the contract; nothing is archived here")]
    include_archived: Option<Flag>,
}

/// A package that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = semgrep::web::PackageFilter)]
#[serde(rename_all = "camelCase")]
pub struct PackageFilterIn {
    #[serde(default)]
    name: String,
    /// Whether the name is all of it.
    #[schema(value_type = Option<bool>)]
    exact_name_match: Option<Flag>,
    exact_version: Option<String>,
    /// Ranges are not compared here, so this will not do.
    version_lower_bound: Option<String>,
    /// Ranges are not compared here, so this will not do.
    version_upper_bound: Option<String>,
}

/// How a package came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::CameIn)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CameIn {
    /// Nobody knows.
    UnknownTransitivity,
    /// The project asks for it.
    Direct,
    /// Something else does.
    Transitive,
}

impl CameIn {
    const fn of(direct: Option<bool>) -> Self {
        match direct {
            Some(true) => Self::Direct,
            Some(false) => Self::Transitive,
            None => Self::UnknownTransitivity,
        }
    }

    const fn direct(self) -> Option<bool> {
        match self {
            Self::Direct => Some(true),
            Self::Transitive => Some(false),
            Self::UnknownTransitivity => None,
        }
    }
}

/// Packages on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Dependencies)]
#[serde(rename_all = "camelCase")]
pub struct DependenciesOut {
    pub(super) dependencies: Vec<DependencyOut>,
    pub(super) has_more: bool,
    /// For the next page.
    pub(super) cursor: String,
}

/// A package of a project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Dependency)]
#[serde(rename_all = "camelCase")]
pub struct DependencyOut {
    repository_id: String,
    package: PackageOut,
    ecosystem: &'static str,
    transitivity: CameIn,
    defined_at: DefinedAtOut,
    manifest_definition: Nothing,
    /// None is known.
    licenses: Vec<String>,
    resolved_url: Nothing,
    #[schema(value_type = Vec<Object>)]
    path_to_transitivity: [(); 0],
}

/// A package at a version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Package)]
#[serde(rename_all = "camelCase")]
pub struct PackageOut {
    name: String,
    version_specifier: String,
}

/// Where a package is named.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::DefinedAt)]
#[serde(rename_all = "camelCase")]
pub struct DefinedAtOut {
    path: String,
    start_line: Nothing,
    end_line: Nothing,
    start_col: Nothing,
    end_col: Nothing,
    url: Option<String>,
    committed_at: Nothing,
}

/// Projects with packages on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::RepositorySummaries)]
#[serde(rename_all = "camelCase")]
pub struct RepositoriesOut {
    pub(super) repository_summaries: Vec<RepositoryOut>,
    pub(super) has_more: bool,
    /// For the next page.
    pub(super) cursor: u64,
}

/// How many packages a project has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::RepositorySummary)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryOut {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) num_dependencies: u64,
    pub(super) has_dependency_path_scan: bool,
}

/// Lockfiles on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::LockfileSummaries)]
#[serde(rename_all = "camelCase")]
pub struct LockfilesOut {
    pub(super) lockfile_summaries: Vec<LockfileOut>,
    pub(super) has_more: bool,
    /// For the next page.
    pub(super) cursor: String,
}

/// How many packages a lockfile names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::LockfileSummary)]
#[serde(rename_all = "camelCase")]
pub struct LockfileOut {
    pub(super) lockfile_path: String,
    pub(super) num_dependencies: u64,
}

impl DependencyFilterIn {
    /// The components that are meant; none if nothing can be.
    ///
    /// # Errors
    /// 400 for a range of versions, and for names that are too long or too many.
    pub(super) fn meant(&self) -> Result<Option<EverywhereComponents>, Problem> {
        let known =
            |word: &String| Ecosystem::ALL.into_iter().find(|known| ecosystem(*known) == word.as_str());
        let ecosystems: Vec<Ecosystem> = self.ecosystem.0.iter().filter_map(known).collect();
        let is_unknown = ecosystems.is_empty() && !self.ecosystem.0.is_empty();
        if is_unknown || !self.license.0.is_empty() || !self.license_policy_settings.0.is_empty() {
            return Ok(None);
        }
        check_search("dependencyFilter.name", self.name.as_deref())?;
        if self.package_filters.len() > PACKAGE_FILTERS {
            let message = format!("may have at most {PACKAGE_FILTERS} entries");
            return Err(Problem::invalid("dependencyFilter.packageFilters", message));
        }
        let mut packages = vec![];
        if self.name.is_some() || self.version.is_some() {
            let part = self.name.clone().unwrap_or_default();
            packages.push(Wanted { package: WantedPackage::Containing(part), version: self.version.clone() });
        }
        for (number, wanted) in self.package_filters.iter().enumerate() {
            let place = format!("dependencyFilter.packageFilters.{number}");
            if wanted.version_lower_bound.is_some() || wanted.version_upper_bound.is_some() {
                return Err(Problem::invalid(place, "ranges of versions are not compared; use exactVersion"));
            }
            let name = wanted.name.clone();
            let package = match wanted.exact_name_match {
                Some(Flag::Yes) => WantedPackage::Named(name),
                Some(Flag::No) | None => {
                    check_search(&format!("{place}.name"), Some(&name))?;
                    WantedPackage::Containing(name)
                }
            };
            packages.push(Wanted { package, version: wanted.exact_version.clone() });
        }
        Ok(Some(EverywhereComponents {
            projects: self.repository_id.0.iter().map(|id| id.0).collect(),
            packages,
            ecosystems,
            direct: self.transitivity.0.iter().map(|word| word.direct()).collect(),
            path: self.lockfile_path.clone(),
        }))
    }
}

impl DependencyOut {
    pub(super) fn new(found: ComponentOfProject) -> Self {
        let component = found.row.component;
        let url = found.repo_url.and_then(|url| at_host(&url, &found.branch, &component.path, None));
        Self {
            repository_id: found.project.to_string(),
            ecosystem: ecosystem(component.package.ecosystem),
            package: PackageOut { name: component.package.name, version_specifier: component.version },
            transitivity: CameIn::of(component.direct),
            defined_at: DefinedAtOut {
                path: component.path,
                start_line: NOTHING,
                end_line: NOTHING,
                start_col: NOTHING,
                end_col: NOTHING,
                url,
                committed_at: NOTHING,
            },
            manifest_definition: NOTHING,
            licenses: vec![],
            resolved_url: NOTHING,
            path_to_transitivity: [],
        }
    }
}
