use super::samples::{ACME, ANA, BEN, BY_ANA, BY_BEN, LEAK, opened, opening, page, triaged};
use super::{
    Assigned, IgnoreReason, Incident, IncidentCommand as Ask, IncidentEvent, IncidentRefusal as No,
    NoteAdded, NoteEdited, NoteRemoved, Occurred, Regressed, SeveritySet, Shared, Sharing, Triaged,
    Unassigned, Unshared, incident_id, incident_stream,
};
use crate::decider::given;
use crate::finding::TriageState::{self, Accepted, FalsePositive, Fixed, NotAffected, Untriaged};
use crate::id::{IncidentId, NoteId, ShareId};
use crate::identity::KeyHash;
use crate::limits::{INCIDENT_NOTES, INCIDENT_SIGHTINGS, NOTE_CHARS, PATH_BYTES, SHARE_DAYS, URL_CHARS};
use crate::severity::Severity;
use crate::time::Timestamp;
use uuid::Uuid;

fn incident() -> IncidentId {
    opening().incident()
}

fn decide(to: TriageState, note: Option<&str>) -> Ask {
    Ask::Decide { of: opening(), finding: LEAK, to, note: note.map(str::to_owned) }
}

/// What a decision about a finding makes.
fn seen(from: TriageState, to: TriageState) -> Triaged {
    Triaged { finding: Some(LEAK), ..triaged(from, to) }
}

fn decided(to: TriageState) -> [IncidentEvent; 2] {
    [opened(), triaged(Untriaged, to).into()]
}

fn regressed() -> IncidentEvent {
    Regressed { incident: incident(), organization: ACME }.into()
}

fn assigned() -> IncidentEvent {
    Assigned { incident: incident(), organization: ACME, user: ANA }.into()
}

fn note(n: u128) -> NoteId {
    NoteId(Uuid::from_u128(n))
}

fn added(n: u128, text: &str) -> IncidentEvent {
    let text = text.to_owned();
    NoteAdded { incident: incident(), organization: ACME, note: note(n), by: BY_ANA, text }.into()
}

fn add(n: u128, text: &str) -> Ask {
    Ask::AddNote { note: note(n), by: BY_ANA, text: text.to_owned() }
}

fn occurred(path: &str) -> IncidentEvent {
    occurred_at(page(path))
}

fn occurred_at(seen: super::Sighting) -> IncidentEvent {
    Occurred {
        incident: incident(),
        organization: ACME,
        occurrence: seen.occurrence(incident()),
        project: seen.project,
        path: seen.path,
        url: seen.url,
        line: seen.line,
        end_line: seen.end_line,
    }
    .into()
}

fn occur(path: &str) -> Ask {
    Ask::Occur { of: opening(), seen: page(path) }
}

#[test]
fn a_secret_is_one_incident_of_its_organization() {
    assert_eq!(incident(), incident_id(ACME, &[0xab; 48]));
    let elsewhere = super::Opening { organization: Uuid::from_u128(9).into(), ..opening() };
    assert_ne!(elsewhere.incident(), incident());
    assert_eq!(incident_stream(incident()).as_str(), format!("incident-{}", incident()));
    given::<Incident>([]).when(Ask::Open(opening())).then([opened()]);
    given::<Incident>([opened()]).when(Ask::Open(opening())).then_nothing();
}

#[test]
fn a_decision_about_a_finding_begins_the_incident_if_need_be() {
    given::<Incident>([])
        .when(decide(FalsePositive, None))
        .then([opened(), seen(Untriaged, FalsePositive).into()]);
    given::<Incident>([]).when(decide(Untriaged, None)).then([opened()]);
    given::<Incident>([opened()])
        .when(decide(FalsePositive, None))
        .then([seen(Untriaged, FalsePositive).into()]);
}

#[test]
fn every_state_can_follow_every_other_and_says_why_it_is_ignored() {
    for from in TriageState::ALL {
        for to in TriageState::ALL.into_iter().filter(|&to| to != from) {
            given::<Incident>(decided(from)).when(decide(to, None)).then([seen(from, to).into()]);
            assert_eq!(seen(from, to).reason.map(IgnoreReason::state).unwrap_or(to), to);
        }
    }
}

#[test]
fn the_same_decision_again_is_no_event_and_another_note_is_one() {
    let noted = |note: Option<&str>| Triaged { note: note.map(str::to_owned), ..seen(Untriaged, Accepted) };
    let history = || [opened(), noted(Some("known")).into()];
    given::<Incident>(history()).when(decide(Accepted, None)).then_nothing();
    given::<Incident>(history()).when(decide(Accepted, Some("known"))).then_nothing();
    let again = Triaged { from: Accepted, ..noted(Some("until May")) };
    given::<Incident>(history()).when(decide(Accepted, Some("until May"))).then([again.into()]);
}

