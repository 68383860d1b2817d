//! Samples of what happens to policies.

use super::{ORGANIZATION, Sample, full, text};
use scanledger_domain::event::Event;
use scanledger_domain::policy::{
    Mode, ModeSet, PolicyEvent, Product, RuleAdded, RuleId, RuleOrigin, RuleRemoved, policy_id,
};

fn rule() -> RuleId {
    "acme.python.no-eval".parse().expect("an id")
}

pub fn samples() -> Vec<Sample> {
    let (organization, product) = (ORGANIZATION, Product::Code);
    let policy = policy_id(organization, product);
    let definition = text(
        r#"{"id":"acme.python.no-eval","languages":["python"],"message":"No eval.","pattern":"eval($X)","severity":"ERROR"}"#,
    );
    let added =
        RuleAdded { policy, organization, product, rule: rule(), origin: RuleOrigin::Custom, definition };
    let happened = |event: PolicyEvent| full(Event::Policy(event));
    vec![
        happened(added.into()),
        happened(RuleRemoved { policy, organization, product, rule: rule() }.into()),
        happened(ModeSet { policy, organization, product, rule: rule(), mode: Mode::Block }.into()),
    ]
}
