//! What a page of findings costs: it is merged from lists in order, of each scanner of the organization or of a few
//! projects.

use super::sql::{Bounds, Place, Start, Statement};
use super::{EverywhereFilter, EverywhereQuery, MERGED_PROJECTS, Stay, bounds, projects_text};
use crate::at::{At, Moment};
use crate::plan::Plan;
use crate::store::open_writer;
use scanledger_domain::finding::{Confidence, TriageState};
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::{Teamless, Visible};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
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

/// What a caller may be limited to: as many projects as there are, with what the caller sees of them.
fn limits(team: TeamId, project: ProjectId) -> [Visible; 3] {
    let teams = |teamless| Visible::Teams(BTreeSet::from([team]), teamless);
    [Visible::Project(project), teams(Teamless::Not), teams(Teamless::Too)]
}

#[test]
fn who_sees_few_projects_begins_at_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let views = open_writer(&folder.path().join("views.db")).unwrap();
    let team = TeamId(Uuid::from_u128(1));
    let id = |key: i64| ProjectId(Uuid::from_u128(key.cast_unsigned().into()));
    let most = i64::try_from(MERGED_PROJECTS).unwrap();
    let organization = all().organization;
    views
        .execute(
            "INSERT INTO organization (key, id, name, created_at) VALUES (1, ?1, '', 0)",
            [organization.as_bytes()],
        )
        .unwrap();
    let create = |key: i64, team: Option<TeamId>| {
        let team = team.map(|team| team.as_bytes().to_vec());
        let row = (key, id(key).0.into_bytes(), team);
        let project = "INSERT INTO project (key, id, organization, team, created, created_at)
                       VALUES (?1, ?2, 1, ?3, ?1, 0)";
        views.execute(project, row).unwrap();
        let detail = "INSERT INTO project_detail
                          (project, name, default_branch, gate, updated_at, valid_from, valid_to)
                      VALUES (?1, '', '', '', 0, ?1, 9223372036854775807)";
        views.execute(detail, [key]).unwrap();
    };
    let start = |query: &EverywhereQuery, moment| {
        bounds(&views, query, moment, None).unwrap().map(|bounds| (bounds.start, bounds.projects))
    };
    let their = |keys: RangeInclusive<i64>| Some((Start::Projects(keys.collect()), None));
    // Somebody else's.
    create(1, Some(TeamId(Uuid::from_u128(2))));
    for count in 2..=most + 1 {
        create(count, Some(team));
        for visible in limits(team, id(2)) {
            let expected = if visible == Visible::Project(id(2)) { their(2..=2) } else { their(2..=count) };
            assert_eq!(start(&EverywhereQuery { visible, ..all() }, Moment::Live), expected);
        }
    }
    create(most + 2, Some(team));
    for visible in limits(team, id(3)) {
        let is_one = matches!(visible, Visible::Project(_));
        let query = EverywhereQuery { visible, ..all() };
        let expected = if is_one { their(3..=3) } else { Some((Start::Organization, None)) };
        assert_eq!(start(&query, Moment::Live), expected, "{query:?}");
        // When only some of them were there, and when none was.
        assert_eq!(start(&query, Moment::Past(3)), if is_one { their(3..=3) } else { their(2..=3) });
        assert_eq!(start(&query, Moment::Past(1)), None);
        // Those that are asked for, as far as they are seen.
        let filter = EverywhereFilter { projects: vec![1, 3], ..EverywhereFilter::default() };
        assert_eq!(start(&EverywhereQuery { filter, ..query }, Moment::Live), their(3..=3));
    }
}

#[test]
fn the_projects_that_a_caller_sees_are_found_by_an_index() {
    let [project, team, too] = limits(TeamId(Uuid::nil()), ProjectId(Uuid::nil()));
    for (visible, index) in [
        (project, "sqlite_autoindex_project_1 (id=?)"),
        (team, "project_team (team=?)"),
        (too, "project_organization (organization=?)"),
    ] {
        for moment in MOMENTS {
            let query = EverywhereQuery { visible: visible.clone(), ..all() };
            let plan = Plan::of(&projects_text(&query, moment));
            plan.has(&format!("SEARCH p USING INDEX {index}"));
            plan.scans_no_table();
        }
    }
}
