//! What mends vulnerable packages: which of them go to which version (dpendx reference §3).

use super::CheckFinding;
use super::version::{compare, is_plain};
use crate::component::Package;
use crate::severity::Severity;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A package that goes to another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The package.
    pub package: Package,
    /// The file that names it, or its lockfile.
    pub path: String,
    /// The version there is.
    pub from: String,
    /// The version that mends every vulnerability that can be mended.
    pub to: String,
    /// A vulnerability that it mends, by the name people know: the worst, then the first by name.
    pub advisory: String,
    /// How bad that is.
    pub severity: Severity,
}

/// The upgrades that mend what was found: of what the project itself asks for, and of what has a version that mends
/// it; one for each package in each file, to the latest version that is needed. In the order of files and packages.
pub fn upgrades(findings: &[CheckFinding]) -> Vec<Upgrade> {
    let mut upgrades: BTreeMap<(&str, &Package), Upgrade> = BTreeMap::new();
    for finding in findings {
        let Some(fix) = finding.fixed_version.as_deref() else { continue };
        let is_later = is_plain(fix) && compare(fix, &finding.version) == Ordering::Greater;
        if finding.direct == Some(false) || !is_later {
            continue;
        }
        for path in &finding.paths {
            let upgrade = upgrades.entry((path, &finding.package)).or_insert_with(|| Upgrade {
                package: finding.package.clone(),
                path: path.clone(),
                from: finding.version.clone(),
                to: fix.to_owned(),
                advisory: finding.known_as().to_owned(),
                severity: finding.severity,
            });
            if compare(fix, &upgrade.to) == Ordering::Greater {
                fix.clone_into(&mut upgrade.to);
            }
            if (finding.severity, finding.known_as()) < (upgrade.severity, &upgrade.advisory) {
                upgrade.severity = finding.severity;
                finding.known_as().clone_into(&mut upgrade.advisory);
            }
        }
    }
    upgrades.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::upgrades;
    use crate::check::CheckFinding;
    use crate::component::{Ecosystem, Package};
    use crate::severity::Severity;

    fn finding(name: &str, advisory: &str, fix: Option<&str>) -> CheckFinding {
        CheckFinding {
            package: Package::new(Ecosystem::Npm, name),
            version: "1.0.0".to_owned(),
            advisory: advisory.to_owned(),
            cve: None,
            severity: Severity::High,
            imported: None,
            direct: Some(true),
            fixed_version: fix.map(str::to_owned),
            paths: vec!["package-lock.json".to_owned()],
            line: None,
        }
    }

    #[test]
    fn a_package_goes_to_the_version_that_mends_all_of_it() {
        let worst = CheckFinding {
            severity: Severity::Critical,
            cve: Some("CVE-2".to_owned()),
            ..finding("a", "GHSA-2", Some("1.2.0"))
        };
        let found = [finding("a", "GHSA-1", Some("1.10.0")), worst, finding("b", "GHSA-3", Some("2.0.0"))];
        let upgrades = upgrades(&found);
        let told: Vec<_> =
            upgrades.iter().map(|u| (u.package.name.as_str(), u.to.as_str(), u.advisory.as_str())).collect();
        assert_eq!(told, [("a", "1.10.0", "CVE-2"), ("b", "2.0.0", "GHSA-3")]);
        assert_eq!(upgrades[0].severity, Severity::Critical);
    }

    #[test]
    fn what_cannot_be_mended_in_a_manifest_is_left_alone() {
        let indirect = CheckFinding { direct: Some(false), ..finding("a", "GHSA-1", Some("2.0.0")) };
        let unmendable = finding("b", "GHSA-2", None);
        let backwards = finding("c", "GHSA-3", Some("0.9.0"));
        let no_version = finding("d", "GHSA-4", Some("latest"));
        assert_eq!(upgrades(&[indirect, unmendable, backwards, no_version]), []);
    }

    #[test]
    fn each_file_has_its_own_upgrade() {
        let paths = ["package-lock.json", "web/package-lock.json"].map(str::to_owned).to_vec();
        let both = CheckFinding { paths, ..finding("a", "GHSA-1", Some("2.0.0")) };
        let upgrades = upgrades(&[both]);
        assert_eq!(
            upgrades.iter().map(|upgrade| upgrade.path.as_str()).collect::<Vec<_>>(),
            ["package-lock.json", "web/package-lock.json"]
        );
    }
}
