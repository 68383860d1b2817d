//! The HTML page: what it shows, and that nothing foreign gets into it.

use crate::sample::{empty, finding, full, place, write};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::finding::TriageState;
use domain::report::{Report, ReportFinding, ReportFormat::Html};
use domain::severity::Severity;
use scanledger_domain as domain;
use sha2::{Digest as _, Sha256};

fn page(findings: Vec<ReportFinding>) -> String {
    write(Html, &Report { findings, ..empty() })
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, after) = text.split_once(start).unwrap();
    after.split_once(end).unwrap().0
}

#[test]
fn the_policy_allows_the_one_style_sheet_and_nothing_else() {
    let page = write(Html, &full());
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let hash = BASE64_STANDARD.encode(Sha256::digest(between(&page, "<style>", "</style>")));
    // Escaping in the attribute does not matter to browsers.
    let policy = policy.replace("&#x27;", "'").replace("&#x2f;", "/").replace("&#39;", "'");
    assert_eq!(
        policy,
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
    );
    assert_eq!(page.matches("<style").count(), 1);
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = write(Html, &full());
    for forbidden in [
        "<script",
        "<link",
        "<img",
        "<iframe",
        "<object",
        "src=",
        "@import",
        "url(",
        " style=",
        "javascript:",
        " on",
    ] {
        let tags: String =
            page.split('<').skip(1).map(|tag| format!("<{}", tag.split('>').next().unwrap())).collect();
        assert!(!tags.to_lowercase().contains(forbidden), "{forbidden}");
    }
    let style = between(&page, "<style>", "</style>");
    assert!(!style.contains("url(") && !style.contains("@import"));
}

#[test]
fn foreign_text_stays_text_wherever_it_stands() {
    let evil = "</title></style></summary><script>alert(1)</script>\"'><b onclick=x>&amp;{{ 7*7 }}";
    let found = ReportFinding {
        rule: evil.to_owned(),
        title: evil.to_owned(),
        description: evil.to_owned(),
        note: Some(evil.to_owned()),
        cwe: Some(evil.to_owned()),
        cve: Some(evil.to_owned()),
        package: Some(evil.to_owned()),
        fixed_version: Some(evil.to_owned()),
        excerpt: Some(evil.to_owned()),
        places: vec![place(evil, Some(1), None), place(evil, None, None)],
        references: vec![evil.to_owned(), format!("https://example.com/{evil}")],
        ..finding("r")
    };
    let page = write(
        Html,
        &Report {
            project: evil.to_owned(),
            branch: Some(evil.to_owned()),
            commit: Some(evil.to_owned()),
            repository: Some(format!("https://example.com/{evil}")),
            findings: vec![found],
            ..empty()
        },
    );
    assert!(!page.contains("<script"), "a tag got through");
    assert!(!page.contains("<b onclick"), "a tag got through");
    assert!(!page.contains("49"), "a template got through");
    assert_eq!(page.matches("</title>").count(), 1);
    assert_eq!(page.matches("</style>").count(), 1);
    let (project, source, texts, places, references) = (2, 2, 9, 2, 2);
    let shown = project + source + texts + places + references;
    assert_eq!(page.matches("&lt;script&gt;").count(), shown);
}

#[test]
fn only_addresses_on_the_web_are_links() {
    let references =
        ["javascript:alert(1)", "https://example.com/a?b&c", "data:text/html,x", "file:///etc/passwd"];
    let page = page(vec![ReportFinding { references: references.map(str::to_owned).into(), ..finding("r") }]);
    assert_eq!(page.matches("href=").count(), 1);
    assert!(between(&page, "href=\"", "\"").starts_with("https:&#x2f;&#x2f;example.com&#x2f;a?b&amp;c"));
}

#[test]
fn findings_are_counted_by_severity_and_an_unknown_one_is_medium() {
    let of = |severity| ReportFinding { severity, ..finding("r") };
    let severities =
        [Severity::Critical, Severity::Medium, Severity::Unknown, Severity::Unknown, Severity::Info];
    let page = page(severities.map(of).into());
    for (class, count) in [("critical", 1), ("high", 0), ("medium", 3), ("low", 0), ("info", 1)] {
        assert!(page.contains(&format!("<li class=\"{class}\"><strong>{count}</strong>")), "{class}");
        assert_eq!(page.matches(&format!("class=\"badge {class}\"")).count(), count, "{class}");
    }
    let widths: Vec<u32> = page
        .match_indices(" width=\"")
        .map(|(at, found)| page[at + found.len()..].split('"').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(widths, [200, 600, 200]);
}

#[test]
fn the_summary_counts_what_is_new_set_aside_and_built_in() {
    let page = write(Html, &full());
    assert!(page.contains("3 findings, 1 new, 1 set aside by triage; 4 components."));
    let single = write(
        Html,
        &Report {
            components: full().components.drain(..1).collect(),
            findings: vec![finding("r")],
            ..empty()
        },
    );
    assert!(single.contains("1 finding, 0 new, 0 set aside by triage; 1 component."));
    assert!(write(Html, &empty()).contains("Nothing was found."));
}

#[test]
fn what_people_decided_is_shown_with_their_note() {
    for (state, word, aside) in [
        (TriageState::Untriaged, "Open", false),
        (TriageState::Investigating, "Investigating", false),
        (TriageState::Confirmed, "Confirmed", false),
        (TriageState::FalsePositive, "False positive", true),
        (TriageState::NotAffected, "Not affected", true),
        (TriageState::Accepted, "Accepted risk", true),
        (TriageState::Fixed, "Fixed", true),
    ] {
        let page = page(vec![ReportFinding { state, note: Some("as agreed".to_owned()), ..finding("r") }]);
        assert!(page.contains(&format!("<td>{word}</td>")), "{state}");
        assert!(page.contains("<dd>as agreed</dd>"), "{state}");
        assert_eq!(page.contains("<tr class=\"set-aside\">"), aside, "{state}");
    }
}

#[test]
fn the_repository_is_shown_without_its_password() {
    let page = write(Html, &full());
    assert!(page.contains("example.com&#x2f;shop.git"));
    assert!(!page.contains("ana:token") && !page.contains("token@"));
}
