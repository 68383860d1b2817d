//! Samples of what happens to checks.

use super::{ORGANIZATION, PROJECT, Sample, full, further, minimal, text};
use scanledger_domain::check::{
    Begun, BlockOn, CheckConfig, CheckEvent, CheckFailure, FailureKind, FixRequested, Fixed, Reported,
    Requested, ScanMode, Shown, SlotLeft, SlotTaken, Switch,
};
use scanledger_domain::code_host::{CheckConclusion, CommitSha, InstalledRepository};
use scanledger_domain::component::Ecosystem;
use scanledger_domain::event::Event;
use scanledger_domain::id::ScanId;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use uuid::Uuid;

const SCAN: ScanId = ScanId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0005));

fn commit() -> CommitSha {
    "0123456789abcdef0123456789abcdef01234567".parse().expect("a commit")
}

fn requested() -> Requested {
    Requested {
        scan: SCAN,
        organization: ORGANIZATION,
        at: InstalledRepository {
            installation: 42.try_into().expect("a number"),
            repository: "octo-org/widgets".parse().expect("a repository"),
        },
        reference: "feature/a".parse().expect("a branch"),
        commit: Some(commit()),
        pull_request: Some(7.try_into().expect("a number")),
        target: Some("feature/a".parse().expect("a branch")),
        key: None,
    }
}

fn begun() -> Begun {
    let config = CheckConfig {
        mode: ScanMode::Diff,
        ecosystems: vec![Ecosystem::Npm],
        exclude_paths: vec![text("**/test/**")],
        vulnerability: Switch::On,
        threshold: Severity::High,
        block_on: BlockOn::CriticalOnly,
        ignore_ids: vec![text("CVE-2020-28500")],
        reachability: Switch::Off,
    };
    Begun {
        scan: SCAN,
        project: PROJECT,
        branch: text("feature/a"),
        commit: commit(),
        config,
        changed: Some(vec![text("package-lock.json")]),
        warnings: vec![text("`colour` is not a known key and is left out")],
    }
}

pub fn samples() -> Vec<Sample> {
    let happened = |event: CheckEvent| full(Event::Check(event));
    let bare = |event: CheckEvent| minimal(Event::Check(event));
    let fixed =
        Fixed { scan: SCAN, pull_request: Some(8.try_into().expect("a number")), fixes: 2, problem: None };
    let failure = CheckFailure {
        scan: SCAN,
        code: FailureKind::HostRefused,
        message: text("the app is not installed on the repository"),
    };
    let installation = 42.try_into().expect("a number");
    let key = format!("chk_{}", "0123456789abcdef".repeat(2)).parse().expect("a key");
    vec![
        happened(requested().into()),
        further(Event::Check(Requested { key: Some(key), ..requested() }.into())),
        bare(Requested { commit: None, pull_request: None, target: None, ..requested() }.into()),
        happened(begun().into()),
        bare(Begun { config: CheckConfig::default(), changed: None, warnings: vec![], ..begun() }.into()),
        happened(Shown { scan: SCAN, check_run: 9.try_into().expect("a number") }.into()),
        happened(
            Reported {
                scan: SCAN,
                conclusion: CheckConclusion::Failure,
                vulnerabilities: 3,
                imported: 1,
                dependencies: 120,
            }
            .into(),
        ),
        happened(failure.into()),
        happened(FixRequested { scan: SCAN }.into()),
        happened(SlotTaken { scan: SCAN, installation, at: Timestamp(1_795_255_200_123_456) }.into()),
        happened(SlotLeft { scan: SCAN, installation }.into()),
        happened(fixed.clone().into()),
        bare(
            Fixed {
                pull_request: None,
                fixes: 0,
                problem: Some(text("there is nothing that can be mended")),
                ..fixed
            }
            .into(),
        ),
    ]
}
