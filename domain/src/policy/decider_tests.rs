//! What can happen to a policy, rule by rule.

use super::*;
use crate::decider::given;
use uuid::Uuid;

const ACME: OrganizationId = OrganizationId(Uuid::from_u128(1));

fn id(text: &str) -> RuleId {
    text.parse().unwrap()
}

fn added(rule: &str, definition: &str) -> PolicyEvent {
    RuleAdded {
        policy: policy_id(ACME, Product::Code),
        organization: ACME,
        product: Product::Code,
        rule: id(rule),
        origin: RuleOrigin::Custom,
        definition: definition.to_owned(),
    }
    .into()
}

fn removed(rule: &str) -> PolicyEvent {
    let policy = policy_id(ACME, Product::Code);
    RuleRemoved { policy, organization: ACME, product: Product::Code, rule: id(rule) }.into()
}

fn set(rule: &str, mode: Mode) -> PolicyEvent {
    let policy = policy_id(ACME, Product::Code);
    ModeSet { policy, organization: ACME, product: Product::Code, rule: id(rule), mode }.into()
}

fn add(rule: &str, definition: &str, is_starter: bool) -> PolicyCommand {
    let (rule, definition) = (id(rule), definition.to_owned());
    PolicyCommand::Add { organization: ACME, product: Product::Code, rule, definition, is_starter }
}

fn remove(rule: &str) -> PolicyCommand {
    PolicyCommand::Remove { organization: ACME, product: Product::Code, rule: id(rule) }
}

fn set_mode(rule: &str, mode: Mode, is_starter: bool) -> PolicyCommand {
    PolicyCommand::SetMode { organization: ACME, product: Product::Code, rule: id(rule), mode, is_starter }
}

#[test]
fn a_rule_is_added_once() {
    given::<Policy>([]).when(add("a", "{}", false)).then([added("a", "{}")]);
    given::<Policy>([added("a", "{}")]).when(add("a", "{}", false)).then_nothing();
}

#[test]
fn another_definition_takes_the_place_of_the_first() {
    let both = [added("a", "{}"), added("a", "{ }")];
    given::<Policy>(both[..1].to_vec()).when(add("a", "{ }", false)).then([both[1].clone()]);
    let state = both.iter().fold(Policy::initial(), Policy::evolve);
    assert_eq!((state.rules.len(), state.bytes), (1, 3));
}

#[test]
fn a_rule_that_comes_with_the_server_cannot_be_replaced() {
    given::<Policy>([]).when(add("a", "{}", true)).then_refused(PolicyRefusal::Starter(id("a")));
}

#[test]
fn a_rule_is_removed_with_what_was_decided_about_it() {
    given::<Policy>([added("a", "{}")]).when(remove("a")).then([removed("a")]);
    given::<Policy>([]).when(remove("a")).then_refused(PolicyRefusal::NotFound(id("a")));
    let gone = [added("a", "{}"), set("a", Mode::Block), removed("a")];
    let state = gone.iter().fold(Policy::initial(), Policy::evolve);
    assert_eq!(state, PolicyState::default());
    given::<Policy>(gone).when(remove("a")).then_refused(PolicyRefusal::NotFound(id("a")));
}

#[test]
fn every_rule_that_there_is_can_have_every_mode() {
    for &mode in Mode::ALL {
        given::<Policy>([added("a", "{}")]).when(set_mode("a", mode, false)).then([set("a", mode)]);
        given::<Policy>([]).when(set_mode("a", mode, true)).then([set("a", mode)]);
        given::<Policy>([set("a", mode)]).when(set_mode("a", mode, true)).then_nothing();
        given::<Policy>([]).when(set_mode("a", mode, false)).then_refused(PolicyRefusal::NotFound(id("a")));
    }
}

#[test]
fn a_policy_has_a_limit_of_rules() {
    let full: Vec<_> = (0..POLICY_RULES).map(|n| added(&format!("r{n}"), "{}")).collect();
    given::<Policy>(full[1..].to_vec()).when(add("one-more", "{}", false)).then([added("one-more", "{}")]);
    given::<Policy>(full.clone()).when(add("one-more", "{}", false)).then_refused(PolicyRefusal::TooMany);
    given::<Policy>(full).when(add("r0", "{ }", false)).then([added("r0", "{ }")]);
}

#[test]
fn a_policy_has_a_limit_of_bytes() {
    let half = "x".repeat(POLICY_BYTES / 2);
    given::<Policy>([added("a", &half)]).when(add("b", &half, false)).then([added("b", &half)]);
    given::<Policy>([added("a", &half)])
        .when(add("b", &format!("{half}x"), false))
        .then_refused(PolicyRefusal::TooLarge);
    let most = "x".repeat(POLICY_BYTES);
    given::<Policy>([added("a", &half)]).when(add("a", &most, false)).then([added("a", &most)]);
}
