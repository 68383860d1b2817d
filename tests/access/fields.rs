//! Every field of every type of GraphQL, by a document that is made from the schema: what each needs is written down
//! once more, so that a new resolver is a line of its own, and everybody is answered as that line says.
//!
//! `graphql` asks for the fields of the root in every place; here everything below is asked for in one.

use crate::callers::{Asks, Barrier, Caller, callers};
use crate::graphql::{answered, query, refused};
use crate::matrix::{AT_ONCE, print, report, show};
use crate::place::{NOBODY, Place, Things};
use crate::world::World;
use futures::{StreamExt as _, stream};
use scanledger_domain::identity::{Action, Principal, Resource, authorize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A line for each field: type, field and action. Whoever asks for it has to be allowed that and what is above it.
const DECLARED: &str = include_str!("fields.txt");
/// Types that no query reaches; `socket` listens to them.
const SUBSCRIBED: [&str; 2] = ["Event", "Subscription"];
const SCHEMA: &str = "{ __schema { types { kind name fields(includeDeprecated: true) {
    name args { name defaultValue type { kind } } type { ...Of } } } } }
    fragment Of on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// A field with how to come to it.
#[derive(Debug, Clone)]
struct Field {
    /// `Finding.title`.
    name: String,
    /// What is asked for above it and itself: names as in `name`, and how it is written in a document.
    path: Vec<(String, String)>,
    /// Whether something has to be selected of it.
    is_object: bool,
}

impl Field {
    fn document(&self, things: &Things) -> String {
        let tail = if self.is_object { " { __typename }" } else { "" };
        let written = self.path.iter().rev().fold(String::new(), |inner, (_, written)| {
            if inner.is_empty() { format!("{written}{tail}") } else { format!("{written} {{ {inner} }}") }
        });
        let ids = [
            ("$project", things.project().to_string()),
            ("$scan", things.scan.clone()),
            ("$finding", things.findings[0].clone()),
            ("$incident", things.incident.clone()),
        ];
        let text = ids.iter().fold(written, |text, (name, id)| text.replace(name, id));
        format!("{{ {text} }}")
    }
}

/// A field of the root with what it is about; of others with what they cannot do without.
fn written(owner: &str, field: &Value) -> String {
    let name = field["name"].as_str().unwrap();
    let is_needed = |argument: &&Value| {
        let is_required = argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null();
        // Findings are of a project or of a scan.
        is_required || (owner == "Query" && name == "findings" && argument["name"] == "project")
    };
    let arguments = field["args"].as_array().unwrap().iter().filter(is_needed).map(|argument| {
        let argument = argument["name"].as_str().unwrap();
        let value = match (owner, name, argument) {
            ("Query", "project" | "scan" | "finding" | "incident", "id") => format!("${name}"),
            ("Query", _, "project") => "$project".to_owned(),
            ("Query", "diff", "from") => "0".to_owned(),
            _ => panic!("{owner}.{name} needs {argument}: say in `written` what is to be asked for"),
        };
        format!("{argument}: \"{value}\"")
    });
    let arguments: Vec<String> = arguments.collect();
    if arguments.is_empty() { name.to_owned() } else { format!("{name}({})", arguments.join(", ")) }
}

/// The type of a field without lists and whether it may be null: kind and name.
fn named(of: &Value) -> (&str, &str) {
    if of["ofType"].is_null() {
        (of["kind"].as_str().unwrap(), of["name"].as_str().unwrap())
    } else {
        named(&of["ofType"])
    }
}

/// Every field of every type, and those that a query reaches, each on a shortest way.
fn fields(schema: &Value) -> (BTreeSet<String>, Vec<Field>) {
    let types = schema["data"]["__schema"]["types"].as_array().unwrap();
    let own = types.iter().filter(|of| !of["name"].as_str().unwrap().starts_with("__"));
    let own: BTreeMap<&str, &Value> = own.map(|of| (of["name"].as_str().unwrap(), of)).collect();
    assert!(own.values().all(|of| of["kind"] != "INTERFACE" && of["kind"] != "UNION"), "walk those too");
    let objects = own.iter().filter(|(_, of)| of["kind"] == "OBJECT");
    let all = objects.flat_map(|(owner, of)| {
        let fields = of["fields"].as_array().unwrap().iter();
        fields.map(move |field| format!("{owner}.{}", field["name"].as_str().unwrap()))
    });
    let all = all.collect();
    let (mut reached, mut waiting) = (BTreeSet::from(["Query"]), VecDeque::from([("Query", vec![])]));
    let mut found = vec![];
    while let Some((owner, above)) = waiting.pop_front() {
        for field in own[owner]["fields"].as_array().unwrap() {
            let (kind, of) = named(&field["type"]);
            let name = format!("{owner}.{}", field["name"].as_str().unwrap());
            let mut path: Vec<(String, String)> = above.clone();
            path.push((name.clone(), written(owner, field)));
            if kind == "OBJECT" && reached.insert(of) {
                waiting.push_back((of, path.clone()));
            }
            found.push(Field { name, path, is_object: kind == "OBJECT" });
        }
    }
    let unreached = own.iter().filter(|(name, of)| of["kind"] == "OBJECT" && !reached.contains(**name));
    let unreached: Vec<&str> = unreached.map(|(name, _)| *name).collect();
    assert_eq!(unreached, SUBSCRIBED);
    (all, found)
}

