//! Incidents: what people do about them, and decisions about the findings of secrets, which are decisions about them.

use crate::support::callers::{CORE, EDGE, key, key_for, key_of, member};
use crate::support::{ACME, World, details};
use scanledger_commands::finding::{Decision, TriageProblem};
use scanledger_commands::incident::{IncidentProblem, NewShare, ReportedSecret};
use scanledger_commands::project::NewProject;
use scanledger_commands::{CommandError, Context};
use scanledger_domain::branch::{
    BranchEvent, Detected, Occurrence, Opened, SecretFacts, branch_id, branch_stream,
};
use scanledger_domain::event::Event;
use scanledger_domain::finding::{Fingerprint, TriageState, finding_id};
use scanledger_domain::id::{CommandId, FindingId, IncidentId, OrganizationId, ProjectId, UserId};
use scanledger_domain::identity::{Denied, KeyHash, ProjectScope, Role, Scope, Scopes, TeamRole};
use scanledger_domain::incident::{
    IgnoreReason, Incident, IncidentEvent, IncidentRefusal, IncidentStatus, incident_id, incident_stream,
};
use scanledger_domain::limits::{BULK_FINDINGS, NOTE_CHARS, URL_CHARS};
use scanledger_domain::log::{Actor, Version};
use scanledger_domain::project::Gate;
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_domain::severity::Severity;
use uuid::Uuid;

fn facts(secret: u32) -> SecretFacts {
    let hash = hex(secret, 48);
    SecretFacts { hash, leak_hash: hex(secret, 32), masked: "gh…".into() }
}