#[test]
fn a_note_on_a_decision_keeps_the_reason_that_somebody_gave() {
    let reason = Some(IgnoreReason::TestCredential);
    let ignored = Triaged { reason, ..triaged(Untriaged, Accepted) };
    let again = Triaged { reason, note: Some("in CI".to_owned()), ..seen(Accepted, Accepted) };
    given::<Incident>([opened(), ignored.into()]).when(decide(Accepted, Some("in CI"))).then([again.into()]);
}

#[test]
fn a_note_on_a_decision_has_a_limit() {
    let longest = "é".repeat(NOTE_CHARS);
    let with_note = Triaged { note: Some(longest.clone()), ..seen(Untriaged, Fixed) };
    given::<Incident>([opened()]).when(decide(Fixed, Some(&longest))).then([with_note.into()]);
    let longer = format!("{longest}x");
    given::<Incident>([opened()]).when(decide(Fixed, Some(&longer))).then_refused(No::NoteTooLong);
    given::<Incident>([]).when(decide(Fixed, Some(&longer))).then_refused(No::NoteTooLong);
}

#[test]
fn an_incident_is_ignored_for_a_reason_and_once_for_each() {
    for reason in IgnoreReason::ALL {
        let ignored = Triaged { reason: Some(reason), ..triaged(Untriaged, reason.state()) };
        given::<Incident>([opened()]).when(Ask::Ignore { reason }).then([ignored.clone().into()]);
        given::<Incident>([opened(), ignored.into()])
            .when(Ask::Ignore { reason })
            .then_refused(No::AlreadyIgnored);
    }
    let low_risk = Triaged { reason: Some(IgnoreReason::LowRisk), ..triaged(Untriaged, Accepted) };
    let test = Triaged { reason: Some(IgnoreReason::TestCredential), ..triaged(Accepted, Accepted) };
    given::<Incident>([opened(), low_risk.into()])
        .when(Ask::Ignore { reason: IgnoreReason::TestCredential })
        .then([test.into()]);
}

#[test]
fn an_incident_is_resolved_once() {
    for is_secret_revoked in [true, false] {
        let resolved = Triaged { is_secret_revoked: Some(is_secret_revoked), ..triaged(NotAffected, Fixed) };
        given::<Incident>(decided(NotAffected))
            .when(Ask::Resolve { is_secret_revoked })
            .then([resolved.into()]);
        given::<Incident>(decided(Fixed))
            .when(Ask::Resolve { is_secret_revoked })
            .then_refused(No::AlreadyResolved);
    }
}

#[test]
fn what_is_closed_can_be_reopened_and_what_is_open_cannot() {
    for state in TriageState::ALL {
        let asked = given::<Incident>(decided(state)).when(Ask::Reopen);
        match state {
            Fixed | FalsePositive | NotAffected | Accepted => asked.then([triaged(state, Untriaged).into()]),
            _ => asked.then_refused(No::AlreadyOpen),
        }
    }
}

#[test]
fn only_what_was_fixed_can_come_back() {
    for state in TriageState::ALL {
        let asked = given::<Incident>(decided(state)).when(Ask::Regress);
        if state == Fixed { asked.then([regressed()]) } else { asked.then_nothing() }
    }
    given::<Incident>([opened(), triaged(Untriaged, Fixed).into(), regressed()])
        .when(Ask::Regress)
        .then_nothing();
    given::<Incident>([opened(), triaged(Untriaged, Fixed).into(), regressed()])
        .when(Ask::Resolve { is_secret_revoked: false })
        .then([Triaged { is_secret_revoked: Some(false), ..triaged(Untriaged, Fixed) }.into()]);
}

#[test]
fn severity_is_what_people_say() {
    let low = SeveritySet { incident: incident(), organization: ACME, severity: Severity::Low };
    given::<Incident>([opened()]).when(Ask::SetSeverity(Severity::Low)).then([low.into()]);
    given::<Incident>([opened()]).when(Ask::SetSeverity(Severity::High)).then_nothing();
    given::<Incident>([opened(), low.into()]).when(Ask::SetSeverity(Severity::Low)).then_nothing();
}

#[test]
fn somebody_works_at_what_is_open_and_nobody_at_what_is_closed() {
    let ben = Assigned { incident: incident(), organization: ACME, user: BEN };
    given::<Incident>([opened()]).when(Ask::Assign(ANA)).then([assigned()]);
    given::<Incident>([opened(), assigned()]).when(Ask::Assign(ANA)).then_nothing();
    given::<Incident>([opened(), assigned()]).when(Ask::Assign(BEN)).then([ben.into()]);
    let nobody = Unassigned { incident: incident(), organization: ACME };
    given::<Incident>([opened(), assigned()]).when(Ask::Unassign).then([nobody.into()]);
    given::<Incident>([opened()]).when(Ask::Unassign).then_nothing();
    for state in [Fixed, Accepted] {
        given::<Incident>(decided(state)).when(Ask::Assign(ANA)).then_refused(No::Closed);
        given::<Incident>(decided(state)).when(Ask::Unassign).then_refused(No::Closed);
    }
}

