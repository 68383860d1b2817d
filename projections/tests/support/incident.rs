//! Incidents in the small world, decided by the real decider.

use super::{ORGANIZATION, World, secret};
use scanledger_domain::branch::{Branch, RecordScan, SecretFacts, branch_id, branch_stream, observe};
use scanledger_domain::decider::Decider as _;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{FindingId, IncidentId, NoteId, ProjectId, ScanId, ShareId, TeamId, UserId};
use scanledger_domain::identity::{KeyHash, Visible};
use scanledger_domain::incident::{
    IgnoreReason, Incident, IncidentCommand, IncidentState, Opening, Sharing, Sighting, incident_stream,
};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::project::{Created, Gate, ProjectDetails, ProjectEvent, project_stream};
use scanledger_domain::scanning::{Detection, ScannerKind};
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use scanledger_projections::At;
use scanledger_projections::incident::{
    IncidentFilter, IncidentOrder, IncidentQuery, IncidentRef, IncidentRow,
};
use std::collections::HashMap;
use uuid::Uuid;

pub const BANK: ProjectId = ProjectId(Uuid::from_u128(0xba));
pub const CORE: TeamId = TeamId(Uuid::from_u128(0xc0));
pub const ANA: UserId = UserId(Uuid::from_u128(0xa1a));
pub const BEN: UserId = UserId(Uuid::from_u128(0xbe));

/// Where incidents stand.
#[derive(Default)]
pub struct Incidents(HashMap<IncidentId, IncidentState>);

/// The secret number `n`, as [`super::secret`] has it.
pub fn opening(n: u32, severity: Severity) -> Opening {
    let hex = |bytes: [u8; 4]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Opening {
        organization: ORGANIZATION,
        secret: SecretFacts {
            hash: hex(n.to_be_bytes()),
            leak_hash: hex(n.to_le_bytes()),
            masked: "ab**yz".to_owned(),
        },
        rule: "GENERIC_SECRET".to_owned(),
        severity,
        is_historical: false,
    }
}

/// The incident of the secret number `n`.
pub fn incident(n: u32) -> IncidentId {
    opening(n, Severity::Low).incident()
}

impl Incidents {
    /// Does what `command` asks of the incident of the secret number `n`.
    pub async fn ask(&mut self, world: &mut World, n: u32, command: IncidentCommand) -> Position {
        let state = self.0.entry(incident(n)).or_default();
        let events = Incident::decide(state, command).unwrap();
        *state = events.iter().fold(std::mem::take(state), Incident::evolve);
        world.append(incident_stream(incident(n)), &events).await
    }

    pub async fn open(&mut self, world: &mut World, n: u32) -> Position {
        self.ask(world, n, IncidentCommand::Open(opening(n, Severity::High))).await
    }

    /// Decides about the incident by looking at a finding.
    pub async fn decide(
        &mut self,
        world: &mut World,
        (n, finding): (u32, FindingId),
        to: TriageState,
        note: Option<&str>,
    ) -> Position {
        let note = note.map(str::to_owned);
        let of = opening(n, Severity::High);
        self.ask(world, n, IncidentCommand::Decide { of, finding, to, note }).await
    }
}

impl World {
    /// Makes a project.
    pub async fn project(&mut self, project: ProjectId, team: Option<TeamId>) {
        let details = ProjectDetails {
            name: format!("project {}", project.0.simple()),
            description: None,
            repo_url: None,
            default_branch: "main".to_owned(),
            dast_target_url: None,
        };
        let created = Created { project, organization: ORGANIZATION, team, details, gate: Gate::default() };
        self.append(project_stream(project), &[ProjectEvent::from(created)]).await;
    }

    /// A scan of a branch of any project that saw these secrets and nothing else.
    pub async fn saw(&mut self, project: ProjectId, branch: &str, secrets: Vec<Detection>) -> Position {
        self.commands += 1;
        let scan = ScanId(Uuid::from_u128(self.commands));
        let snapshot = self.views().inventory(project, branch).await.unwrap();
        let command = RecordScan {
            branch: branch_id(project, branch),
            organization: ORGANIZATION,
            project,
            name: branch.to_owned(),
            base: snapshot.base,
            scan,
            run: 1,
            coverage: vec![ScannerKind::Secrets].into(),
            observed: observe(project, secrets, &HashMap::new()),
            components: None,
            generation: None,
        };
        let events = Branch::decide(&snapshot.inventory, command).unwrap();
        self.append(branch_stream(branch_id(project, branch)), &events).await
    }
}

