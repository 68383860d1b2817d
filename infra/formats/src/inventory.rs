//! The components of a report as SBOMs list them: one for each package and version, with the graph between them.

use domain::component::{Component, Package, Scope};
use domain::report::Report;
use scanledger_domain as domain;
use std::collections::{BTreeMap, HashMap};

/// A package at a version, wherever it was found.
pub(crate) struct Merged<'a> {
    /// Canonical purl with version.
    pub purl: String,
    /// The package.
    pub package: &'a Package,
    /// The version; may be empty.
    pub version: &'a str,
    /// The lockfiles that name it, sorted.
    pub paths: Vec<&'a str>,
    /// The strongest need among them.
    pub scope: Scope,
    /// Whether the project itself asks for it; `None` if the lockfiles do not say.
    pub direct: Option<bool>,
}

/// All components of a report, sorted by purl, and who needs whom.
pub(crate) struct Inventory<'a> {
    /// The components.
    pub components: Vec<Merged<'a>>,
    /// For each component the ones that it needs, as sorted indexes; none needs itself.
    pub needs: Vec<Vec<usize>>,
    /// The components that the project itself needs: those that it asks for, and those of which the lockfile
    /// does not say so and that nothing else needs.
    pub roots: Vec<usize>,
    by_version: HashMap<(String, &'a str), usize>,
}

/// A report contradicts itself.
#[derive(Debug, thiserror::Error)]
#[error("a dependency names component {index}, but the report has {components}")]
pub(crate) struct NoSuchComponent {
    index: usize,
    components: usize,
}

impl<'a> Inventory<'a> {
    /// Merges the components of `report`.
    pub(crate) fn of(report: &'a Report) -> Result<Self, NoSuchComponent> {
        let mut by_purl: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, component) in report.components.iter().enumerate() {
            by_purl.entry(purl(component)).or_default().push(index);
        }
        let mut place = vec![0; report.components.len()];
        let mut components = Vec::with_capacity(by_purl.len());
        for (purl, members) in by_purl {
            members.iter().for_each(|&member| place[member] = components.len());
            components.push(merge(purl, members.into_iter().map(|member| &report.components[member])));
        }
        let needs = needs(report, &place, components.len())?;
        let by_version =
            components.iter().enumerate().map(|(at, one)| ((one.package.purl(), one.version), at)).collect();
        let roots = roots(&components, &needs);
        Ok(Self { components, needs, roots, by_version })
    }

    /// The component of a package (purl without version) at a version.
    pub(crate) fn find(&self, package: &str, version: &'a str) -> Option<&Merged<'a>> {
        let at = *self.by_version.get(&(package.to_owned(), version))?;
        self.components.get(at)
    }
}

fn purl(component: &Component) -> String {
    if component.version.is_empty() { component.package.purl() } else { component.purl() }
}

fn merge<'a>(purl: String, members: impl Iterator<Item = &'a Component>) -> Merged<'a> {
    let mut members: Vec<&Component> = members.collect();
    members.sort();
    let mut paths: Vec<&str> = members.iter().map(|member| member.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let strength = |scope: &Scope| match scope {
        Scope::Runtime => 0,
        Scope::Optional => 1,
        Scope::Development => 2,
    };
    let scope = members.iter().map(|member| member.scope).min_by_key(strength).unwrap_or(Scope::Runtime);
    let said = |answer| members.iter().any(|member| member.direct == answer);
    let direct = [Some(true), None].into_iter().find(|&answer| said(answer)).unwrap_or(Some(false));
    let first = members[0];
    Merged { purl, package: &first.package, version: &first.version, paths, scope, direct }
}

fn needs(report: &Report, place: &[usize], merged: usize) -> Result<Vec<Vec<usize>>, NoSuchComponent> {
    let find = |index: usize| {
        place.get(index).copied().ok_or(NoSuchComponent { index, components: report.components.len() })
    };
    let mut needs = vec![Vec::new(); merged];
    for &(from, to) in &report.dependencies {
        let (from, to) = (find(from)?, find(to)?);
        if from != to {
            needs[from].push(to);
        }
    }
    for needed in &mut needs {
        needed.sort_unstable();
        needed.dedup();
    }
    Ok(needs)
}

fn roots(components: &[Merged<'_>], needs: &[Vec<usize>]) -> Vec<usize> {
    let mut needed = vec![false; components.len()];
    needs.iter().flatten().for_each(|&at| needed[at] = true);
    let is_root = |at: &usize| components[*at].direct.unwrap_or(!needed[*at]);
    (0..components.len()).filter(is_root).collect()
}

#[cfg(test)]
mod tests {
    use super::Inventory;
    use domain::component::{Component, Ecosystem, Package, Scope};
    use domain::report::Report;
    use domain::time::Timestamp;
    use scanledger_domain as domain;

    fn component(name: &str, path: &str, scope: Scope, direct: Option<bool>) -> Component {
        Component {
            package: Package::new(Ecosystem::Npm, name),
            version: "1.0.0".to_owned(),
            path: path.to_owned(),
            scope,
            direct,
        }
    }

    fn report(components: Vec<Component>, dependencies: Vec<(usize, usize)>) -> Report {
        Report {
            project: String::new(),
            scan: None,
            branch: None,
            commit: None,
            repository: None,
            created_at: Timestamp(0),
            findings: vec![],
            components,
            dependencies,
            gaps: vec![],
        }
    }

    #[test]
    fn a_package_in_several_lockfiles_is_one_component_with_the_strongest_need() {
        let report = report(
            vec![
                component("a", "web/package-lock.json", Scope::Development, Some(false)),
                component("b", "web/package-lock.json", Scope::Optional, Some(false)),
                component("a", "api/package-lock.json", Scope::Runtime, Some(true)),
                component("b", "web/package-lock.json", Scope::Development, Some(false)),
            ],
            vec![(0, 1), (2, 3), (0, 2)],
        );
        let inventory = Inventory::of(&report).unwrap();
        let [a, b] = &inventory.components[..] else { panic!("two components") };
        assert_eq!(a.paths, ["api/package-lock.json", "web/package-lock.json"]);
        assert_eq!((a.scope, a.direct), (Scope::Runtime, Some(true)));
        assert_eq!((b.scope, b.direct), (Scope::Optional, Some(false)));
        assert_eq!(inventory.needs, [vec![1], vec![]]);
        assert_eq!(inventory.roots, [0]);
    }

    #[test]
    fn where_the_lockfile_does_not_say_the_project_needs_what_nothing_else_needs() {
        let unsaid = |name| component(name, "requirements.txt", Scope::Runtime, None);
        let denied = component("d", "go.mod", Scope::Runtime, Some(false));
        let report = report(vec![unsaid("a"), unsaid("b"), unsaid("c"), denied], vec![(0, 1)]);
        assert_eq!(Inventory::of(&report).unwrap().roots, [0, 2]);
    }

    #[test]
    fn a_dependency_on_nothing_is_an_error() {
        let report = report(vec![component("a", "x", Scope::Runtime, None)], vec![(0, 1)]);
        let error = Inventory::of(&report).err().unwrap();
        assert_eq!(error.to_string(), "a dependency names component 1, but the report has 1");
    }
}
