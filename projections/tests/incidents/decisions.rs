//! What is decided about an incident, which every finding of its secret shows, now and as of earlier.

use crate::support::incident::{BANK, Incidents, all, everything, incident, one, row, rows};
use crate::support::{ORGANIZATION, PROJECT, World};
use scanledger_domain::finding::TriageState::{self, Accepted, Fixed, Untriaged};
use scanledger_domain::id::{FindingId, ProjectId};
use scanledger_domain::identity::Visible;
use scanledger_domain::incident::{IgnoreReason, IncidentCommand as Ask, IncidentStatus, IncidentTag};
use scanledger_domain::severity::Severity;
use scanledger_projections::finding::{FindingFilter, FindingQuery, FindingRow, FindingSort, ListScope};
use scanledger_projections::incident::{IncidentRef, KnownSecret};
use scanledger_projections::store::{snapshot, table_digests};
use scanledger_projections::{At, Paging};
use std::sync::Arc;
use uuid::Uuid;

async fn findings(world: &World, project: ProjectId, branch: &str, at: At) -> Vec<FindingRow> {
    let query = FindingQuery {
        organization: ORGANIZATION,
        scope: ListScope::Branch(project, Some(branch.to_owned())),
        at,
        filter: FindingFilter::default(),
        sort: FindingSort::File,
        paging: Paging { offset: 0, limit: 500 },
    };
    world.views().findings(query).await.unwrap().rows
}

async fn total(world: &World, project: ProjectId, branch: &str, state: TriageState, at: At) -> u64 {
    let query = FindingQuery {
        organization: ORGANIZATION,
        scope: ListScope::Branch(project, Some(branch.to_owned())),
        at,
        filter: FindingFilter { states: vec![state], ..Default::default() },
        sort: FindingSort::Severity,
        paging: Paging { offset: 0, limit: 0 },
    };
    world.views().findings(query).await.unwrap().total
}

async fn finding(world: &World, project: ProjectId) -> FindingId {
    findings(world, project, "main", At::Now).await[0].id
}

#[tokio::test]
async fn a_decision_shows_on_every_branch_of_every_project_and_on_those_scanned_later() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    world.project(BANK, None).await;
    world.saw(PROJECT, "main", [one("a", 1), one("b", 1), one("c", 2)].concat()).await;
    world.saw(PROJECT, "topic", one("a", 1)).await;
    world.saw(BANK, "main", one("x", 1)).await;
    incidents.open(&mut world, 1).await;
    let before = At::Position(incidents.open(&mut world, 2).await);
    let looked_at = finding(&world, PROJECT).await;
    incidents.decide(&mut world, (1, looked_at), Accepted, Some("known")).await;
    for (project, branch, ignored) in [(PROJECT, "main", 2), (PROJECT, "topic", 1), (BANK, "main", 1)] {
        assert_eq!(total(&world, project, branch, Accepted, At::Now).await, ignored, "{branch}");
        assert_eq!(total(&world, project, branch, Accepted, before).await, 0);
        let rows = findings(&world, project, branch, At::Now).await;
        let noted = rows.iter().filter_map(|row| row.triaged.as_ref()?.note.as_deref());
        assert_eq!(noted.count() as u64, ignored);
    }
    assert_eq!(total(&world, PROJECT, "main", Untriaged, At::Now).await, 1);
    assert_eq!(total(&world, PROJECT, "main", Untriaged, before).await, 3);

    world.saw(BANK, "later", [one("y", 1), one("z", 2)].concat()).await;
    let later = findings(&world, BANK, "later", At::Now).await;
    let states: Vec<_> = later.iter().map(|row| (row.places[0].path.as_str(), row.state)).collect();
    assert_eq!(states, [("y", Accepted), ("z", Untriaged)]);
    assert_eq!(later[0].triaged.as_ref().unwrap().note.as_deref(), Some("known"));
    assert_eq!(total(&world, BANK, "later", Accepted, At::Now).await, 1);
}

#[tokio::test]
async fn a_regression_shows_on_every_finding_and_what_was_is_still_known() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    world.saw(PROJECT, "main", [one("a", 1), one("b", 1)].concat()).await;
    incidents.open(&mut world, 1).await;
    let fixed = incidents.ask(&mut world, 1, Ask::Resolve { is_secret_revoked: true }).await;
    assert_eq!(total(&world, PROJECT, "main", Fixed, At::Now).await, 2);
    incidents.ask(&mut world, 1, Ask::Regress).await;
    assert_eq!(total(&world, PROJECT, "main", Untriaged, At::Now).await, 2);
    let (then, now) = (row(&world, 1, At::Position(fixed)).await, row(&world, 1, At::Now).await);
    assert_eq!(
        (then.status(), then.is_secret_revoked, then.is_regression),
        (IncidentStatus::Resolved, true, false)
    );
    assert_eq!(
        (now.status(), now.is_secret_revoked, now.is_regression),
        (IncidentStatus::Triggered, false, true)
    );
    assert!(now.triggered_at > then.triggered_at && now.opened_at == then.opened_at);
    assert!(then.resolved().is_some() && now.resolved().is_none());
    assert_eq!(now.tags, [IncidentTag::Regression, IncidentTag::DefaultBranch]);
}

