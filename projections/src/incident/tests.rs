//! What a page of incidents costs: every order comes from an index, live and as of earlier, whatever narrows it.

use super::list::{IncidentFilter, IncidentQuery, Span, TagFilter, conditions};
use super::order::{Direction, IncidentMark, IncidentOrder, IncidentSort};
use super::walk::{Start, statement};
use crate::at::{At, Moment};
use crate::plan::Plan;
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{Teamless, Visible};
use scanledger_domain::incident::{IncidentStatus, IncidentTag};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use std::collections::BTreeSet;
use uuid::Uuid;

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];
const MOMENTS: [Moment; 2] = [Moment::Live, Moment::Past(9)];

fn all() -> IncidentQuery {
    IncidentQuery {
        organization: OrganizationId(Uuid::nil()),
        visible: Visible::All,
        at: At::Now,
        filter: IncidentFilter::default(),
        order: IncidentOrder::default(),
        from: None,
        to: None,
        is_backward: false,
        limit: 20,
    }
}

fn plan(query: &IncidentQuery, moment: Moment, start: Start) -> Plan {
    Plan::of(&statement(query, moment, start, conditions(query, moment, start)).0)
}

/// The filters that dashboards set.
fn filters() -> Vec<IncidentFilter> {
    let user = UserId(Uuid::nil());
    let since = Span { from: Some(Timestamp(1)), before: None };
    vec![
        IncidentFilter::default(),
        IncidentFilter { statuses: vec![IncidentStatus::Triggered], ..IncidentFilter::default() },
        IncidentFilter { severities: vec![Severity::High], ..IncidentFilter::default() },
        IncidentFilter { rules: vec!["aws".to_owned()], ..IncidentFilter::default() },
        IncidentFilter { assignees: vec![user], ..IncidentFilter::default() },
        IncidentFilter { resolvers: vec![Actor::User(user)], ..IncidentFilter::default() },
        IncidentFilter { triggered: since, ..IncidentFilter::default() },
        IncidentFilter { projects: vec![ProjectId(Uuid::nil())], ..IncidentFilter::default() },
        IncidentFilter { team: Some(TeamId(Uuid::nil())), ..IncidentFilter::default() },
        IncidentFilter {
            tags: TagFilter { any_of: vec![IncidentTag::TestFile], ..TagFilter::default() },
            ..IncidentFilter::default()
        },
    ]
}

#[test]
fn every_order_is_walked_along_its_index() {
    use IncidentSort::{Ignored, Number, Resolved, Severity, Triggered};
    for (by, index) in [
        (Number, "incident_state_live"),
        (Triggered, "incident_state_triggered"),
        (Resolved, "incident_state_resolved"),
        (Ignored, "incident_state_ignored"),
        (Severity, "incident_state_severity"),
    ] {
        for direction in DIRECTIONS {
            for filter in filters() {
                let order = IncidentOrder { by, direction };
                let plan = plan(&IncidentQuery { order, filter, ..all() }, Moment::Live, Start::Order);
                plan.has(&format!("{index} (organization=?"));
                plan.page_is_walked();
            }
        }
    }
}

#[test]
fn the_order_of_numbers_is_walked_as_of_earlier_too() {
    for direction in DIRECTIONS {
        for filter in filters() {
            let order = IncidentOrder { by: IncidentSort::Number, direction };
            let plan = plan(&IncidentQuery { order, filter, ..all() }, Moment::Past(9), Start::Order);
            plan.has("incident_state_all (organization=?");
            plan.page_is_walked();
        }
    }
}

#[test]
fn a_page_begins_at_the_row_before_it() {
    use IncidentSort::{Ignored, Number, Resolved, Severity, Triggered};
    for direction in DIRECTIONS {
        let sign = direction.further();
        for (by, value, expected) in [
            (Number, None, format!("incident{sign}?")),
            (Triggered, Some(5), format!("(triggered_at,incident){sign}(?,?)")),
            (Severity, Some(2), format!("(severity,incident){sign}(?,?)")),
            (Resolved, Some(5), format!("(resolved_at,incident){sign}(?,?)")),
            (Ignored, Some(5), format!("(ignored_at,incident){sign}(?,?)")),
            (Resolved, None, format!("incident_state_live (organization=? AND incident{sign}?)")),
            (Ignored, None, format!("incident_state_live (organization=? AND incident{sign}?)")),
        ] {
            let from = Some(IncidentMark { value, number: Position(7) });
            let order = IncidentOrder { by, direction };
            let plan = plan(&IncidentQuery { order, from, ..all() }, Moment::Live, Start::Order);
            plan.has(&expected);
            plan.page_is_walked();
            let both = IncidentQuery { order, from, to: from, ..all() };
            self::plan(&both, Moment::Live, Start::Order).page_is_walked();
        }
    }
}

#[test]
fn few_places_are_where_a_list_begins() {
    for moment in MOMENTS {
        for filter in
            filters().into_iter().filter(|filter| filter.team.is_some() || !filter.projects.is_empty())
        {
            let plan = plan(&IncidentQuery { filter, ..all() }, moment, Start::Places);
            plan.has("incident_occurrence_project (project=?");
            plan.has("(organization=? AND incident=?");
            plan.scans_no_table();
        }
    }
}

#[test]
fn who_sees_some_projects_has_no_table_read_for_it() {
    let team = Visible::Teams(BTreeSet::from([TeamId(Uuid::nil())]), Teamless::Too);
    for visible in [team, Visible::Project(ProjectId(Uuid::nil()))] {
        for moment in MOMENTS {
            let query = IncidentQuery { visible: visible.clone(), ..all() };
            plan(&query, moment, Start::Order).page_is_walked();
        }
    }
}
