//! Triage.

use crate::support::callers::{CORE, EDGE, key, key_for, key_of, member};
use crate::support::{ACME, World, details};
use scanledger_commands::finding::{BulkDone, Decision, TriageProblem};
use scanledger_commands::project::NewProject;
use scanledger_commands::{CommandError, Context};
use scanledger_domain::branch::{BranchEvent, Detected, Occurrence, Opened, branch_id, branch_stream};
use scanledger_domain::event::Event;
use scanledger_domain::finding::{
    FindingEvent, Fingerprint, MergeCommand, Merging, TriageState, finding_id, finding_stream,
};
use scanledger_domain::id::{CommandId, FindingId, OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::{Denied, Role, TeamRole};
use scanledger_domain::limits::{BULK_FINDINGS, MERGED_IN_A_ROW, NOTE_CHARS};
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

/// Merges a finding into an elder one, as a scan would.
async fn merge(world: &World, project: ProjectId, finding: FindingId, into: FindingId) {
    let command = MergeCommand { finding, project, fingerprint: Fingerprint([0; 16]), into };
    world.ledger.execute::<Merging>(&world.fresh(), &finding_stream(finding), None, command).await.unwrap();
}

/// Findings that were decided about, in the order in which that happened, with the note.
async fn triaged(world: &World) -> Vec<(FindingId, Option<String>)> {
    let events = world.decoded().await.into_iter();
    let decisions = events.filter_map(|event| match event {
        Event::Finding(FindingEvent::Triaged(triaged)) => Some((triaged.finding, triaged.note)),
        _ => None,
    });
    decisions.collect()
}

#[tokio::test]
async fn a_decision_about_a_merged_finding_is_one_about_the_elder() {
    let world = World::new();
    let shop = world.project("shop").await;
    let [elder, younger, youngest] = detected(&world, shop, 3).await[..] else { panic!("three findings") };
    merge(&world, shop, younger, elder).await;
    merge(&world, shop, youngest, younger).await;
    for (number, finding) in [younger, youngest, elder].into_iter().enumerate() {
        let (context, decision) = (world.fresh(), dismiss(Some(format!("why {number}"))));
        let principal = key();
        let decide = || world.findings.triage(&context, &principal, finding, decision.clone());
        let done = decide().await.unwrap();
        assert_eq!((done.status.state, &done.status.note), (TriageState::FalsePositive, &decision.note));
        assert_eq!(triaged(&world).await.last(), Some(&(elder, decision.note.clone())));
        let again = decide().await.unwrap();
        assert_eq!((again.position, again.status), (done.position, done.status), "it is the same command");
        assert_eq!(triaged(&world).await.len(), number + 1);
    }
    let first = world.decoded().await.into_iter().find_map(|event| match event {
        Event::Finding(FindingEvent::Triaged(triaged)) => triaged.fingerprint,
        _ => None,
    });
    assert_eq!(
        finding_id(shop, first.unwrap()),
        elder,
        "the first decision tells the fingerprint of the elder"
    );
}

#[tokio::test]
async fn a_decision_that_was_taken_before_the_merge_is_not_taken_again() {
    let world = World::new();
    let shop = world.project("shop").await;
    let [elder, younger] = detected(&world, shop, 2).await[..] else { panic!("two findings") };
    let context = world.fresh();
    let done = world.findings.triage(&context, &key(), younger, dismiss(None)).await.unwrap();
    merge(&world, shop, younger, elder).await;
    let again = world.findings.triage(&context, &key(), younger, dismiss(None)).await.unwrap();
    assert_eq!((again.position, again.recorded_at), (done.position, done.recorded_at));
    assert_eq!(triaged(&world).await, [(younger, None)]);
}

#[tokio::test]
async fn a_bulk_decides_once_about_what_is_one_finding() {
    let world = World::new();
    let shop = world.project("shop").await;
    let asked = detected(&world, shop, 5).await;
    merge(&world, shop, asked[1], asked[0]).await;
    merge(&world, shop, asked[2], asked[1]).await;
    merge(&world, shop, asked[4], asked[3]).await;
    let context = world.fresh();
    let decided = [asked[4], asked[2], asked[1], asked[0]];
    let done = world.findings.triage_bulk(&context, &key(), &decided, &dismiss(None)).await.unwrap();
    assert_eq!((done.decided.as_slice(), done.unknown.as_slice()), (&decided[..], &[][..]));
    assert_eq!(triaged(&world).await, [(asked[3], None), (asked[0], None)]);
    let again = world.findings.triage_bulk(&context, &key(), &decided, &dismiss(None)).await.unwrap();
    assert_eq!(again, done);
    let fresh = world.findings.triage_bulk(&world.fresh(), &key(), &asked, &dismiss(None)).await.unwrap();
    assert_eq!((fresh.position, fresh.decided), (None, asked));
}

#[tokio::test]
async fn decisions_follow_merged_findings_up_to_a_limit() {
    let world = World::new();
    let shop = world.project("shop").await;
    let all = detected(&world, shop, MERGED_IN_A_ROW as u32 + 2).await;
    for pair in all.windows(2) {
        merge(&world, shop, pair[1], pair[0]).await;
    }
    let (last, beyond) = (all[MERGED_IN_A_ROW], all[MERGED_IN_A_ROW + 1]);
    world.findings.triage(&world.fresh(), &key(), last, dismiss(None)).await.unwrap();
    assert_eq!(triaged(&world).await, [(all[0], None)]);
    let far = world.findings.triage(&world.fresh(), &key(), beyond, dismiss(None)).await;
    assert!(matches!(far, Err(CommandError::Contended)));
    let noted = dismiss(Some("why".into()));
    world.findings.triage_bulk(&world.fresh(), &key(), &[last], &noted).await.unwrap();
    assert_eq!(triaged(&world).await.len(), 2);
    let far = world.findings.triage_bulk(&world.fresh(), &key(), &[beyond], &noted).await;
    assert!(matches!(far, Err(CommandError::Contended)));
}
