//! Every route with every kind of caller in every place.

use crate::callers::{Asks, Caller, callers};
use crate::expected::{Answer, expected};
use crate::place::Place;
use crate::rows::{About, Content, Leaves, Row, rows};
use crate::send::{Reply, request, send};
use crate::throwaway::{id_for, named_project};
use crate::world::{World, upload};
use futures::{StreamExt as _, stream};
use scanledger_api::route_table;
use scanledger_domain::identity::Breadth;
use scanledger_projections::identity::InvitationState;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Requests under way at the same time.
pub const AT_ONCE: usize = 16;

/// One request of one caller.
struct Cell {
    line: usize,
    column: usize,
}

/// A row in one place.
struct Line {
    row: Row,
    place: Place,
}

impl Line {
    fn label(&self) -> String {
        if self.row.about.has_id() {
            return format!("{} @{}", self.row.label(), self.place.as_str());
        }
        self.row.label()
    }
}

fn lines() -> Vec<Line> {
    let rows = route_table().into_iter().flat_map(|rule| rows(&rule));
    rows.flat_map(|row| {
        let places = if row.about.has_id() { &Place::ALL[..] } else { &[Place::Core] };
        places.iter().map(move |place| Line { row: row.clone(), place: *place }).collect::<Vec<_>>()
    })
    .collect()
}

/// Asks as a caller for what is in a place.
pub async fn ask(world: &World, row: &Row, caller: &Caller, place: Place, goes_through: bool) -> Reply {
    let id = id_for(world, row, place, goes_through).await;
    let twin = match row.about {
        // A key that ends itself is not the one that other cells use.
        About::OwnKey if goes_through => Some(caller.twin(world, None).await),
        // A key for a project does not see the one that is only for this cell.
        About::Project if goes_through && row.leaves == Leaves::Changed => {
            Some(caller.twin(world, id.parse().ok()).await)
        }
        About::DeploymentProject if goes_through && row.leaves == Leaves::Changed => {
            Some(caller.twin(world, named_project(world, place, &id).await).await)
        }
        _ => None,
    };
    let request = request(world, twin.as_ref().unwrap_or(caller), row.rule.method, &row.path(&id));
    send(match row.content {
        Content::None => request,
        Content::Json(body) => request.json(&body(&id)),
        Content::Upload => request.multipart(upload(&id, 0)),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_every_caller_as_the_table_says() {
    let world = World::new().await;
    let callers = callers(&world).await;
    let lines = lines();
    let cells = (0..lines.len()).flat_map(|line| (0..callers.len()).map(move |column| Cell { line, column }));
    let cells: Vec<Cell> = cells
        .filter(|cell| lines[cell.line].place == Place::Core || callers[cell.column].asks == Asks::Everywhere)
        .collect();
    let answers = stream::iter(cells).map(|cell| {
        let (line, caller) = (&lines[cell.line], &callers[cell.column]);
        let world = &world;
        async move {
            let expected = expected(world, &line.row, caller, line.place);
            let reply = ask(world, &line.row, caller, line.place, expected == Answer::Through).await;
            (cell, expected, reply)
        }
    });
    let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    let mut table = BTreeMap::new();
    let mut differences = vec![];
    for (Cell { line, column }, expected, reply) in &answers {
        let answer = Answer::of(reply.status);
        table.insert((*line, *column), answer.map_or('X', Answer::symbol));
        // What was made to be deleted is deleted, unless somebody else was first: else it was not there to be refused.
        let is_done = lines[*line].row.rule.method != "DELETE" || matches!(reply.status, 200..300 | 409);
        if answer != Some(*expected) || (answer == Some(Answer::Through) && !is_done) {
            let (line, caller) = (lines[*line].label(), &callers[*column].name);
            let body: String = reply.body.chars().take(200).collect();
            differences
                .push(format!("{line} as {caller}: expected {expected:?}, got {} {body}", reply.status));
        }
    }
    differences.sort();
    let labels: Vec<String> = lines.iter().map(Line::label).collect();
    let names: Vec<&str> = callers.iter().map(|caller| caller.name.as_str()).collect();
    let text = print(&labels, &names, &table);
    report("access-matrix.txt", &text, answers.len(), &differences);
    nothing_is_harmed(&world).await;
}

/// Whoever was refused changed nothing: whatever all cells but those with a thing of their own asked for is there.
async fn nothing_is_harmed(world: &World) {
    world.shown().await;
    let views = &world.server.app.views;
    for things in Place::REAL.into_iter().filter_map(|place| world.things(place)) {
        let organization = things.scope.organization;
        assert_eq!(views.scope_of_project(things.project()).await.unwrap(), things.scope);
        assert_eq!(world.status_of(things).await, "COMPLETED", "{}", things.name);
        for key in [things.key, things.owned_key] {
            let row = views.key(key).await.unwrap().unwrap();
            assert!(row.revoked_at.is_none() && row.breadth == Breadth::ReadWrite, "{row:?}");
        }
        let member = views.member(organization, things.user).await.unwrap().unwrap();
        assert!(member.user.is_active, "{}", things.name);
        assert!(views.team(things.team).await.unwrap().is_some(), "{}", things.name);
        let invitation = views.invitation(things.invitation).await.unwrap().unwrap();
        assert_eq!(invitation.state, InvitationState::Open, "{}", things.name);
    }
}

/// The table as text: a line for each request, a column for each caller.
pub fn print(labels: &[String], names: &[&str], table: &BTreeMap<(usize, usize), char>) -> String {
    let mut text = String::from("+ goes through   1 401   3 403   4 404   X fault\n\n");
    for (number, name) in names.iter().enumerate() {
        writeln!(text, "{:>4} {name}", number + 1).unwrap();
    }
    let width = labels.iter().map(String::len).max().unwrap_or_default();
    for digit in [100, 10, 1] {
        let digits = (1..=names.len()).map(|number| number / digit % 10);
        let digits: String = digits.map(|digit| digit.to_string()).collect();
        write!(text, "\n{:width$} {digits}", "").unwrap();
    }
    text.push('\n');
    for (line, label) in labels.iter().enumerate() {
        let cells: String =
            (0..names.len()).map(|column| table.get(&(line, column)).copied().unwrap_or(' ')).collect();
        writeln!(text, "{label:width$} {cells}").unwrap();
    }
    text
}

/// Prints and keeps a table, and fails if anything in it is not as expected.
pub fn report(file: &str, table: &str, cells: usize, differences: &[String]) {
    let summary = format!("{cells} cells, {} differences\n", differences.len());
    let text = format!("{table}\n{summary}{}", differences.join("\n"));
    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join(file);
    std::fs::write(place, &text).unwrap();
    show(&text);
    assert!(differences.is_empty(), "{summary}");
}

/// Prints what a test is to show.
#[expect(clippy::print_stdout, reason = "the table is what these tests are for")]
pub fn show(text: &str) {
    println!("{text}");
}