fn hex(secret: u32, bytes: usize) -> String {
    secret.to_be_bytes().iter().cycle().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

fn incident_of(secret: u32) -> IncidentId {
    let hash: Vec<u8> = secret.to_be_bytes().into_iter().cycle().take(48).collect();
    incident_id(ACME, &hash)
}

/// Findings of secrets on a branch, as a scan would have recorded them before it opened incidents.
async fn leaked(world: &World, project: ProjectId, secrets: impl IntoIterator<Item = u32>) -> Vec<FindingId> {
    let branch = branch_id(project, "main");
    let mut events: Vec<BranchEvent> =
        vec![Opened { branch, organization: ACME, project, name: "main".into(), base: None }.into()];
    let mut findings = vec![];
    for (n, secret) in (0_u32..).zip(secrets) {
        let mut print = [0; 16];
        print[..4].copy_from_slice(&n.to_be_bytes());
        let fingerprint = Fingerprint(print);
        let finding = finding_id(project, fingerprint);
        findings.push(finding);
        let place = Place { path: format!("src/{n}"), line: Some(n), end_line: None, version: None };
        let detected = Detected {
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
            secret: Some(facts(secret)),
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
        };
        events.push(detected.into());
    }
    let stream = branch_stream(branch);
    world.ledger.append_parts(&world.fresh(), &stream, Version::NONE, &events).await.unwrap();
    findings
}

async fn incident_events(world: &World) -> Vec<IncidentEvent> {
    let events = world.decoded().await.into_iter();
    let of_incidents = events.filter_map(|event| match event {
        Event::Incident(event) => Some(event),
        _ => None,
    });
    of_incidents.collect()
}

fn decision(to: TriageState) -> Decision {
    Decision { to, note: None }
}

fn is_not_found<T>(done: Result<T, CommandError<IncidentProblem>>) -> bool {
    matches!(done, Err(CommandError::Refused(IncidentProblem::NotFound)))
}

fn refusal<T>(done: Result<T, CommandError<IncidentProblem>>) -> IncidentRefusal {
    match done {
        Err(CommandError::Refused(IncidentProblem::Incident(refusal))) => refusal,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it should be refused"),
    }
}

/// A secret in a new project of a team, with its incident.
async fn incident(world: &World) -> (ProjectId, IncidentId) {
    let shop = world.project("shop").await;
    let finding = leaked(world, shop, [1]).await[0];
    let open = decision(TriageState::Untriaged);
    world.findings.triage(&world.fresh(), &key(), finding, open).await.unwrap();
    (shop, incident_of(1))
}

#[tokio::test]
async fn a_decision_about_a_secret_is_one_event_of_its_incident_and_opens_that_if_need_be() {
    let world = World::new();
    let shop = world.project("shop").await;
    let finding = leaked(&world, shop, [1]).await[0];
    let context = Context::new(CommandId(Uuid::from_u128(77)), Actor::Operator, Some(ACME));
    let asked = Decision { to: TriageState::Accepted, note: Some("known".into()) };
    let done = world.findings.triage(&context, &key(), finding, asked.clone()).await.unwrap();
    assert_eq!((done.status.state, done.status.note.as_deref()), (TriageState::Accepted, Some("known")));
    let again = world.findings.triage(&context, &key(), finding, asked).await.unwrap();
    assert_eq!((again.status, again.recorded_at), (done.status, done.recorded_at));
    let events = incident_events(&world).await;
    let [IncidentEvent::Opened(opened), IncidentEvent::Triaged(triaged)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((opened.incident, triaged.finding), (incident_of(1), Some(finding)));
    assert_eq!(triaged.reason, Some(IgnoreReason::LowRisk));
    assert!(world.events().await.iter().all(|event| &*event.kind != "finding.triaged"));
}

#[tokio::test]
async fn a_note_that_is_too_long_is_refused_for_secrets_as_for_everything() {
    let world = World::new();
    let shop = world.project("shop").await;
    let finding = leaked(&world, shop, [1]).await[0];
    let long = |count| Decision { to: TriageState::Fixed, note: Some("x".repeat(count)) };
    let refused = world.findings.triage(&world.fresh(), &key(), finding, long(NOTE_CHARS + 1)).await;
    assert!(matches!(refused, Err(CommandError::Refused(TriageProblem::Triage(_)))));
    assert!(incident_events(&world).await.is_empty(), "nothing begins with what is refused");
    world.findings.triage(&world.fresh(), &key(), finding, long(NOTE_CHARS)).await.unwrap();
}

#[tokio::test]
async fn many_findings_of_one_secret_are_one_decision() {
    let world = World::new();
    let (shop, bank) = (world.project("shop").await, world.project("bank").await);
    let mut findings = leaked(&world, shop, [1, 1, 2]).await;
    findings.extend(leaked(&world, bank, [2, 3]).await);
    let to = decision(TriageState::FalsePositive);
    let done = world.findings.triage_bulk(&world.fresh(), &key(), &findings, &to).await.unwrap();
    assert_eq!((done.decided, done.unknown), (findings.clone(), vec![]));
    let events = incident_events(&world).await;
    let triaged = events.iter().filter(|event| matches!(event, IncidentEvent::Triaged(_))).count();
    assert_eq!((triaged, events.len()), (3, 6));
    let again = world.findings.triage_bulk(&world.fresh(), &key(), &findings, &to).await.unwrap();
    assert_eq!(again.position, None);
}

#[tokio::test]
async fn the_largest_bulk_of_secrets_with_the_longest_note_is_decided() {
    let world = World::new();
    let shop = world.project("shop").await;
    let findings = leaked(&world, shop, 0..BULK_FINDINGS as u32).await;
    let to = Decision { to: TriageState::Accepted, note: Some("\u{1}".repeat(NOTE_CHARS)) };
    let done = world.findings.triage_bulk(&world.fresh(), &key(), &findings, &to).await.unwrap();
    assert_eq!(done.decided.len(), BULK_FINDINGS);
    assert_eq!(incident_events(&world).await.len(), 2 * BULK_FINDINGS);
}

#[tokio::test]
async fn an_incident_is_what_the_last_step_made_of_it() {
    let world = World::new();
    let (_, incident) = incident(&world).await;
    let (incidents, ana) = (&world.incidents, UserId(Uuid::from_u128(7)));
    let status = |done: scanledger_commands::incident::IncidentDone| done.life.status();
    let context = || world.fresh();
    let done = incidents.assign(&context(), &key(), incident, ana).await.unwrap();
    assert_eq!(status(done), IncidentStatus::Assigned);
    let done = incidents.ignore(&context(), &key(), incident, IgnoreReason::TestCredential).await.unwrap();
    assert_eq!((done.life.state, status(done)), (TriageState::Accepted, IncidentStatus::Ignored));
    let closed = incidents.unassign(&context(), &key(), incident).await;
    assert_eq!(refusal(closed), IncidentRefusal::Closed);
    let done = incidents.resolve(&context(), &key(), incident, true).await.unwrap();
    assert_eq!(status(done), IncidentStatus::Resolved);
    let twice = incidents.resolve(&context(), &key(), incident, true).await;
    assert_eq!(refusal(twice), IncidentRefusal::AlreadyResolved);
    let done = incidents.reopen(&context(), &key(), incident).await.unwrap();
    assert_eq!(status(done), IncidentStatus::Assigned, "whoever worked at it still does");
    let done = incidents.unassign(&context(), &key(), incident).await.unwrap();
    assert_eq!(status(done), IncidentStatus::Triggered);
    let done = incidents.set_severity(&context(), &key(), incident, Severity::Info).await.unwrap();
    assert_eq!(done.life.severity, Severity::Info);
    let unheard_of = incidents.reopen(&context(), &key(), incident_of(9)).await;
    assert!(is_not_found(unheard_of));
}

#[tokio::test]
async fn an_incident_is_for_who_sees_a_project_in_which_its_secret_stands() {
    let world = World::new();
    let new =
        |name, team| NewProject { organization: ACME, team, details: details(name), gate: Gate::default() };
    let own = world.projects.create(&world.fresh(), new("own", Some(CORE))).await.unwrap().project.project;
    let other =
        world.projects.create(&world.fresh(), new("other", Some(EDGE))).await.unwrap().project.project;
    leaked(&world, own, [1]).await;
    let findings = leaked(&world, other, [1, 2]).await;
    let open = decision(TriageState::Investigating);
    world.findings.triage_bulk(&world.fresh(), &key(), &findings, &open).await.unwrap();
    let (both, theirs) = (incident_of(1), incident_of(2));
    let resolve = |principal, incident| {
        let (context, world) = (world.fresh(), &world);
        async move { world.incidents.resolve(&context, &principal, incident, false).await }
    };
    assert!(is_not_found(resolve(member(&[(CORE, TeamRole::Developer)]), theirs).await));
    assert!(is_not_found(resolve(key_for(own), theirs).await));
    assert!(is_not_found(resolve(key_of(OrganizationId(Uuid::from_u128(9))), both).await));
    let watches = resolve(member(&[(CORE, TeamRole::Viewer), (EDGE, TeamRole::Viewer)]), both).await;
    assert!(matches!(
        watches,
        Err(CommandError::Refused(IncidentProblem::Denied(Denied::Role { needed: Role::Developer })))
    ));
    let mut reads = key();
    reads.limit.scopes = Scopes::NONE.with(Scope::IncidentsRead);
    assert!(matches!(
        resolve(reads, both).await,
        Err(CommandError::Refused(IncidentProblem::Denied(Denied::Scope { needed: Scope::IncidentsWrite })))
    ));
    resolve(member(&[(CORE, TeamRole::Developer)]), both).await.unwrap();
    resolve(key_for(other), theirs).await.unwrap();
}

#[tokio::test]
async fn a_note_belongs_to_who_wrote_it_and_a_repeated_request_writes_one() {
    let world = World::new();
    let (_, incident) = incident(&world).await;
    let context = world.fresh();
    let (note, done) = world.incidents.add_note(&context, &key(), incident, "rotated".into()).await.unwrap();
    let (same, again) = world.incidents.add_note(&context, &key(), incident, "rotated".into()).await.unwrap();
    assert_eq!((note, done.position, done.life), (same, again.position, again.life));
    let stranger = member(&[]);
    let about = (incident, note);
    let taken = world.incidents.edit_note(&world.fresh(), &stranger, about, "mine".into()).await;
    assert_eq!(refusal(taken), IncidentRefusal::NotTheAuthor);
    let edited =
        world.incidents.edit_note(&world.fresh(), &key(), about, "rotated in May".into()).await.unwrap();
    assert_eq!(edited.life.notes[&note].text, "rotated in May");
    world.incidents.remove_note(&world.fresh(), &key(), about).await.unwrap();
    let gone = world.incidents.remove_note(&world.fresh(), &key(), about).await;
    assert_eq!(refusal(gone), IncidentRefusal::NoteNotFound);
}

#[tokio::test]
async fn a_link_is_shown_once_and_only_its_hash_is_kept() {
    let world = World::new();
    let (_, incident) = incident(&world).await;
    let wanted = NewShare { hours: Some(24) };
    let context = world.fresh();
    let shared = world.incidents.share(&context, &key(), incident, wanted).await.unwrap();
    let token = shared.token.reveal().to_owned();
    assert_eq!(token.len(), 43);
    assert!(!format!("{shared:?}").contains(&token));
    let events = incident_events(&world).await;
    let Some(IncidentEvent::Shared(event)) = events.last() else { panic!("{events:?}") };
    assert_eq!((&event.token_hash, event.share), (&KeyHash::of(&token), shared.share));
    let stored = world.events().await;
    let needle = token.as_bytes();
    assert!(stored.iter().all(|event| !event.data.windows(needle.len()).any(|part| part == needle)));
    let again = world.incidents.share(&context, &key(), incident, wanted).await;
    assert!(matches!(
        again,
        Err(CommandError::Refused(IncidentProblem::ShownBefore { share })) if share == shared.share
    ));
    let other = world.incidents.share(&world.fresh(), &key(), incident, wanted).await.unwrap();
    assert_ne!(other.token, shared.token);
    let endless = NewShare { hours: Some(u32::MAX) };
    let refused = world.incidents.share(&world.fresh(), &key(), incident, endless).await;
    assert_eq!(refusal(refused), IncidentRefusal::BadExpiry);
    assert!(world.incidents.unshare(&world.fresh(), &key(), incident).await.unwrap().position.is_some());
    assert!(world.incidents.unshare(&world.fresh(), &key(), incident).await.unwrap().position.is_none());
}

fn reported(secret: u32, path: &str) -> ReportedSecret {
    ReportedSecret {
        secret: facts(secret),
        rule: "GITHUB_TOKEN".into(),
        severity: Severity::High,
        path: path.to_owned(),
        url: Some("https://wiki.example.org".into()),
        line: Some(1),
        end_line: None,
    }
}

#[tokio::test]
async fn what_is_reported_twice_is_known_once() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scope = ProjectScope { organization: ACME, team: None, project: shop };
    let report = |secrets| {
        let (context, world) = (world.fresh(), &world);
        async move { world.incidents.report(&context, &key(), scope, secrets).await.unwrap() }
    };
    let all = || vec![reported(1, "a.md"), reported(2, "a.md"), reported(1, "b.md")];
    let done = report(all()).await;
    assert_eq!(done.incidents, [incident_of(1), incident_of(2), incident_of(1)]);
    let kinds: Vec<_> =
        world.events().await.iter().map(|event| event.kind.to_string()).rev().take(5).collect();
    assert_eq!(
        kinds.iter().rev().map(String::as_str).collect::<Vec<_>>(),
        ["incident.opened", "incident.occurred", "incident.occurred", "incident.opened", "incident.occurred"]
    );
    let again = report(all()).await;
    assert_eq!((again.incidents, again.position), (done.incidents, None));
    let (fixed, _) = world.ledger.load::<Incident>(&incident_stream(incident_of(2))).await.unwrap();
    assert_eq!(fixed.known().unwrap().sightings.len(), 1);
    let key_of_another = key_for(ProjectId(Uuid::from_u128(9)));
    let refused = world.incidents.report(&world.fresh(), &key_of_another, scope, all()).await;
    assert!(matches!(refused, Err(CommandError::Refused(IncidentProblem::Denied(Denied::OtherProject)))));
}

#[tokio::test]
async fn a_large_report_is_recorded_in_parts_and_what_is_beyond_the_limits_is_left_out() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scope = ProjectScope { organization: ACME, team: None, project: shop };
    let count = 1_500;
    let mut secrets: Vec<ReportedSecret> =
        (0..count as u32).map(|n| reported(n, &"\u{1}".repeat(1_000))).collect();
    secrets[7].url = Some("u".repeat(URL_CHARS + 1));
    // The same place twice is one.
    secrets.push(secrets[0].clone());
    let context = world.fresh();
    let done = world.incidents.report(&context, &key(), scope, secrets.clone()).await.unwrap();
    assert_eq!((done.incidents.len(), done.incidents[0]), (count + 1, done.incidents[count]));
    let events = incident_events(&world).await;
    assert_eq!(events.len(), 2 * count);
    let addresses =
        events.iter().filter(|event| matches!(event, IncidentEvent::Occurred(e) if e.url.is_none()));
    assert_eq!(addresses.count(), 1);
    let again = world.incidents.report(&context, &key(), scope, secrets).await.unwrap();
    assert_eq!(again, done);
}
