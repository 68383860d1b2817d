//! What clients upload, and the rules that they run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "the world is for all tests of this crate, and not all of it is needed here")]
mod support;

use scanledger_domain::blob::BlobHash;
use scanledger_domain::branch::{Coverage, FoundBy, RuleCoverage, observe};
use scanledger_domain::finding::{Columns, RuleTags, TriageState, UploadFacts};
use scanledger_domain::id::{FindingId, ScanId};
use scanledger_domain::log::Position;
use scanledger_domain::policy::{
    Mode, ModeSet, PolicyEvent, Product, RuleAdded, RuleOrigin, RuleRemoved, policy_id, policy_stream,
};
use scanledger_domain::scan::{ResultsReceived, ScanEvent, scan_stream};
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind, Uploaded};
use scanledger_domain::severity::Severity;
use scanledger_projections::finding::{
    FindingFilter, FindingQuery, FindingSort, FindingsOfScopes, ListScope,
};
use scanledger_projections::{At, Paging};
use std::collections::HashMap;
use support::{ORGANIZATION, PROJECT, World, outcome, secret};

/// What a rule of a client found in a file.
fn upload(rule: &str, path: &str) -> Detection {
    let facts = UploadFacts {
        match_based_id: format!("{rule}{}_0", path.len()),
        syntactic_id: Some("ab".repeat(16)),
        path: path.to_owned(),
        tags: RuleTags::default(),
        validation: None,
        package: None,
    };
    let columns = Some(Columns { start: 3, end: 9 });
    let uploaded = Uploaded { scanner: ScannerKind::Sast, facts, columns, package: None, advisories: vec![] };
    let places = vec![Place { path: path.to_owned(), line: Some(7), end_line: Some(7), version: None }];
    let identity = Identity::Upload(Box::new(uploaded));
    Detection { identity, rule: rule.to_owned(), places, ..secret(path, 0, Severity::High) }
}

fn id(detection: &Detection) -> FindingId {
    observe(PROJECT, vec![detection.clone()], &HashMap::new())[0].finding
}

fn full(rules: &[&str]) -> Coverage {
    Coverage::Rules(RuleCoverage {
        scanners: vec![ScannerKind::Sast],
        rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
        unread: Default::default(),
        kept: BlobHash([1; 32]),
    })
}

fn changes() -> Coverage {
    Coverage::Changes { scanners: vec![ScannerKind::Sast], rules: 1 }
}