#[test]
fn only_who_wrote_a_note_changes_it() {
    given::<Incident>([opened()]).when(add(1, "rotated")).then([added(1, "rotated")]);
    let edit = |n, by, text: &str| Ask::EditNote { note: note(n), by, text: text.to_owned() };
    let written = || [opened(), added(1, "rotated")];
    let edited =
        NoteEdited { incident: incident(), organization: ACME, note: note(1), text: "rotated in May".into() };
    given::<Incident>(written()).when(edit(1, BY_ANA, "rotated in May")).then([edited.into()]);
    given::<Incident>(written()).when(edit(1, BY_ANA, "rotated")).then_nothing();
    given::<Incident>(written()).when(edit(1, BY_BEN, "no")).then_refused(No::NotTheAuthor);
    given::<Incident>(written()).when(edit(2, BY_ANA, "no")).then_refused(No::NoteNotFound);
    let remove = |n, by| Ask::RemoveNote { note: note(n), by };
    let removed = NoteRemoved { incident: incident(), organization: ACME, note: note(1) };
    given::<Incident>(written()).when(remove(1, BY_ANA)).then([removed.into()]);
    given::<Incident>(written()).when(remove(1, BY_BEN)).then_refused(No::NotTheAuthor);
    given::<Incident>([opened(), added(1, "a"), removed.into()])
        .when(remove(1, BY_ANA))
        .then_refused(No::NoteNotFound);
}

#[test]
fn notes_have_limits() {
    let longest = "é".repeat(NOTE_CHARS);
    given::<Incident>([opened()]).when(add(1, &longest)).then([added(1, &longest)]);
    given::<Incident>([opened()]).when(add(1, &format!("{longest}x"))).then_refused(No::NoteTooLong);
    for empty in ["", " \n\t"] {
        given::<Incident>([opened()]).when(add(1, empty)).then_refused(No::NoteEmpty);
    }
    let full = |most: usize| {
        let notes = (0..most).map(|n| added(n as u128, "a"));
        given::<Incident>([opened()].into_iter().chain(notes))
    };
    full(INCIDENT_NOTES - 1).when(add(9_999, "a")).then([added(9_999, "a")]);
    full(INCIDENT_NOTES).when(add(9_999, "a")).then_refused(No::TooManyNotes);
}

#[test]
fn a_link_replaces_the_one_before_and_ends_in_the_future() {
    let now = Timestamp(1_000_000);
    let ask = |n: u128, expires_at: Option<Timestamp>| {
        Ask::Share(Sharing {
            share: ShareId(Uuid::from_u128(n)),
            token_hash: KeyHash::of("a link"),
            expires_at,
            now,
        })
    };
    let shared = |n: u128, expires_at: Option<Timestamp>| -> IncidentEvent {
        Shared {
            incident: incident(),
            organization: ACME,
            share: ShareId(Uuid::from_u128(n)),
            token_hash: KeyHash::of("a link"),
            expires_at,
        }
        .into()
    };
    let last = now.plus_seconds(SHARE_DAYS * 24 * 60 * 60);
    given::<Incident>([opened()]).when(ask(1, None)).then([shared(1, None)]);
    given::<Incident>([opened(), shared(1, None)]).when(ask(2, Some(last))).then([shared(2, Some(last))]);
    for bad in [now, Timestamp(0), Timestamp(last.0 + 1)] {
        given::<Incident>([opened()]).when(ask(1, Some(bad))).then_refused(No::BadExpiry);
    }
    let ended: IncidentEvent =
        Unshared { incident: incident(), organization: ACME, share: ShareId(Uuid::from_u128(2)) }.into();
    given::<Incident>([opened(), shared(1, None), shared(2, None)]).when(Ask::Unshare).then([ended.clone()]);
    given::<Incident>([opened(), shared(2, None), ended]).when(Ask::Unshare).then_nothing();
}

#[test]
fn a_place_that_is_on_no_branch_is_known_once() {
    given::<Incident>([]).when(occur("a.md")).then([opened(), occurred("a.md")]);
    given::<Incident>([opened(), occurred("a.md")]).when(occur("b.md")).then([occurred("b.md")]);
    let moved = super::Sighting { line: Some(90), end_line: None, ..page("a.md") };
    given::<Incident>([opened(), occurred("a.md")])
        .when(Ask::Occur { of: opening(), seen: moved })
        .then_nothing();
    let elsewhere = super::Sighting { url: None, ..page("a.md") };
    assert_ne!(elsewhere.occurrence(incident()), page("a.md").occurrence(incident()));
}