fn declared() -> BTreeMap<&'static str, Action> {
    let lines = DECLARED.lines().map(|line| {
        let (field, word) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let action = Action::ALL.into_iter().find(|action| action.as_str() == word);
        (field, action.unwrap_or_else(|| panic!("{line}")))
    });
    lines.collect()
}

/// What the lines say: as in `graphql`, `+`, the status of a refusal before anything is looked at, `F` or `N` for a
/// refusal of a field.
fn expected(field: &Field, declared: &BTreeMap<&str, Action>, caller: &Caller, things: &Things) -> char {
    let Some(principal) = &caller.principal else { return '1' };
    let organization = Resource::Organization(principal.organization);
    if caller.barrier != Barrier::None || authorize(principal, Action::Read, organization).is_err() {
        return '3';
    }
    let refusal = field.path.iter().find_map(|(name, written)| {
        // What names a thing is about that; who sees nothing of it is not told that it is there.
        let about_thing =
            ["$project", "$scan", "$finding", "$incident"].iter().any(|id| written.contains(id));
        may(principal, declared[name.as_str()], about_thing, things)
    });
    refusal.unwrap_or('+')
}

fn may(principal: &Principal, action: Action, about_thing: bool, things: &Things) -> Option<char> {
    let resource = if about_thing {
        Resource::Project(things.scope)
    } else {
        Resource::Organization(principal.organization)
    };
    authorize(principal, action, resource).err().map(refused)
}

/// All but those with a key for one scope that no field needs, or without it: they would be asked in vain.
fn asks_for_fields(caller: &Caller) -> bool {
    let says = |scope| caller.name.ends_with(scope);
    caller.asks == Asks::Everywhere || says("incidents:read") || says("audit_logs:read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_below_the_root_answers_every_caller_as_is_written_down_for_it() {
    let world = World::new().await;
    let callers: Vec<Caller> = callers(&world).await.into_iter().filter(asks_for_fields).collect();
    let admin = callers.iter().find(|caller| caller.name == "key Admin").unwrap();
    let (all, fields) = fields(&query(&world, admin, SCHEMA).await.json());
    let declared = declared();
    let written: BTreeSet<String> = declared.keys().map(|name| (*name).to_owned()).collect();
    let missing: Vec<&String> = all.difference(&written).collect();
    let gone: Vec<&String> = written.difference(&all).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not written down: {missing:#?}\nnot there: {gone:#?}");

    let things = world.things(Place::Core).unwrap();
    let cells = (0..fields.len()).flat_map(|line| (0..callers.len()).map(move |column| (line, column)));
    let answers = stream::iter(cells).map(|(line, column)| {
        let (world, document, caller) = (&world, fields[line].document(things), &callers[column]);
        async move { ((line, column), query(world, caller, &document).await) }
    });
    let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    let (mut table, mut differences) = (BTreeMap::new(), vec![]);
    for ((line, column), reply) in &answers {
        let (field, caller) = (&fields[*line], &callers[*column]);
        let (expected, answer) = (expected(field, &declared, caller, things), answered(reply));
        table.insert((*line, *column), answer);
        if answer != expected {
            let (name, body) = (&caller.name, &reply.body);
            let document = field.document(things);
            differences.push(format!(
                "{} as {name}: expected {expected}, got {answer} {body} for {document}",
                field.name
            ));
        }
    }
    differences.sort();
    let labels: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    let names: Vec<&str> = callers.iter().map(|caller| caller.name.as_str()).collect();
    let text = format!("F FORBIDDEN   N NOT_FOUND\n{}", print(&labels, &names, &table));
    report("access-matrix-graphql-fields.txt", &text, answers.len(), &differences);
    assert!(fields.len() > 150, "{}", fields.len());
    guarded_fields_are_reached(&world, admin, &fields, &declared, things).await;
}

/// A field that needs more than what is above it has been asked for somewhere where it is, not below a null.
async fn guarded_fields_are_reached(
    world: &World,
    admin: &Caller,
    fields: &[Field],
    declared: &BTreeMap<&str, Action>,
    things: &Things,
) {
    let mut empty = vec![];
    for field in fields {
        let mut at = query(world, admin, &field.document(things)).await.json()["data"].clone();
        let above = field.path.iter().take(field.path.len() - 1);
        for (name, _) in above {
            let name = name.rsplit_once('.').unwrap().1;
            at = if at[name].is_array() { at[name][0].clone() } else { at[name].clone() };
        }
        if at.is_null() {
            empty.push(field.name.as_str());
            assert_eq!(declared[field.name.as_str()], Action::Read, "{} is below a null", field.name);
        }
    }
    show(&format!("{} fields, {} of them below a null here: {}", fields.len(), empty.len(), empty.join(" ")));
    assert!(!fields.iter().any(|field| field.document(things).contains(NOBODY)));
    assert!(empty.len() * 4 < fields.len(), "{empty:?}");
}
