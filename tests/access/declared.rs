//! What every route declares: written down once more, by hand, so that changing it is a decision of its own.
//!
//! Answers are held against what routes declare; this is what holds the declarations.

use scanledger_api::route_table;
use scanledger_api::routes::Access;
use std::collections::BTreeSet;

/// A line for each route: method, path and action, or `open`.
const DECLARED: &str = include_str!("declared.txt");

#[test]
fn every_route_declares_the_action_that_is_written_down_for_it() {
    let routes = route_table().into_iter().map(|rule| {
        let action = match rule.access {
            Access::Open => "open",
            Access::Needs(action) => action.as_str(),
        };
        format!("{} {} {action}", rule.method, rule.path)
    });
    let routes: BTreeSet<String> = routes.collect();
    let written: BTreeSet<String> = DECLARED.lines().map(str::to_owned).collect();
    let missing: Vec<&String> = routes.difference(&written).collect();
    let gone: Vec<&String> = written.difference(&routes).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not written down: {missing:#?}\nnot so: {gone:#?}");
    assert_eq!(written.len(), DECLARED.lines().count(), "each route once");
}
