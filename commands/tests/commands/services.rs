//! The services: set-up, keys, projects, uploads, scans and triage.

use crate::support::{ACME, World, details};
use scanledger_commands::finding::{BulkDone, Decision, Reach, TriageProblem};
use scanledger_commands::identity::{KeyRefusal, NewKey, SetUp, SetUpRefusal, role_of_issued_key};
use scanledger_commands::project::{GatePatch, NewProject, ProjectPatch, ProjectProblem, UploadTarget};
use scanledger_commands::scan::{NewScan, ScanProblem};
use scanledger_commands::{CommandError, Context};
use scanledger_domain::branch::{BranchEvent, Detected, Occurrence, Opened, branch_id, branch_stream};
use scanledger_domain::event::Event;
use scanledger_domain::finding::{Fingerprint, TriageState, finding_id};
use scanledger_domain::id::{CommandId, FindingId, OrganizationId, ProjectId};
use scanledger_domain::identity::{ApiKeyRefusal, KeyHash, OrganizationRefusal, Role, UserEvent};
use scanledger_domain::limits::{BULK_FINDINGS, NOTE_CHARS};
use scanledger_domain::log::{Actor, Version};
use scanledger_domain::project::{Gate, Limit, ProjectRefusal};
use scanledger_domain::scan::{ScanRefusal, ScanStatus, ScanType, Step};
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_domain::severity::Severity;
use uuid::Uuid;

fn set_up() -> SetUp {
    SetUp {
        organization: "Acme".into(),
        name: "Ana".into(),
        email: "ana@example.org".into(),
        password: Some("correct horse".into()),
        key_name: "first".into(),
    }
}

fn new(name: &str) -> NewProject {
    NewProject { organization: ACME, team: None, details: details(name), gate: Gate::default() }
}

fn named(name: &str) -> ProjectPatch {
    ProjectPatch { name: Some(name.to_owned()), ..ProjectPatch::default() }
}

#[tokio::test]
async fn setting_up_is_one_batch_whose_personal_data_is_sealed() {
    let world = World::new();
    let done = world.identities.set_up(&world.fresh(), set_up()).await.unwrap();
    let kinds: Vec<_> = world.events().await.iter().map(|event| event.kind.to_string()).collect();
    assert_eq!(
        kinds,
        [
            "claim.taken",
            "organization.created",
            "organization.member_added",
            "claim.taken",
            "user.registered",
            "team.created",
            "team.member_added",
            "apikey.created",
        ]
    );
    for event in world.events().await {
        let data = String::from_utf8(event.data).unwrap();
        let told = ["Ana", "ana@", "correct horse", done.key.token.reveal()];
        assert!(!told.iter().any(|clear| data.contains(clear)), "{data}");
    }
    let user = world.decoded().await.into_iter().find_map(|event| match event {
        Event::User(UserEvent::Registered(registered)) => Some(registered),
        _ => None,
    });
    let user = user.unwrap();
    assert_eq!(world.vault.open(&user.email).unwrap().as_deref(), Some("ana@example.org"));
    let password = world.vault.open(&user.password.unwrap()).unwrap().unwrap();
    assert!(password.starts_with("$argon2id$"), "{password}");
    assert_eq!(done.key.created.hash, KeyHash::of(done.key.token.reveal()));
    assert_eq!((done.key.created.role, done.key.created.by), (Role::Admin, Some(done.user)));
}

#[tokio::test]
async fn a_token_is_ppr_and_32_characters_and_is_not_printed_by_accident() {
    let world = World::new();
    let key = world.identities.set_up(&world.fresh(), set_up()).await.unwrap().key;
    let token = key.token.reveal();
    assert_eq!((token.len(), &token[..4]), (36, "ppr_"));
    assert_eq!(key.created.prefix, token[..10]);
    assert!(!format!("{key:?}").contains(token));
}

