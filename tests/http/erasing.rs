//! Forgetting people of whom others spoke: authors of commits that a pipeline scanned, and people who were invited.

use crate::harness::{Api, id};
use crate::pepper_browser::{PASSWORD, server};
use crate::semgrep_ci::Run;
use crate::semgrep_web_more::ACME;
use scanledger::operations::{Forgotten, Operation, Outcome, perform};
use scanledger_commands::Context;
use scanledger_domain::id::{CommandId, Ids, OrganizationId, ScanId, SubjectId, UserId};
use scanledger_domain::log::Actor;
use scanledger_domain::scan::{
    ClientPeople, ClientRun, Extent, Queued, Scan, ScanCommand, ScanType, Source, scan_stream,
};
use scanledger_domain::vault::Vault;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// What is said about people, by field of the answer.
const PERSONAL: [&str; 8] = [
    "commit_title",
    "commit_author_name",
    "commit_author_email",
    "commit_author_username",
    "commit_author_image_url",
    "pull_request_title",
    "pull_request_author_username",
    "pull_request_author_image_url",
];

/// Ana wrote it, Octo opened the pull request.
fn anas_commit() -> Value {
    json!({
        "commit_title": "Mend it", "commit_author_name": "Ana Lopez", "commit_author_email": "Ana@Example.org",
        "commit_author_username": "ana-l", "commit_author_image_url": "https://code.example.org/ana",
        "pull_request_title": "A change", "pull_request_author_username": "octo",
        "pull_request_author_image_url": "https://code.example.org/octo",
    })
}

/// A scan by the key of a pipeline, which says so much about people; its number.
async fn scan(api: &Api, people: &Value) -> u64 {
    let run = Run::begin_as(api, "acme/shop", |body| {
        let told = body["project_metadata"].as_object_mut().unwrap();
        PERSONAL.iter().for_each(|field| drop(told.remove(*field)));
        told.extend(people.as_object().unwrap().clone());
    });
    run.await.number
}

/// What is shown about people in a scan.
async fn shown(api: &Api, number: u64) -> Value {
    let scan = api.get(&format!("{ACME}/scan/{number}")).await.expect(200);
    let told = |field: &&str| Some(((*field).to_owned(), scan["meta"].get(*field)?.clone()));
    Value::Object(PERSONAL.iter().filter_map(told).collect::<Map<_, _>>())
}

async fn erased(api: &Api, who: Forgotten) -> UserId {
    let done = perform(&api.server.engine, Operation::ErasePerson(who), Arc::new(|_| ())).await.unwrap();
    let Outcome::PersonErased { user, .. } = done else { panic!("it is another outcome") };
    api.shown().await;
    user
}

async fn erasures(api: &Api) -> Vec<Value> {
    let page = api.get("/api/audit-log?action=user.erased").await.expect(200);
    page["entries"].as_array().unwrap().clone()
}

fn ana(api: &Api) -> UserId {
    api.user.parse().unwrap()
}

fn octo() -> Value {
    let all = anas_commit();
    PERSONAL[5..].iter().map(|field| ((*field).to_owned(), all[*field].clone())).collect()
}

#[tokio::test]
async fn what_a_pipeline_said_of_an_author_is_forgotten_with_their_account_and_nothing_else_is() {
    let api = Api::without_workers().await;
    let by_ana = scan(&api, &anas_commit()).await;
    let bens = json!({ "commit_title": "Other", "commit_author_name": "Ben", "commit_author_email": "ben@example.org" });
    let by_ben = scan(&api, &bens).await;
    assert_eq!(shown(&api, by_ana).await, anas_commit());
    assert_eq!(shown(&api, by_ben).await, bens);

    assert_eq!(erased(&api, ana(&api).into()).await, ana(&api));
    assert_eq!(shown(&api, by_ana).await, octo());
    assert_eq!(shown(&api, by_ben).await, bens);
    let entries = erasures(&api).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!((&entries[0]["resource"], &entries[0]["resourceId"]), (&json!("user"), &json!(api.user)));
    // The pipeline goes on, and who was erased stays so.
    let later = scan(&api, &anas_commit()).await;
    assert_eq!(shown(&api, later).await, octo());
}

#[tokio::test]
async fn who_has_no_account_is_forgotten_by_address_and_login() {
    let api = Api::without_workers().await;
    let mut theirs = anas_commit();
    theirs["commit_author_email"] = json!("dev@elsewhere.example");
    theirs["commit_author_username"] = json!("dev-e");
    theirs["pull_request_author_username"] = json!("Dev-E");
    let own = scan(&api, &theirs).await;
    let bens = json!({
        "commit_author_email": "ben@example.org", "pull_request_title": "A change",
        "pull_request_author_username": "dev-e",
    });
    let opened = scan(&api, &bens).await;

    // Who opened the pull request for a commit of their own is known by the address, else by the login.
    let who = Forgotten { emails: vec!["DEV@elsewhere.example".to_owned()], ..Forgotten::default() };
    let user = erased(&api, who.clone()).await;
    assert_eq!(shown(&api, own).await, json!({}));
    assert_eq!(shown(&api, opened).await, bens);
    let both = Forgotten { logins: vec!["@dev-e".to_owned()], ..who.clone() };
    assert_eq!(erased(&api, both.clone()).await, user);
    assert_eq!(shown(&api, opened).await, json!({ "commit_author_email": "ben@example.org" }));

    let entries = erasures(&api).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert!(entries.iter().all(|entry| entry["resourceId"] == json!(user.0)), "{entries:?}");
    let log = api.server.engine.event_log();
    let head = log.head().await.unwrap();
    erased(&api, who).await;
    erased(&api, both).await;
    assert_eq!(log.head().await.unwrap(), head);
    let later = scan(&api, &theirs).await;
    assert_eq!(shown(&api, later).await, json!({}));
}

