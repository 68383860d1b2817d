//! Projects, their gates, and the projects of uploads.

use crate::support::callers::{CORE, EDGE, key, key_for, key_of, member};
use crate::support::{ACME, World, details};
use scanledger_commands::CommandError;
use scanledger_commands::project::{GatePatch, NewProject, ProjectPatch, ProjectProblem, UploadTarget};
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::{Denied, Limit as KeyLimit, Principal, ProjectScope, TeamRole};
use scanledger_domain::log::Version;
use scanledger_domain::project::{Gate, Limit, ProjectRefusal};
use scanledger_domain::scan::Step;
use uuid::Uuid;

fn new(name: &str) -> NewProject {
    NewProject { organization: ACME, team: None, details: details(name), gate: Gate::default() }
}

fn named(name: &str) -> ProjectPatch {
    ProjectPatch { name: Some(name.to_owned()), ..ProjectPatch::default() }
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
        principal: key(),
        project: None,
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
    let by_key = UploadTarget { principal: key_for(bank), ..upload("a.zip") };
    let resolved = world.projects.resolve_for_upload(&world.fresh(), &by_key).await.unwrap();
    assert_eq!(resolved.project.project, bank);
    let named = UploadTarget { project: Some(shop), ..by_key };
    let resolved = world.projects.resolve_for_upload(&world.fresh(), &named).await.unwrap();
    assert_eq!(resolved.project.project, shop);
    for target in [
        UploadTarget { principal: key_of(OrganizationId(Uuid::from_u128(9))), ..named },
        UploadTarget { project: Some(ProjectId(Uuid::from_u128(9))), ..upload("a.zip") },
    ] {
        let foreign = world.projects.resolve_for_upload(&world.fresh(), &target).await;
        assert!(matches!(
            foreign,
            Err(CommandError::Refused(ProjectProblem::Project(ProjectRefusal::NotFound)))
        ));
    }
}

/// An upload by a member of one team.
fn of_core(archive: &str) -> UploadTarget {
    UploadTarget { principal: member(&[(CORE, TeamRole::Developer)]), ..upload(archive) }
}

fn of_team(name: &str, team: TeamId) -> NewProject {
    NewProject { team: Some(team), ..new(name) }
}

#[tokio::test]
async fn what_another_team_has_is_taken_and_not_told() {
    let world = World::new();
    world.projects.create(&world.fresh(), of_team("Shop", EDGE)).await.unwrap();
    let target = UploadTarget { new_project_name: Some("Shop".into()), ..of_core("a.zip") };
    let made = world.projects.resolve_for_upload(&world.fresh(), &target).await.unwrap();
    assert_eq!(made.project.details.name, "Shop 2");
    assert_eq!(
        made.scope(),
        ProjectScope { organization: ACME, team: Some(CORE), project: made.project.project }
    );
    let again = world.projects.resolve_for_upload(&world.fresh(), &target).await.unwrap();
    assert_eq!((again.project, again.position), (made.project, None));
    let free = UploadTarget { new_project_name: Some("Free".into()), ..of_core("a.zip") };
    let shared = world.project("free").await;
    let found = world.projects.resolve_for_upload(&world.fresh(), &free).await.unwrap();
    assert_eq!(found.project.project, shared);
}

#[tokio::test]
async fn a_repository_of_another_team_is_not_found_and_ones_own_is() {
    let world = World::new();
    let url = "https://example.org/shop";
    let mut theirs = of_team("theirs", EDGE);
    theirs.details.repo_url = Some(url.into());
    world.projects.create(&world.fresh(), theirs).await.unwrap();
    let target = UploadTarget { repo_url: Some(url.into()), ..of_core("ours.zip") };
    let made = world.projects.resolve_for_upload(&world.fresh(), &target).await.unwrap();
    assert_eq!((made.project.team, made.project.details.name.as_str()), (Some(CORE), "ours"));
    let again = world.projects.resolve_for_upload(&world.fresh(), &target).await.unwrap();
    assert_eq!((again.project, again.position), (made.project, None));
}

#[tokio::test]
async fn a_new_project_belongs_to_the_only_team_of_who_uploads() {
    let world = World::new();
    let made = |principal: Principal| {
        let (context, projects) = (world.fresh(), &world.projects);
        async move {
            let target = UploadTarget { principal, ..upload("a.zip") };
            projects.resolve_for_upload(&context, &target).await.map(|made| made.project.team)
        }
    };
    let both = member(&[(CORE, TeamRole::Developer), (EDGE, TeamRole::Developer)]);
    let limit = |team| KeyLimit { team: Some(team), ..KeyLimit::NONE };
    assert_eq!(made(both.clone()).await.unwrap(), None);
    assert_eq!(made(member(&[])).await.unwrap(), None);
    assert_eq!(made(Principal { limit: limit(EDGE), ..both }).await.unwrap(), Some(EDGE));
    assert_eq!(made(Principal { limit: limit(EDGE), ..key() }).await.unwrap(), Some(EDGE));
    let left = Principal { limit: limit(EDGE), ..member(&[(CORE, TeamRole::Developer)]) };
    let refused = made(left).await;
    assert!(matches!(refused, Err(CommandError::Refused(ProjectProblem::Denied(Denied::OtherTeam)))));
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