/// Everything that can happen to incidents, once or twice.
pub async fn everything(world: &mut World, project: ProjectId) {
    let mut incidents = Incidents::default();
    for n in 0..5 {
        incidents.open(world, n).await;
    }
    let ana = UserId(Uuid::from_u128(0xa1a));
    let note = NoteId(Uuid::from_u128(0x207e));
    let (by, text) = (Actor::User(ana), |text: &str| text.to_owned());
    let seen = |path: &str| Sighting { project, path: text(path), url: None, line: Some(1), end_line: None };
    let share = |n: u128| {
        IncidentCommand::Share(Sharing {
            share: ShareId(Uuid::from_u128(n)),
            token_hash: KeyHash(format!("{n:064x}")),
            expires_at: Some(Timestamp(9_000_000_000_000)),
            now: Timestamp(8_999_000_000_000),
        })
    };
    let steps = [
        (1, IncidentCommand::Assign(ana)),
        (1, IncidentCommand::Ignore { reason: IgnoreReason::TestCredential }),
        (2, IncidentCommand::Resolve { is_secret_revoked: true }),
        (2, IncidentCommand::Regress),
        (3, IncidentCommand::SetSeverity(Severity::Info)),
        (3, IncidentCommand::AddNote { note, by, text: text("rotated") }),
        (3, IncidentCommand::EditNote { note, by, text: text("rotated in May") }),
        (3, IncidentCommand::RemoveNote { note, by }),
        (3, share(1)),
        (3, share(2)),
        (3, IncidentCommand::Unshare),
        (4, IncidentCommand::Assign(ana)),
        (4, IncidentCommand::Unassign),
        (4, IncidentCommand::Resolve { is_secret_revoked: false }),
        (4, IncidentCommand::Occur { of: opening(4, Severity::Low), seen: seen("tests/key.pem") }),
        (4, IncidentCommand::Ignore { reason: IgnoreReason::Invalid }),
        (4, IncidentCommand::Reopen),
    ];
    for (n, command) in steps {
        incidents.ask(world, n, command).await;
    }
}

/// A secret in a file.
pub fn one(path: &str, n: u32) -> Vec<Detection> {
    vec![secret(path, n, Severity::High)]
}

/// Every incident as of a moment.
pub fn all(at: At) -> IncidentQuery {
    IncidentQuery {
        organization: ORGANIZATION,
        visible: Visible::All,
        at,
        filter: IncidentFilter::default(),
        order: IncidentOrder::default(),
        from: None,
        to: None,
        is_backward: false,
        limit: 100,
    }
}

/// Incidents on a page; the total says how many there are.
pub async fn rows(world: &World, query: IncidentQuery) -> Vec<IncidentRow> {
    let total = world.views().incident_total(IncidentQuery { from: None, ..query.clone() }).await.unwrap();
    let page = world.views().incidents(query.clone()).await.unwrap();
    if query.from.is_none() {
        assert_eq!(total, page.rows.len() as u64 + u64::from(page.has_more));
    }
    page.rows
}

/// The secrets of the incidents that a filter means, by number.
pub async fn filtered(world: &World, filter: IncidentFilter) -> Vec<u32> {
    numbers(&rows(world, IncidentQuery { filter, ..all(At::Now) }).await)
}

/// The secrets of incidents, by number.
pub fn numbers(rows: &[IncidentRow]) -> Vec<u32> {
    rows.iter().map(|row| u32::from_str_radix(&row.secret.hash, 16).unwrap()).collect()
}

/// The incident of the secret number `n`.
pub async fn row(world: &World, n: u32, at: At) -> IncidentRow {
    let named = IncidentRef::Id(incident(n));
    world.views().incident(ORGANIZATION, Visible::All, named, at).await.unwrap().unwrap()
}