#[tokio::test]
async fn an_installation_is_set_up_once() {
    let world = World::new();
    let context = world.fresh();
    world.identities.set_up(&context, set_up()).await.unwrap();
    let events = world.events().await.len();
    for context in [context, world.fresh()] {
        let other = SetUp { email: "bob@example.org".into(), ..set_up() };
        let again = world.identities.set_up(&context, other).await;
        assert!(matches!(again, Err(CommandError::Refused(SetUpRefusal::AlreadySetUp))), "{again:?}");
    }
    assert_eq!(world.events().await.len(), events);
}

#[tokio::test]
async fn a_set_up_that_is_refused_leaves_nothing() {
    let world = World::new();
    let cases = [
        (SetUp { name: " ".into(), ..set_up() }, SetUpRefusal::BadName),
        (SetUp { email: "ana".into(), ..set_up() }, SetUpRefusal::BadEmail),
        (SetUp { password: Some("seven77".into()), ..set_up() }, SetUpRefusal::BadPassword),
        (SetUp { password: Some("x".repeat(257)), ..set_up() }, SetUpRefusal::BadPassword),
        (
            SetUp { organization: String::new(), ..set_up() },
            SetUpRefusal::Organization(OrganizationRefusal::BadName),
        ),
        (SetUp { key_name: String::new(), ..set_up() }, SetUpRefusal::Key(ApiKeyRefusal::BadName)),
    ];
    for (wanted, refusal) in cases {
        match world.identities.set_up(&world.fresh(), wanted).await {
            Err(CommandError::Refused(actual)) => assert_eq!(actual, refusal),
            other => panic!("{other:?}"),
        }
    }
    assert!(world.events().await.is_empty());
}

#[tokio::test]
async fn a_key_is_shown_once_and_ends_for_good() {
    let world = World::new();
    let wanted = NewKey {
        organization: ACME,
        name: "ci".into(),
        role: Role::Developer,
        project: None,
        by: None,
        expires_at: None,
    };
    let context = world.fresh();
    let issued = world.identities.create_key(&context, wanted.clone()).await.unwrap();
    let key = issued.created.key;
    let again = world.identities.create_key(&context, wanted).await;
    assert!(
        matches!(again, Err(CommandError::Refused(KeyRefusal::ShownBefore { key: shown })) if shown == key)
    );
    world.identities.revoke_key(&world.fresh(), key).await.unwrap();
    let gone = world.identities.revoke_key(&world.fresh(), key).await;
    assert!(matches!(gone, Err(CommandError::Refused(ApiKeyRefusal::NotFound))));
}

#[test]
fn a_key_made_with_the_api_is_never_more_than_a_developer() {
    let roles = [Role::Viewer, Role::Developer, Role::Security, Role::Admin].map(role_of_issued_key);
    assert_eq!(roles, [Role::Viewer, Role::Developer, Role::Developer, Role::Developer]);
}

#[tokio::test]
async fn a_project_name_is_unique_whatever_its_case_until_it_is_given_back() {
    let world = World::new();
    let shop = world.project("Shop").await;
    let taken = world.projects.create(&world.fresh(), new("shop")).await;
    assert!(matches!(taken, Err(CommandError::Refused(ProjectProblem::NameTaken))));
    world.projects.update(&world.fresh(), shop, None, &named("Store")).await.unwrap();
    let second = world.project("shop").await;
    let back = world.projects.update(&world.fresh(), shop, None, &named("Shop")).await;
    assert!(matches!(back, Err(CommandError::Refused(ProjectProblem::NameTaken))));
    world.projects.delete(&world.fresh(), second).await.unwrap();
    world.projects.update(&world.fresh(), shop, None, &named("Shop")).await.unwrap();
    assert_eq!(world.projects.find(second).await.unwrap(), None);
}

