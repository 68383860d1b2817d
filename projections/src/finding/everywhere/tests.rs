//! What a page of findings costs: it is merged from lists in order, of each scanner of the organization or of a few
//! projects.

use super::sql::{Bounds, Place, Start, Statement};
use super::{EverywhereFilter, EverywhereQuery, Stay};
use crate::at::{At, Moment};
use crate::plan::Plan;
use scanledger_domain::finding::{Confidence, TriageState};
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::{Teamless, Visible};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use std::collections::BTreeSet;
use uuid::Uuid;

const MOMENTS: [Moment; 2] = [Moment::Live, Moment::Past(9)];
const PLACE: Option<Place> = Some(Place { since: 7, finding: 3 });

fn all() -> EverywhereQuery {
    EverywhereQuery {
        organization: OrganizationId(Uuid::nil()),
        visible: Visible::All,
        at: At::Now,
        filter: EverywhereFilter::default(),
        once: false,
        after: None,
        skip: 0,
        limit: 100,
    }
}

fn plan(query: &EverywhereQuery, moment: Moment, start: Start, after: Option<Place>) -> Plan {
    let since = query.filter.since.map(|_| 5);
    Plan::of(&Statement::of(query, moment, &Bounds { start, since, projects: None, after }).text)
}

/// The questions of the dialect's lists: code, packages and secrets, and what is done with them.
fn questions() -> Vec<EverywhereQuery> {
    let of = |filter: EverywhereFilter| EverywhereQuery { filter, ..all() };
    let plain = EverywhereFilter::default;
    let code = vec![ScannerKind::Sast, ScannerKind::Iac, ScannerKind::Dast];
    let packages = vec![ScannerKind::Sca, ScannerKind::Malicious];
    let team = TeamId(Uuid::nil());
    vec![
        all(),
        of(EverywhereFilter { scanners: code.clone(), ..plain() }),
        of(EverywhereFilter { scanners: packages, uses: vec![Some(true)], ..plain() }),
        of(EverywhereFilter { scanners: vec![ScannerKind::Secrets], ..plain() }),
        of(EverywhereFilter {
            scanners: code,
            stay: Some(Stay::There),
            states: vec![TriageState::Untriaged],
            severities: vec![Severity::High],
            confidences: vec![Confidence::High],
            ..plain()
        }),
        of(EverywhereFilter { stay: Some(Stay::Gone), rules: Some(vec!["r".to_owned()]), ..plain() }),
        of(EverywhereFilter { branch: Some("main".to_owned()), ..plain() }),
        EverywhereQuery { once: true, ..all() },
        EverywhereQuery { visible: Visible::Teams(BTreeSet::from([team]), Teamless::Too), ..all() },
        EverywhereQuery { visible: Visible::Project(ProjectId(Uuid::nil())), ..all() },
    ]
}

#[test]
fn a_page_of_an_organization_is_walked_from_what_came_last() {
    for query in questions() {
        for moment in MOMENTS {
            let plan = plan(&query, moment, Start::Organization, None);
            plan.has("SEARCH a USING PRIMARY KEY (organization=? AND scanner=? AND position<?)");
            plan.has(
                "SEARCH l USING COVERING INDEX presence_finding (finding=? AND branch=? AND valid_from<?)",
            );
            plan.page_is_walked();
        }
    }
}

#[test]
fn a_page_of_a_project_has_an_index_of_its_own() {
    for query in questions() {
        for moment in MOMENTS {
            let plan = plan(&query, moment, Start::Projects(vec![1, 2]), None);
            plan.has(
                "SEARCH a USING COVERING INDEX arrival_project (project=? AND scanner=? AND position<?)",
            );
            plan.page_is_walked();
        }
    }
}

#[test]
fn a_page_in_the_middle_begins_at_the_row_before_it() {
    let follows = "(position,finding)<(?,?))";
    for query in questions() {
        for (start, index) in [
            (Start::Organization, "PRIMARY KEY (organization=? AND scanner=? AND "),
            (Start::Projects(vec![1]), "arrival_project (project=? AND scanner=? AND "),
        ] {
            let plan = plan(&query, Moment::Live, start, PLACE);
            plan.has(&format!("{index}{follows}"));
            plan.page_is_walked();
        }
    }
}

#[test]
fn findings_are_found_by_their_keys() {
    for query in questions() {
        for moment in MOMENTS {
            let plan = plan(&query, moment, Start::Keys(vec![1, 2]), None);
            plan.has("SEARCH f USING INTEGER PRIMARY KEY (rowid=?)");
            plan.has("SEARCH q USING INDEX presence_finding (finding=?");
            plan.scans_no_table();
        }
    }
}
