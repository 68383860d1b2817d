//! Triage.

use crate::support::callers::{CORE, EDGE, key, key_for, key_of, member};
use crate::support::{ACME, World, details};
use scanledger_commands::finding::{BulkDone, Decision, TriageProblem};
use scanledger_commands::project::NewProject;
use scanledger_commands::{CommandError, Context};
use scanledger_domain::branch::{BranchEvent, Detected, Occurrence, Opened, branch_id, branch_stream};
use scanledger_domain::finding::{Fingerprint, TriageState, finding_id};
use scanledger_domain::id::{CommandId, FindingId, OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::{Denied, Role, TeamRole};
use scanledger_domain::limits::{BULK_FINDINGS, NOTE_CHARS};
use scanledger_domain::log::{Actor, Version};
use scanledger_domain::project::Gate;
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_domain::severity::Severity;
use uuid::Uuid;

/// Findings on a branch, as a scan would have recorded them.
async fn detected(world: &World, project: ProjectId, count: u32) -> Vec<FindingId> {
    let branch = branch_id(project, "main");
    let mut events: Vec<BranchEvent> =
        vec![Opened { branch, organization: ACME, project, name: "main".into(), base: None }.into()];
    let mut findings = vec![];
    for n in 0..count {
        let mut print = [0; 16];
        print[..4].copy_from_slice(&n.to_be_bytes());
        let fingerprint = Fingerprint(print);
        let finding = finding_id(project, fingerprint);
        findings.push(finding);
        let place = Place { path: "a".into(), line: Some(n), end_line: None, version: None };
        events.push(
            Detected {
                finding,
                fingerprint,
                scanner: ScannerKind::Secrets,
                rule: "GITHUB_TOKEN".into(),
                title: "A token".into(),
                description: String::new(),
                cwe: None,
                cve: None,
                confidence: 1.0,
                package: None,
                advisories: vec![],
                informational: None,
                secret: None,
                upload: None,
                references: vec![],
                occurrence: Occurrence {
                    severity: Severity::High,
                    places: vec![place],
                    fix: None,
                    excerpt: None,
                    columns: None,
                    imported: None,
                },
                is_new: false,
            }
            .into(),
        );
    }
    let stream = branch_stream(branch);
    world.ledger.append_parts(&world.fresh(), &stream, Version::NONE, &events).await.unwrap();
    findings
}

fn dismiss(note: Option<String>) -> Decision {
    Decision { to: TriageState::FalsePositive, note }
}

#[tokio::test]
async fn a_finding_is_triaged_by_who_sees_its_project_only() {
    let world = World::new();
    let shop = world.project("shop").await;
    let finding = detected(&world, shop, 1).await[0];
    let foreign = [key_of(OrganizationId(Uuid::from_u128(9))), key_for(ProjectId(Uuid::from_u128(9)))];
    for principal in foreign {
        let refused = world.findings.triage(&world.fresh(), &principal, finding, dismiss(None)).await;
        assert!(matches!(refused, Err(CommandError::Refused(TriageProblem::NotFound))));
    }
    let decision = dismiss(Some("why".into()));
    let done = world.findings.triage(&world.fresh(), &key_for(shop), finding, decision).await;
    let status = done.unwrap().status;
    assert_eq!((status.state, status.note.as_deref()), (TriageState::FalsePositive, Some("why")));
}

#[tokio::test]
async fn findings_of_a_team_are_decided_about_by_those_who_may_in_that_team() {
    let world = World::new();
    let new =
        |name, team| NewProject { organization: ACME, team, details: details(name), gate: Gate::default() };
    let own = world.projects.create(&world.fresh(), new("own", Some(CORE))).await.unwrap().project.project;
    let other =
        world.projects.create(&world.fresh(), new("other", Some(EDGE))).await.unwrap().project.project;
    let free = world.project("free").await;
    let mut findings = vec![];
    for project in [own, other, free] {
        findings.push(detected(&world, project, 1).await[0]);
    }
    let decide = |teams: &[(TeamId, TeamRole)]| {
        let (principal, context, world, findings) = (member(teams), world.fresh(), &world, &findings);
        async move { world.findings.triage_bulk(&context, &principal, findings, &dismiss(None)).await }
    };
    let done = decide(&[(CORE, TeamRole::Developer)]).await.unwrap();
    assert_eq!(
        (done.decided.as_slice(), done.unknown.as_slice()),
        (&[findings[0], findings[2]][..], &findings[1..2])
    );
    let done = decide(&[]).await.unwrap();
    assert_eq!((done.decided.as_slice(), done.unknown.as_slice()), (&findings[2..], &findings[..2]));
    let watches = decide(&[(CORE, TeamRole::Developer), (EDGE, TeamRole::Viewer)]).await;
    let needed = Role::Developer;
    assert!(matches!(
        watches,
        Err(CommandError::Refused(TriageProblem::Denied(Denied::Role { needed: role }))) if role == needed
    ));
}

#[tokio::test]
async fn the_largest_bulk_is_one_decision_and_unknown_findings_are_reported() {
    let world = World::new();
    let shop = world.project("shop").await;
    let mut asked = detected(&world, shop, BULK_FINDINGS as u32 - 1).await;
    let unknown = FindingId(Uuid::from_u128(9));
    asked.push(unknown);
    let context = Context::new(CommandId(Uuid::from_u128(77)), Actor::Operator, Some(ACME));
    let done = world.findings.triage_bulk(&context, &key(), &asked, &dismiss(None)).await.unwrap();
    assert_eq!((done.decided.as_slice(), done.unknown.as_slice()), (&asked[..499], &[unknown][..]));
    let again = world.findings.triage_bulk(&context, &key(), &asked, &dismiss(None)).await.unwrap();
    assert_eq!(again, done);
    let fresh = world.findings.triage_bulk(&world.fresh(), &key(), &asked, &dismiss(None)).await.unwrap();
    assert_eq!(fresh, BulkDone { position: None, ..done });
    asked.push(FindingId(Uuid::from_u128(10)));
    let many = world.findings.triage_bulk(&world.fresh(), &key(), &asked, &dismiss(None)).await;
    assert!(matches!(many, Err(CommandError::Refused(TriageProblem::TooMany))));
}

#[tokio::test]
async fn the_largest_bulk_with_the_longest_note_is_decided_too() {
    let world = World::new();
    let shop = world.project("shop").await;
    let asked = detected(&world, shop, BULK_FINDINGS as u32).await;
    let note = dismiss(Some("\u{1}".repeat(NOTE_CHARS)));
    let done = world.findings.triage_bulk(&world.fresh(), &key(), &asked, &note).await.unwrap();
    let triaged = world.events().await.iter().filter(|event| &*event.kind == "finding.triaged").count();
    assert_eq!((triaged, done.decided.len()), (BULK_FINDINGS, BULK_FINDINGS));
}

#[tokio::test]
async fn a_finding_that_is_named_twice_is_decided_once() {
    let world = World::new();
    let shop = world.project("shop").await;
    let finding = detected(&world, shop, 1).await[0];
    let asked = [finding, finding];
    let done = world.findings.triage_bulk(&world.fresh(), &key(), &asked, &dismiss(None)).await.unwrap();
    assert_eq!(done.decided, [finding]);
}
