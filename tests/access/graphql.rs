//! Every field of GraphQL's roots with every kind of caller in every place.

use crate::callers::{Asks, Barrier, Caller, callers};
use crate::matrix::{AT_ONCE, print, report};
use crate::place::{NOBODY, Place};
use crate::send::{Reply, request, send};
use crate::world::World;
use futures::{StreamExt as _, stream};
use scanledger_domain::identity::{Action, Denied, Principal, Resource, authorize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a field is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The organization.
    Organization(Action),
    /// A project.
    Project,
    /// A scan.
    Scan,
    /// A finding.
    Finding,
    /// The incident of a secret.
    Incident,
    /// A project of which something is shown that needs more than the rest.
    ProjectAnd(Action),
}

/// A field of the root with a document that selects it.
struct Field {
    name: &'static str,
    remark: &'static str,
    about: About,
    document: &'static str,
}

const fn field(name: &'static str, about: About, document: &'static str) -> Field {
    Field { name, remark: "", about, document }
}

/// Documents for every field of `Query`; `$id` is what they are about.
const FIELDS: [Field; 17] = [
    field("head", About::Organization(Action::Read), "{ head }"),
    field("project", About::Project, "{ project(id: \"$id\") { id name } }"),
    field("projects", About::Organization(Action::Read), "{ projects { totalCount } }"),
    Field {
        remark: " as of scan",
        ..field("projects", About::Scan, "{ projects(asOfScan: \"$id\") { totalCount } }")
    },
    field("scan", About::Scan, "{ scan(id: \"$id\") { id } }"),
    field("scans", About::Organization(Action::Read), "{ scans { totalCount } }"),
    Field {
        remark: " of project",
        ..field("scans", About::Project, "{ scans(project: \"$id\") { totalCount } }")
    },
    field("finding", About::Finding, "{ finding(id: \"$id\") { id } }"),
    Field {
        remark: " of project",
        ..field("findings", About::Project, "{ findings(project: \"$id\") { totalCount } }")
    },
    Field {
        remark: " of scan",
        ..field("findings", About::Scan, "{ findings(scan: \"$id\") { totalCount } }")
    },
    Field {
        remark: " with who decided",
        ..field(
            "findings",
            About::Project,
            "{ findings(project: \"$id\") { nodes { triage { actor { kind id name } } } } }",
        )
    },
    Field {
        remark: " with addresses of people",
        ..field(
            "findings",
            About::ProjectAnd(Action::ReadAudit),
            "{ findings(project: \"$id\") { nodes { triage { actor { email } } } } }",
        )
    },
    field("incident", About::Incident, "{ incident(id: \"$id\") { id } }"),
    field("incidents", About::Organization(Action::Read), "{ incidents { totalCount } }"),
    field("components", About::Project, "{ components(project: \"$id\") { totalCount } }"),
    field("auditEntries", About::Organization(Action::ReadAudit), "{ auditEntries { totalCount } }"),
    field("diff", About::Project, "{ diff(project: \"$id\", from: \"0\") { to } }"),
];

impl Field {
    fn places(&self) -> &'static [Place] {
        match self.about {
            About::Organization(_) => &[Place::Core],
            _ => &Place::ALL,
        }
    }

    fn label(&self, place: Place) -> String {
        let Self { name, remark, .. } = self;
        match self.about {
            About::Organization(_) => format!("{name}{remark}"),
            _ => format!("{name}{remark} @{}", place.as_str()),
        }
    }

    fn document(&self, world: &World, place: Place) -> String {
        let things = world.things(place);
        let id = match (self.about, things) {
            (About::Organization(_), _) | (_, None) => NOBODY.to_owned(),
            (About::Project | About::ProjectAnd(_), Some(things)) => things.project().to_string(),
            (About::Scan, Some(things)) => things.scan.clone(),
            (About::Finding, Some(things)) => things.findings[0].clone(),
            (About::Incident, Some(things)) => things.incident.clone(),
        };
        self.document.replace("$id", &id)
    }

    /// What the tables say of it: `+`, the status of a refusal before the field is looked at, `F` or `N` for a refusal
    /// of the field.
    fn expected(&self, world: &World, caller: &Caller, place: Place) -> char {
        let Some(principal) = &caller.principal else { return '1' };
        let organization = Resource::Organization(principal.organization);
        if caller.barrier != Barrier::None || authorize(principal, Action::Read, organization).is_err() {
            return '3';
        }
        match self.refusal(world, principal, place) {
            None => '+',
            Some(Refusal::Missing) => 'N',
            Some(Refusal::Denied(denied)) => refused(denied),
        }
    }

    fn refusal(&self, world: &World, principal: &Principal, place: Place) -> Option<Refusal> {
        let organization = Resource::Organization(principal.organization);
        let may = |action, resource| authorize(principal, action, resource).err().map(Refusal::Denied);
        if let About::Organization(action) = self.about {
            return may(action, organization);
        }
        let Some(things) = world.things(place) else { return Some(Refusal::Missing) };
        may(Action::Read, Resource::Project(things.scope)).or_else(|| match self.about {
            About::ProjectAnd(action) => may(action, organization),
            _ => None,
        })
    }
}