#[tokio::test]
async fn a_name_that_only_changes_its_case_keeps_its_claim() {
    let world = World::new();
    let shop = world.project("shop").await;
    let written = world.projects.update(&world.fresh(), shop, None, &named("SHOP")).await.unwrap();
    assert_eq!(written.project.details.name, "SHOP");
    let taken = world.projects.create(&world.fresh(), new("shop")).await;
    assert!(matches!(taken, Err(CommandError::Refused(ProjectProblem::NameTaken))));
}

#[tokio::test]
async fn a_patch_changes_what_it_says_and_nothing_else() {
    let world = World::new();
    let shop = world.project("shop").await;
    let patch = ProjectPatch {
        description: Some(Some("sells".into())),
        repo_url: Some(Some("https://example.org/shop".into())),
        ..ProjectPatch::default()
    };
    world.projects.update(&world.fresh(), shop, Some(Version(1)), &patch).await.unwrap();
    let patch = ProjectPatch { repo_url: Some(None), ..ProjectPatch::default() };
    let written = world.projects.update(&world.fresh(), shop, None, &patch).await.unwrap();
    assert_eq!(written.project.details.description.as_deref(), Some("sells"));
    assert_eq!(written.project.details.repo_url, None);
    let nothing = world.projects.update(&world.fresh(), shop, None, &patch).await.unwrap();
    assert_eq!(nothing.position, None);
    let stale = world.projects.update(&world.fresh(), shop, Some(Version(1)), &named("x")).await;
    assert!(matches!(stale, Err(CommandError::Stale { actual: Version(3) })));
}