#[tokio::test]
async fn another_address_and_a_login_are_erased_with_a_person() {
    let api = Api::without_workers().await;
    let mut elsewhere = anas_commit();
    elsewhere["commit_author_email"] = json!("7+ana-l@users.example");
    let number = scan(&api, &elsewhere).await;
    erased(&api, ana(&api).into()).await;
    assert_eq!(shown(&api, number).await, elsewhere);
    let who = Forgotten {
        emails: vec!["7+ana-l@users.example".to_owned()],
        logins: vec!["octo".to_owned()],
        ..ana(&api).into()
    };
    assert_eq!(erased(&api, who).await, ana(&api));
    assert_eq!(shown(&api, number).await, json!({}));
}

#[tokio::test]
async fn the_address_of_an_account_is_not_erased_without_it() {
    let api = Api::without_workers().await;
    let by_ana = scan(&api, &anas_commit()).await;
    let head = api.server.engine.event_log().head().await.unwrap();
    let nobody = Forgotten::default();
    let hers = Forgotten { emails: vec!["ANA@example.org".to_owned()], ..Forgotten::default() };
    for (who, why) in [(hers, format!("people erase {}", api.user)), (nobody, "needs an id".to_owned())] {
        let refused = perform(&api.server.engine, Operation::ErasePerson(who), Arc::new(|_| ())).await;
        let Err(error) = refused else { panic!("it is refused") };
        let said = format!("{error:#}");
        assert!(said.contains(&why) && !said.to_lowercase().contains("ana@"), "{said}");
    }
    assert_eq!(api.server.engine.event_log().head().await.unwrap(), head);
    assert_eq!(shown(&api, by_ana).await, anas_commit());
}

#[tokio::test]
async fn the_address_of_an_invitation_is_forgotten_with_who_was_invited() {
    let api = server(|_| ()).await;
    let invite = async |email: &str| {
        let made = api.post("/api/users", &json!({ "email": email, "role": "VIEWER" })).await.expect(201);
        (SubjectId(id(&made).parse::<Uuid>().unwrap()), made["link"].as_str().unwrap().to_owned())
    };
    let [(bea, _), (cem, _), (dee, link)] =
        [invite("Bea@x.org").await, invite("cem@x.org").await, invite("dee@x.org").await];
    let came = json!({ "invitationToken": link.split_once("token=").unwrap().1, "password": PASSWORD });
    let came = api.with_key(None).post("/api/auth/register", &came).await.expect(201);
    let bea_alone = Forgotten { emails: vec!["bea@X.org".to_owned()], ..Forgotten::default() };
    erased(&api, bea_alone).await;
    let gone = || api.server.engine.state.vault.erased().unwrap();
    assert!(gone().contains(&bea) && !gone().contains(&dee));
    erased(&api, came["user"]["id"].as_str().unwrap().parse::<UserId>().unwrap().into()).await;
    assert!(gone().contains(&dee) && !gone().contains(&cem));
    let listed = api.get("/api/users/invitations").await.expect(200);
    let emails: Vec<_> = listed["invitations"].as_array().unwrap().iter().map(|one| &one["email"]).collect();
    assert_eq!(emails, [&json!("cem@x.org"), &Value::Null]);
}

/// What clients said was sealed in one piece for whoever asked, once.
#[tokio::test]
async fn what_was_said_before_people_were_told_apart_is_shown_as_it_was() {
    let api = Api::without_workers().await;
    scan(&api, &anas_commit()).await;
    let project = id(&api.get("/api/projects").await.expect(200)["projects"][0]);
    let engine = &api.server.engine;
    let said = ClientPeople {
        author_name: Some("Dev Eloper".to_owned()),
        pull_request_author: Some("octo".to_owned()),
        ..ClientPeople::default()
    };
    let key = SubjectId(api.key_id().await.parse().unwrap());
    let people = engine.state.vault.seal(key, &serde_json::to_string(&said).unwrap()).unwrap();
    let organization: OrganizationId = api.organization.parse().unwrap();
    let fresh = || scanledger::adapters::TimeOrderedIds.fresh();
    let scan = ScanId(fresh());
    let queued = Queued {
        scan,
        organization,
        project: project.parse().unwrap(),
        branch: "main".to_owned(),
        scan_type: ScanType::Full,
        source: Source::of_client("acme/shop".to_owned()),
        commit: None,
        base: None,
        by: Actor::System,
        rescan_of: None,
        client: Some(ClientRun {
            run: fresh(),
            tool: None,
            extent: Extent::Full,
            products: vec![],
            repository: "acme/shop".to_owned(),
            repository_url: None,
            environment: None,
            trigger: None,
            job_url: None,
            pull_request: None,
            people: Some(people),
            author: None,
            opener: None,
        }),
    };
    let context = Context::new(CommandId(fresh()), Actor::System, Some(organization));
    let command = ScanCommand::Queue(queued);
    engine.ledger.execute::<Scan>(&context, &scan_stream(scan), None, command).await.unwrap();
    let number = engine.ledger.find(context.command).await.unwrap().unwrap();
    api.shown().await;
    let told = json!({ "commit_author_name": "Dev Eloper", "pull_request_author_username": "octo" });
    assert_eq!(shown(&api, number.0).await, told);
}