/// The findings of a scan, in both ways to ask for them.
async fn of_scan(world: &World, scan: ScanId, at: At) -> Vec<FindingId> {
    let paging = Paging { offset: 0, limit: 50 };
    let query = FindingQuery {
        organization: ORGANIZATION,
        scope: ListScope::Scan(scan),
        at,
        filter: FindingFilter::default(),
        sort: FindingSort::Created,
        paging,
    };
    let page = world.views().findings(query).await.unwrap();
    let ids: Vec<FindingId> = page.rows.iter().map(|row| row.id).collect();
    let many = FindingsOfScopes {
        organization: ORGANIZATION,
        scopes: vec![ListScope::Scan(scan)],
        at,
        filter: FindingFilter::default(),
        sort: FindingSort::Created,
        paging,
    };
    let pages = world.views().findings_of_scopes(many).await.unwrap();
    assert_eq!(pages[0].rows.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    assert_eq!((page.total, pages[0].total), (ids.len() as u64, ids.len() as u64));
    ids
}

#[tokio::test]
async fn the_inventory_knows_which_rule_found_what_is_or_was_there() {
    let mut world = World::new().await;
    let (eval, exec) = (upload("eval", "a.py"), upload("exec", "b.py"));
    world.scan("main", vec![secret("a.py", 1, Severity::Low)], vec![]).await;
    world.scan_with("main", full(&["eval", "exec"]), vec![eval.clone(), exec.clone()], None).await;
    world.scan_with("main", full(&["exec"]), vec![], None).await;
    let read = world.views().inventory(PROJECT, "main").await.unwrap().inventory;
    assert_eq!(read.uploads, world.inventory("main").uploads);
    let by = |rule: &str, path: &str| FoundBy { rule: rule.into(), path: path.into() };
    assert_eq!(
        read.uploads,
        HashMap::from([(id(&eval), by("eval", "a.py")), (id(&exec), by("exec", "b.py"))])
    );
    assert_eq!(read.digest, world.inventory("main").digest);
    assert!(read.holds(id(&eval)) && !read.holds(id(&exec)));
    // A branch that starts from it begins with what is there.
    let base = world.views().inventory(PROJECT, "feature").await.unwrap().inventory;
    assert_eq!(base.uploads.keys().collect::<Vec<_>>(), [&id(&eval)]);
}

#[tokio::test]
async fn an_upload_keeps_what_the_client_said() {
    let mut world = World::new().await;
    let eval = upload("eval", "a.py");
    let (scan, _) = world.scan_with("main", full(&["eval"]), vec![eval.clone()], None).await;
    world.triage(id(&eval), TriageState::Confirmed, None).await;
    let query = FindingQuery {
        organization: ORGANIZATION,
        scope: ListScope::Scan(scan),
        at: At::Now,
        filter: FindingFilter::default(),
        sort: FindingSort::Severity,
        paging: Paging { offset: 0, limit: 5 },
    };
    let page = world.views().findings(query).await.unwrap();
    let Identity::Upload(uploaded) = &eval.identity else { panic!("{eval:?}") };
    assert_eq!(page.rows[0].upload.as_ref(), Some(&uploaded.facts));
    assert_eq!(page.rows[0].columns, uploaded.columns);
    assert_eq!(page.rows[0].state, TriageState::Confirmed);
}

#[tokio::test]
async fn a_scan_of_a_client_shows_what_it_is_about() {
    let mut world = World::new().await;
    let (old, fresh) = (upload("eval", "a.py"), upload("eval", "b.py"));
    world.scan("main", vec![secret("a.py", 1, Severity::Low)], vec![]).await;
    let (first, _) = world.scan_with("main", full(&["eval"]), vec![old.clone()], None).await;
    let (second, at) = world.scan_with("main", changes(), vec![fresh.clone()], None).await;
    let outcome = outcome(std::slice::from_ref(&fresh));
    let (seen, changes) = (BlobHash([2; 32]), vec![id(&fresh)]);
    let received = ResultsReceived { scan: second, outcome, seen, rules: 1, ignored: 0, changes };
    world.append(scan_stream(second), &[ScanEvent::from(received)]).await;
    assert_eq!(of_scan(&world, first, At::Now).await, [id(&old)]);
    assert_eq!(of_scan(&world, second, At::Now).await, [id(&fresh)]);
    assert_eq!(of_scan(&world, second, At::Position(at)).await, [id(&fresh)]);
}

/// The client's names of at most `limit` dismissed findings.
async fn dismissed(world: &World, limit: u32) -> Vec<String> {
    let dismissed = world.views().dismissed_uploads(PROJECT, limit).await.unwrap();
    dismissed.into_iter().map(|upload| upload.match_based_id).collect()
}

#[tokio::test]
async fn dismissed_uploads_are_named_until_somebody_thinks_again() {
    let mut world = World::new().await;
    let (eval, exec) = (upload("eval", "a.py"), upload("exec", "b.py"));
    let key = secret("a.py", 1, Severity::Low);
    world.scan("main", vec![key.clone()], vec![]).await;
    world.scan_with("main", full(&["eval", "exec"]), vec![eval.clone(), exec.clone()], None).await;
    world.triage(id(&key), TriageState::FalsePositive, None).await;
    for state in TriageState::ALL {
        world.triage(id(&eval), state, None).await;
        let names = dismissed(&world, 2).await;
        let expected: &[&str] = if state.is_dismissed() { &["eval4_0"] } else { &[] };
        assert_eq!(names, expected, "{state}");
    }
    world.triage(id(&eval), TriageState::Accepted, None).await;
    world.triage(id(&exec), TriageState::NotAffected, None).await;
    assert_eq!(dismissed(&world, 2).await, ["exec4_0", "eval4_0"]);
    // Of more than are asked for, those decided about last.
    assert_eq!(dismissed(&world, 1).await, ["exec4_0"]);
}

#[tokio::test]
async fn a_policy_is_read_as_it_is_and_as_it_was() {
    let mut world = World::new().await;
    let (organization, product) = (ORGANIZATION, Product::Code);
    let policy = policy_id(organization, product);
    let rule = || "acme.no-eval".parse().unwrap();
    let added = |definition: &str| -> PolicyEvent {
        let (origin, definition) = (RuleOrigin::Custom, definition.to_owned());
        RuleAdded { policy, organization, product, rule: rule(), origin, definition }.into()
    };
    let set = |mode| -> PolicyEvent { ModeSet { policy, organization, product, rule: rule(), mode }.into() };
    let removed: PolicyEvent = RuleRemoved { policy, organization, product, rule: rule() }.into();
    let mut positions = vec![];
    for event in [added("{}"), set(Mode::Block), added("{ }"), set(Mode::Monitor), removed] {
        positions.push(world.append(policy_stream(policy), &[event]).await);
    }
    let views = world.views();
    let read = async |at: At| {
        let rows = views.policy(ORGANIZATION, at).await.unwrap();
        let rules: Vec<String> = rows.rules.into_iter().map(|row| row.definition).collect();
        (rules, rows.modes.into_iter().map(|row| row.mode).collect::<Vec<_>>())
    };
    let text = |text: &str| vec![text.to_owned()];
    assert_eq!(read(At::Now).await, (vec![], vec![]));
    assert_eq!(read(At::Position(positions[0])).await, (text("{}"), vec![]));
    assert_eq!(read(At::Position(positions[1])).await, (text("{}"), vec![Mode::Block]));
    assert_eq!(read(At::Position(positions[2])).await, (text("{ }"), vec![Mode::Block]));
    assert_eq!(read(At::Position(positions[3])).await, (text("{ }"), vec![Mode::Monitor]));
    assert_eq!(read(At::Position(Position(positions[0].0 - 1))).await, (vec![], vec![]));
}