enum Refusal {
    Denied(Denied),
    Missing,
}

/// What is elsewhere does not exist.
pub const fn refused(denied: Denied) -> char {
    if denied.hides() { 'N' } else { 'F' }
}

/// What came back, in the same letters.
pub fn answered(reply: &Reply) -> char {
    let body = reply.json();
    match (reply.status, body["errors"][0]["extensions"]["code"].as_str()) {
        (401, _) => '1',
        (403, _) => '3',
        (200, None) if body["data"].is_object() => '+',
        (200, Some("FORBIDDEN")) => 'F',
        (200, Some("NOT_FOUND")) => 'N',
        _ => 'X',
    }
}

/// Sends a document.
pub async fn query(world: &World, caller: &Caller, document: &str) -> Reply {
    send(request(world, caller, "POST", "/graphql").json(&json!({ "query": document }))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_answers_every_caller_as_the_table_says() {
    let world = World::new().await;
    let callers = callers(&world).await;
    let lines: Vec<(&Field, Place)> =
        FIELDS.iter().flat_map(|field| field.places().iter().map(move |place| (field, *place))).collect();
    let cells = (0..lines.len()).flat_map(|line| (0..callers.len()).map(move |column| (line, column)));
    let cells: Vec<(usize, usize)> = cells
        .filter(|(line, column)| lines[*line].1 == Place::Core || callers[*column].asks == Asks::Everywhere)
        .collect();
    let answers = stream::iter(cells).map(|(line, column)| {
        let ((field, place), caller) = (lines[line], &callers[column]);
        let world = &world;
        async move { ((line, column), query(world, caller, &field.document(world, place)).await) }
    });
    let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    let (mut table, mut differences) = (BTreeMap::new(), vec![]);
    for ((line, column), reply) in &answers {
        let ((field, place), caller) = (lines[*line], &callers[*column]);
        let (expected, answer) = (field.expected(&world, caller, place), answered(reply));
        table.insert((*line, *column), answer);
        if answer != expected {
            let (label, name, body) = (field.label(place), &caller.name, &reply.body);
            differences.push(format!("{label} as {name}: expected {expected}, got {answer} {body}"));
        }
    }
    differences.sort();
    let labels: Vec<String> = lines.iter().map(|(field, place)| field.label(*place)).collect();
    let names: Vec<&str> = callers.iter().map(|caller| caller.name.as_str()).collect();
    let text = format!("F FORBIDDEN   N NOT_FOUND\n{}", print(&labels, &names, &table));
    report("access-matrix-graphql.txt", &text, answers.len(), &differences);
    every_field_is_listed(&world, &callers).await;
}

async fn every_field_is_listed(world: &World, callers: &[Caller]) {
    let admin = callers.iter().find(|caller| caller.name == "key Admin").unwrap();
    let roots = "{ __schema { mutationType { name } queryType { fields { name } }
        subscriptionType { fields { name } } } }";
    let schema = query(world, admin, roots).await.json()["data"]["__schema"].clone();
    let names = |root: &Value| -> BTreeSet<String> {
        let fields = root["fields"].as_array().unwrap().iter();
        fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    };
    let listed: BTreeSet<String> = FIELDS.iter().map(|field| field.name.to_owned()).collect();
    assert_eq!(names(&schema["queryType"]), listed);
    assert_eq!(names(&schema["subscriptionType"]), BTreeSet::from(["events".to_owned()]), "see `socket`");
    assert_eq!(schema["mutationType"], Value::Null);
}