#[test]
fn a_place_has_no_credentials_in_its_address() {
    let at = |url: &str| super::Sighting { url: Some(url.to_owned()), ..page("a.md") };
    let told = at("https://ci:word@wiki.example.org/page?token=word");
    let ask = Ask::Occur { of: opening(), seen: told.clone() };
    given::<Incident>([opened()]).when(ask.clone()).then([occurred("a.md")]);
    given::<Incident>([opened(), occurred("a.md")]).when(ask.clone()).then_nothing();
    // As it was recorded before.
    given::<Incident>([opened(), occurred_at(told)]).when(ask).then_nothing();
}

#[test]
fn a_new_place_of_what_was_fixed_is_a_regression_and_an_old_one_is_not() {
    let fixed = |path: &str| [opened(), occurred(path), triaged(Untriaged, Fixed).into()];
    given::<Incident>(fixed("a.md")).when(occur("b.md")).then([occurred("b.md"), regressed()]);
    given::<Incident>(fixed("a.md")).when(occur("a.md")).then_nothing();
    given::<Incident>(decided(Accepted)).when(occur("b.md")).then([occurred("b.md")]);
}

#[test]
fn a_file_that_was_seen_in_another_commit_or_copy_is_no_regression_and_one_of_its_name_is() {
    let fixed = |path: &str| [opened(), occurred(path), triaged(Untriaged, Fixed).into()];
    for (seen, again) in [
        ("commit://0a1b/src/a.js", "src/a.js"),
        ("src/a.js", "/builds/7/shop/src/a.js"),
        ("src/a.js", "commit://2c3d/src/b.js"),
    ] {
        given::<Incident>(fixed(seen)).when(occur(again)).then([occurred(again)]);
    }
    for (seen, again) in [
        ("/builds/7/shop/.env", "/builds/7/shop/backend/.env"),
        ("src/a.js", "/builds/7/shop/lib/a.js"),
        ("/home/ana/shop/src/a.js", "/builds/7/shop/src/a.js"),
    ] {
        given::<Incident>(fixed(seen)).when(occur(again)).then([occurred(again), regressed()]);
    }
    let elsewhere = super::Sighting { project: Uuid::from_u128(9).into(), ..page("a.md") };
    let asked = Ask::Occur { of: opening(), seen: elsewhere.clone() };
    given::<Incident>(fixed("a.md")).when(asked).then([occurred_at(elsewhere), regressed()]);
}

#[test]
fn places_have_limits_and_what_is_beyond_them_is_left_out() {
    let asked = |path: usize, url: usize| Ask::Occur {
        of: opening(),
        seen: super::Sighting { path: "p".repeat(path), url: Some("é".repeat(url)), ..page("") },
    };
    let url = |ask: Ask| {
        let events =
            <Incident as crate::decider::Decider>::decide(&super::IncidentState::Missing, ask).unwrap();
        let [IncidentEvent::Opened(_), IncidentEvent::Occurred(occurred)] = &events[..] else {
            panic!("{events:?}")
        };
        occurred.url.as_ref().map(|url| url.chars().count())
    };
    given::<Incident>([opened()]).when(asked(PATH_BYTES + 1, 1)).then_refused(No::PathTooLong);
    assert_eq!(url(asked(PATH_BYTES, URL_CHARS)), Some(URL_CHARS));
    assert_eq!(url(asked(1, URL_CHARS + 1)), None);
    let full = |most: usize| {
        let places = (0..most).map(|n| occurred(&format!("{n}.md")));
        given::<Incident>([opened()].into_iter().chain(places))
    };
    full(INCIDENT_SIGHTINGS - 1).when(occur("new.md")).then([occurred("new.md")]);
    full(INCIDENT_SIGHTINGS).when(occur("0.md")).then_nothing();
    full(INCIDENT_SIGHTINGS).when(occur("new.md")).then_nothing();
}

#[test]
fn nothing_can_be_done_to_what_there_is_not() {
    let asked = [
        Ask::Ignore { reason: IgnoreReason::LowRisk },
        Ask::Resolve { is_secret_revoked: true },
        Ask::Reopen,
        Ask::Regress,
        Ask::SetSeverity(Severity::Low),
        Ask::Assign(ANA),
        Ask::Unassign,
        add(1, "a"),
        Ask::Unshare,
    ];
    for ask in asked {
        given::<Incident>([]).when(ask).then_refused(No::NotFound);
    }
}