#[tokio::test]
async fn a_repeated_creation_answers_the_project_of_the_first() {
    let world = World::new();
    let context = world.fresh();
    let first = world.projects.create(&context, new("shop")).await.unwrap();
    assert_eq!(world.projects.create(&context, new("shop")).await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_name_at_once_one_gets_it() {
    let world = World::new();
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (projects, context) = (world.projects.clone(), world.fresh());
            tokio::spawn(async move { projects.create(&context, new("shop")).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(CommandError::Refused(ProjectProblem::NameTaken)) => (),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_of_different_fields_at_once_all_hold() {
    let world = World::new();
    let shop = world.project("shop").await;
    let patches = [
        ProjectPatch { description: Some(Some("sells".into())), ..ProjectPatch::default() },
        ProjectPatch { default_branch: Some("trunk".into()), ..ProjectPatch::default() },
        ProjectPatch { repo_url: Some(Some("https://example.org/s".into())), ..ProjectPatch::default() },
        named("Store"),
    ];
    let tasks = patches.map(|patch| {
        let (projects, context) = (world.projects.clone(), world.fresh());
        tokio::spawn(async move { projects.update(&context, shop, None, &patch).await.unwrap() })
    });
    for task in tasks {
        task.await.unwrap();
    }
    let details = world.projects.find(shop).await.unwrap().unwrap().0.details;
    assert_eq!((details.name.as_str(), details.default_branch.as_str()), ("Store", "trunk"));
    assert_eq!(details.description.as_deref(), Some("sells"));
    assert_eq!(details.repo_url.as_deref(), Some("https://example.org/s"));
}

#[tokio::test]
async fn a_repeated_request_for_a_scan_answers_it_although_its_project_is_gone() {
    let world = World::new();
    let shop = world.project("shop").await;
    let (context, scan) = (world.fresh(), stored(&world, shop).await);
    let first = world.scans.queue(&context, scan.clone()).await.unwrap();
    world.step(first.queued.scan, Step::Cancel).await;
    world.projects.delete(&world.fresh(), shop).await.unwrap();
    assert_eq!(world.scans.queue(&context, scan).await.unwrap(), first);
}

#[tokio::test]
async fn a_gate_is_changed_limit_by_limit() {
    let world = World::new();
    let shop = world.project("shop").await;
    let patch = GatePatch { max_high: Some(Limit::AtMost(1)), ..GatePatch::default() };
    let written = world.projects.update_gate(&world.fresh(), shop, patch).await.unwrap();
    assert_eq!(written.project.gate, Gate { max_high: Limit::AtMost(1), ..Gate::default() });
    let again = world.projects.update_gate(&world.fresh(), shop, patch).await.unwrap();
    assert_eq!(again.position, None);
}

#[tokio::test]
async fn a_project_with_scans_that_have_not_ended_stays() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let refused = world.projects.delete(&world.fresh(), shop).await;
    assert!(matches!(
        refused,
        Err(CommandError::Refused(ProjectProblem::Project(ProjectRefusal::ActiveScans)))
    ));
    world.step(scan, Step::Cancel).await;
    world.projects.delete(&world.fresh(), shop).await.unwrap();
}

fn upload(archive: &str) -> UploadTarget {
    UploadTarget {
        organization: ACME,
        project: None,
        key_project: None,
        repo_url: None,
        new_project_name: None,
        archive_name: archive.into(),
        branch: None,
    }
}

#[tokio::test]
async fn an_upload_without_a_project_gets_a_new_one_named_after_the_archive() {
    let world = World::new();
    let mut names = vec![];
    for _ in 0..3 {
        let resolved = world.projects.resolve_for_upload(&world.fresh(), &upload("shop.tar.gz")).await;
        names.push(resolved.unwrap().project.details.name);
    }
    assert_eq!(names, ["shop", "shop 2", "shop 3"]);
}

#[tokio::test]
async fn a_repeated_upload_belongs_to_the_project_that_it_made() {
    let world = World::new();
    let context = world.fresh();
    let first = world.projects.resolve_for_upload(&context, &upload("shop.zip")).await.unwrap();
    let again = world.projects.resolve_for_upload(&context, &upload("shop.zip")).await.unwrap();
    assert_eq!(again, first);
}

#[tokio::test]
async fn uploads_with_a_new_name_share_the_upload_project_of_that_name() {
    let world = World::new();
    let target = UploadTarget { new_project_name: Some("Shop".into()), ..upload("a.zip") };
    let first = world.projects.resolve_for_upload(&world.fresh(), &target).await.unwrap();
    assert!(first.position.is_some());
    let second = world.projects.resolve_for_upload(&world.fresh(), &target).await.unwrap();
    assert_eq!((second.project, second.position), (first.project, None));
}

#[tokio::test]
async fn a_repository_project_does_not_take_the_uploads_of_its_name() {
    let world = World::new();
    let mut repository = new("Shop");
    repository.details.repo_url = Some("https://example.org/shop".into());
    let repository = world.projects.create(&world.fresh(), repository).await.unwrap().project;
    let target = UploadTarget { new_project_name: Some("Shop".into()), ..upload("a.zip") };
    for _ in 0..2 {
        let made = world.projects.resolve_for_upload(&world.fresh(), &target).await.unwrap();
        assert_eq!(made.project.details.name, "Shop 2");
    }
    let by_url = UploadTarget { repo_url: Some("https://example.org/shop".into()), ..target };
    let found = world.projects.resolve_for_upload(&world.fresh(), &by_url).await.unwrap();
    assert_eq!(found.project, repository);
}

#[tokio::test]
async fn a_named_project_wins_over_the_keys_and_must_be_of_the_organization() {
    let world = World::new();
    let (shop, bank) = (world.project("shop").await, world.project("bank").await);
    let by_key = UploadTarget { key_project: Some(bank), ..upload("a.zip") };
    let resolved = world.projects.resolve_for_upload(&world.fresh(), &by_key).await.unwrap();
    assert_eq!(resolved.project.project, bank);
    let named = UploadTarget { project: Some(shop), ..by_key };
    let resolved = world.projects.resolve_for_upload(&world.fresh(), &named).await.unwrap();
    assert_eq!(resolved.project.project, shop);
    for target in [
        UploadTarget { organization: OrganizationId(Uuid::from_u128(9)), ..named },
        UploadTarget { project: Some(ProjectId(Uuid::from_u128(9))), ..upload("a.zip") },
    ] {
        let foreign = world.projects.resolve_for_upload(&world.fresh(), &target).await;
        assert!(matches!(
            foreign,
            Err(CommandError::Refused(ProjectProblem::Project(ProjectRefusal::NotFound)))
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_with_the_same_new_name_at_once_share_one_project() {
    let world = World::new();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (projects, context) = (world.projects.clone(), world.fresh());
            let target = UploadTarget { new_project_name: Some("Shop".into()), ..upload("a.zip") };
            tokio::spawn(async move { projects.resolve_for_upload(&context, &target).await.unwrap() })
        })
        .collect();
    let mut projects = vec![];
    for task in tasks {
        projects.push(task.await.unwrap().project.project);
    }
    projects.dedup();
    assert_eq!(projects.len(), 1);
}

async fn stored(world: &World, project: ProjectId) -> NewScan {
    let file = world.dir.path().join("file");
    std::fs::write(&file, b"archive").unwrap();
    let source = world.scans.store_source(file, "builds/shop.zip").await.unwrap();
    NewScan {
        organization: ACME,
        project,
        branch: None,
        scan_type: ScanType::Full,
        source,
        commit: None,
        base: None,
    }
}

#[tokio::test]
async fn a_scan_without_a_branch_is_of_the_default_branch() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = stored(&world, shop).await;
    let context = world.fresh();
    let first = world.scans.queue(&context, scan.clone()).await.unwrap();
    assert_eq!((first.queued.branch.as_str(), first.queued.source.name.as_str()), ("main", "shop.zip"));
    assert_eq!(world.scans.queue(&context, scan).await.unwrap(), first);
}

#[tokio::test]
async fn a_scan_needs_a_project_a_scanner_and_sound_refs() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = stored(&world, shop).await;
    let cases = [
        (NewScan { project: ProjectId(Uuid::from_u128(9)), ..scan.clone() }, ScanProblem::ProjectNotFound),
        (
            NewScan { organization: OrganizationId(Uuid::from_u128(9)), ..scan.clone() },
            ScanProblem::ProjectNotFound,
        ),
        (
            NewScan { scan_type: ScanType::Dast, ..scan.clone() },
            ScanProblem::ScannerUnavailable(ScanType::Dast),
        ),
        (NewScan { branch: Some(String::new()), ..scan }, ScanProblem::Scan(ScanRefusal::BadRef("branch"))),
    ];
    for (wanted, problem) in cases {
        match world.scans.queue(&world.fresh(), wanted).await {
            Err(CommandError::Refused(actual)) => assert_eq!(actual, problem),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_rescan_takes_the_same_source_as_long_as_it_is_stored() {
    let world = World::new();
    let shop = world.project("shop").await;
    let first = world.scans.queue(&world.fresh(), stored(&world, shop).await).await.unwrap().queued;
    let second = world.scans.rescan(&world.fresh(), first.scan).await.unwrap().queued;
    assert_eq!((second.rescan_of, &second.source), (Some(first.scan), &first.source));
    world.step(first.scan, Step::Stop).await;
    world.blobs.remove(first.source.blob).await.unwrap();
    let gone = world.scans.rescan(&world.fresh(), first.scan).await;
    assert!(matches!(gone, Err(CommandError::Refused(ScanProblem::SourceGone))));
    let gone = world.scans.step(&world.fresh(), first.scan, Step::Resume).await;
    assert!(matches!(gone, Err(CommandError::Refused(ScanProblem::SourceGone))));
    let deleted = world.scans.step(&world.fresh(), first.scan, Step::Delete).await.unwrap();
    assert_eq!(deleted.status, None);
    assert_eq!(world.scans.find(first.scan).await.unwrap(), None);
}

#[tokio::test]
async fn a_step_that_the_state_does_not_allow_is_refused() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let refused = world.scans.step(&world.fresh(), scan, Step::Pause).await;
    let illegal = ScanRefusal::IllegalStep { from: ScanStatus::Queued, step: Step::Pause };
    assert!(matches!(refused, Err(CommandError::Refused(ScanProblem::Scan(refusal))) if refusal == illegal));
}

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
                references: vec![],
                occurrence: Occurrence {
                    severity: Severity::High,
                    places: vec![place],
                    fix: None,
                    excerpt: None,
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

const REACH: Reach = Reach { organization: ACME, project: None };

fn dismiss(note: Option<String>) -> Decision {
    Decision { to: TriageState::FalsePositive, note }
}

#[tokio::test]
async fn a_finding_is_triaged_within_the_callers_reach_only() {
    let world = World::new();
    let shop = world.project("shop").await;
    let finding = detected(&world, shop, 1).await[0];
    let foreign = [
        Reach { organization: OrganizationId(Uuid::from_u128(9)), project: None },
        Reach { organization: ACME, project: Some(ProjectId(Uuid::from_u128(9))) },
    ];
    for reach in foreign {
        let refused = world.findings.triage(&world.fresh(), reach, finding, dismiss(None)).await;
        assert!(matches!(refused, Err(CommandError::Refused(TriageProblem::NotFound))));
    }
    let reach = Reach { organization: ACME, project: Some(shop) };
    let done = world.findings.triage(&world.fresh(), reach, finding, dismiss(Some("why".into()))).await;
    let status = done.unwrap().status;
    assert_eq!((status.state, status.note.as_deref()), (TriageState::FalsePositive, Some("why")));
}

#[tokio::test]
async fn the_largest_bulk_is_one_decision_and_unknown_findings_are_reported() {
    let world = World::new();
    let shop = world.project("shop").await;
    let mut asked = detected(&world, shop, BULK_FINDINGS as u32 - 1).await;
    let unknown = FindingId(Uuid::from_u128(9));
    asked.push(unknown);
    let context = Context::new(CommandId(Uuid::from_u128(77)), Actor::Operator, Some(ACME));
    let done = world.findings.triage_bulk(&context, REACH, &asked, &dismiss(None)).await.unwrap();
    assert_eq!((done.decided.as_slice(), done.unknown.as_slice()), (&asked[..499], &[unknown][..]));
    let again = world.findings.triage_bulk(&context, REACH, &asked, &dismiss(None)).await.unwrap();
    assert_eq!(again, done);
    let fresh = world.findings.triage_bulk(&world.fresh(), REACH, &asked, &dismiss(None)).await.unwrap();
    assert_eq!(fresh, BulkDone { position: None, ..done });
    asked.push(FindingId(Uuid::from_u128(10)));
    let many = world.findings.triage_bulk(&world.fresh(), REACH, &asked, &dismiss(None)).await;
    assert!(matches!(many, Err(CommandError::Refused(TriageProblem::TooMany))));
}

#[tokio::test]
async fn the_largest_bulk_with_the_longest_note_is_decided_too() {
    let world = World::new();
    let shop = world.project("shop").await;
    let asked = detected(&world, shop, BULK_FINDINGS as u32).await;
    let note = dismiss(Some("\u{1}".repeat(NOTE_CHARS)));
    let done = world.findings.triage_bulk(&world.fresh(), REACH, &asked, &note).await.unwrap();
    let triaged = world.events().await.iter().filter(|event| &*event.kind == "finding.triaged").count();
    assert_eq!((triaged, done.decided.len()), (BULK_FINDINGS, BULK_FINDINGS));
}

#[tokio::test]
async fn a_finding_that_is_named_twice_is_decided_once() {
    let world = World::new();
    let shop = world.project("shop").await;
    let finding = detected(&world, shop, 1).await[0];
    let asked = [finding, finding];
    let done = world.findings.triage_bulk(&world.fresh(), REACH, &asked, &dismiss(None)).await.unwrap();
    assert_eq!(done.decided, [finding]);
}