#[tokio::test]
async fn an_incident_is_one_by_number_and_by_id_and_not_before_it_began() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    let before = At::Position(world.saw(PROJECT, "main", one("a", 1)).await);
    let number = incidents.open(&mut world, 1).await;
    let by = |named, organization, at| {
        let views = world.views();
        async move { views.incident(organization, Visible::All, named, at).await.unwrap() }
    };
    let found = by(IncidentRef::Number(number), ORGANIZATION, At::Now).await.unwrap();
    assert_eq!(by(IncidentRef::Id(incident(1)), ORGANIZATION, At::Now).await.as_ref(), Some(&found));
    assert_eq!((found.id, found.number, found.rule.as_str()), (incident(1), number, "GENERIC_SECRET"));
    assert_eq!((found.occurrences, found.present), (1, 1));
    assert!(by(IncidentRef::Id(incident(2)), ORGANIZATION, At::Now).await.is_none());
    assert!(by(IncidentRef::Id(incident(1)), Uuid::from_u128(9).into(), At::Now).await.is_none());
    assert!(by(IncidentRef::Id(incident(1)), ORGANIZATION, before).await.is_none());
    assert!(rows(&world, all(before)).await.is_empty());
    let ids = vec![incident(1), incident(2)];
    let many = world.views().incidents_by_id(ORGANIZATION, Visible::All, ids, At::Now).await.unwrap();
    assert_eq!(many.into_values().collect::<Vec<_>>(), [found]);

    let views = world.views();
    let known = async |organization, visible, n: u32| {
        views
            .known_secrets(organization, visible, vec![incident(n), incident(2)])
            .await
            .unwrap()
            .remove(&incident(n))
    };
    assert_eq!(known(ORGANIZATION, Visible::All, 1).await, Some(KnownSecret { number, reason: None }));
    assert_eq!(known(ORGANIZATION, Visible::All, 2).await, None);
    assert_eq!(known(Uuid::from_u128(9).into(), Visible::All, 1).await, None);
    assert!(known(ORGANIZATION, Visible::Project(PROJECT), 1).await.is_some());
    assert_eq!(known(ORGANIZATION, Visible::Project(Uuid::from_u128(9).into()), 1).await, None);
    assert_eq!(views.last_decision(incident(1)).await.unwrap(), None);
    let ignored = incidents.ask(&mut world, 1, Ask::Ignore { reason: IgnoreReason::LowRisk }).await;
    incidents.ask(&mut world, 1, Ask::SetSeverity(Severity::Info)).await;
    let views = world.views();
    assert_eq!(
        views.last_decision(incident(1)).await.unwrap().map(At::Position),
        Some(At::Position(ignored))
    );
    let known = views.known_secrets(ORGANIZATION, Visible::All, vec![incident(1)]).await.unwrap();
    assert_eq!(known[&incident(1)].reason, Some(IgnoreReason::LowRisk));
}

#[tokio::test]
async fn a_scan_leaves_what_is_not_open_and_what_came_back() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    let main = scanledger_domain::branch::branch_id(PROJECT, "main");
    let both = || [one("a", 1), one("b", 2)].concat();
    world.saw(PROJECT, "main", both()).await;
    let left = async |world: &World| {
        let ids = vec![incident(1), incident(2)];
        let left = world.views().unsettled_incidents(main, ids).await.unwrap();
        (left.missing, left.regressed)
    };
    assert_eq!(left(&world).await, (vec![incident(1), incident(2)], vec![]));
    incidents.open(&mut world, 1).await;
    incidents.open(&mut world, 2).await;
    assert_eq!(left(&world).await, (vec![], vec![]));
    let seen = finding(&world, PROJECT).await;
    incidents.decide(&mut world, (1, seen), Fixed, None).await;
    world.saw(PROJECT, "main", both()).await;
    assert_eq!(left(&world).await, (vec![], vec![]), "it stayed");
    world.saw(PROJECT, "main", vec![]).await;
    world.saw(PROJECT, "topic", vec![]).await;
    assert_eq!(left(&world).await, (vec![], vec![]), "it went");
    world.saw(PROJECT, "main", both()).await;
    assert_eq!(left(&world).await, (vec![], vec![incident(1)]));
    incidents.decide(&mut world, (1, seen), Fixed, Some("really")).await;
    assert_eq!(left(&world).await.1, [incident(1)], "a note is no new resolution");
    incidents.ask(&mut world, 1, Ask::Regress).await;
    incidents.decide(&mut world, (1, seen), Fixed, None).await;
    assert_eq!(left(&world).await, (vec![], vec![]));
}

#[tokio::test]
async fn a_rebuild_says_the_same_about_incidents() {
    let mut world = World::new().await;
    world.saw(PROJECT, "main", (0..5).flat_map(|n| one(&format!("src/{n}"), n)).collect()).await;
    world.saw(PROJECT, "topic", one("src/9", 3)).await;
    everything(&mut world, PROJECT).await;
    world.saw(PROJECT, "topic", [one("src/9", 3), one("src/x", 1)].concat()).await;
    let copy = world.folder.path().join("copy.db");
    snapshot(world.folder.path(), &copy).unwrap().unwrap();
    let before = table_digests(&copy).unwrap();
    let rows = |table: &str| before.iter().find(|digest| digest.table == table).unwrap().rows;
    for table in
        ["incident", "incident_state", "incident_note", "incident_occurrence", "incident_share", "triage"]
    {
        assert!(rows(table) > 0, "{table}");
    }
    assert_eq!(rows("parked"), 0);
    let anew = tempfile::tempdir().unwrap();
    let projector =
        scanledger_projections::Projector::open(anew.path(), Arc::clone(&world.log)).await.unwrap();
    projector.catch_up().await.unwrap();
    let second = anew.path().join("copy.db");
    snapshot(anew.path(), &second).unwrap().unwrap();
    assert_eq!(table_digests(&second).unwrap(), before);
}
