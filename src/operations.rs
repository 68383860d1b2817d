//! What the shell asks of an open data folder, whether this process or a running server has it.

mod erasing;
mod key;
mod people;
mod rotation;

pub use erasing::Forgotten;
pub use key::KeyWanted;
pub use people::{Person, PersonChange, Standing, Who};

use crate::backup::{BackedUp, Wanted};
use crate::server::Engine;
use anyhow::{Context, Result};
use scanledger_advisories::ImportReport;
use scanledger_commands::Context as CommandContext;
use scanledger_commands::identity::SetUp;
use scanledger_commands::proof::SignError;
use scanledger_domain::id::{CommandId, Ids, UserId};
use scanledger_domain::log::{Actor, Position};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// A password on its way; shown nowhere.
#[derive(Clone, Serialize, Deserialize)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// A request of the shell.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Operation {
    /// Make the first organization, its administrator and a key.
    SetUp {
        /// The organization's name.
        organization: String,
        /// The administrator's name.
        name: String,
        /// The administrator's e-mail address.
        email: String,
        /// The administrator's password, if they are to have one.
        password: Option<Password>,
    },
    /// Import advisories from zips, folders or files.
    ImportAdvisories {
        /// Absolute paths.
        sources: Vec<PathBuf>,
    },
    /// Build the read models anew and swap.
    Rebuild,
    /// Say which read models the server serves.
    Revision,
    /// Sign what the log holds now.
    SignCheckpoint,
    /// Issue an API key.
    CreateKey(KeyWanted),
    /// Put the keys of the installation under a new server key.
    RotateKey,
    /// Say who there is.
    ListPeople,
    /// Make somebody something else to the installation.
    ChangePerson {
        /// Who.
        who: Who,
        /// What becomes of them.
        change: PersonChange,
    },
    /// Give somebody another password; their sessions are over then.
    SetPassword {
        /// Who.
        who: Who,
        /// The password.
        password: Password,
    },
    /// Forget somebody.
    ErasePerson(Forgotten),
    /// Write a backup.
    BackUp(Wanted),
}

/// How far an operation is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Progress {
    /// What is being worked on.
    pub what: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, as far as is known.
    pub total: Option<u64>,
}

/// What came of an operation. Some outcomes hold tokens, so it cannot be printed for debugging.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was set up.
    SetUp(Made),
    /// Advisories were imported.
    Imported(ImportSummary),
    /// Read models were built.
    Rebuilt {
        /// The position they reached.
        position: u64,
        /// Events applied.
        events: u64,
        /// Seconds it took.
        seconds: f64,
    },
    /// The read models that are served.
    Revision {
        /// As in the names of their files.
        revision: String,
    },
    /// A checkpoint was signed, or there was no news since the last one.
    Checkpoint {
        /// The signed note.
        note: String,
    },
    /// Nothing was signed, because the log contradicts what was.
    NotSigned {
        /// What contradicts what.
        why: String,
    },
    /// A key was issued.
    KeyCreated {
        /// Its id.
        id: String,
        /// The token; shown once.
        token: String,
        /// Its first characters.
        prefix: String,
    },
    /// The server has a new key.
    KeyRotated {
        /// Its file.
        file: PathBuf,
        /// Whether other nodes need a copy of it.
        is_shared: bool,
    },
    /// Who there is, eldest first.
    People {
        /// They.
        people: Vec<Person>,
    },
    /// A person is now what they were to become.
    PersonChanged {
        /// Who.
        id: UserId,
        /// Position of the last event; none if it was so already.
        position: Option<u64>,
    },
    /// Somebody was forgotten.
    PersonErased {
        /// Under which id.
        user: UserId,
        /// Position up to which the read models were built without them.
        position: u64,
    },
    /// A backup was written.
    BackedUp(BackedUp),
}

/// What a new installation needs to know.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// The organization's id.
    pub organization_id: String,
    /// The administrator's id.
    pub user_id: String,
    /// The first key; shown once.
    pub api_key: String,
}

/// What an import did.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportSummary {
    /// The generation in force now.
    pub generation: u64,
    /// Each source.
    pub files: Vec<ImportedSource>,
}

/// What one source held.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedSource {
    /// Its path.
    pub path: String,
    /// The ecosystems its records are about.
    pub ecosystems: Vec<String>,
    /// Records in it.
    pub records: u64,
    /// Records that were not there before.
    pub added: u64,
    /// Records that replaced others.
    pub changed: u64,
    /// Records that are withdrawn.
    pub withdrawn: u64,
    /// Records that were there just so, or in a later version.
    pub unchanged: u64,
    /// Records about no ecosystem that is known here.
    pub skipped: u64,
    /// Records that could not be read.
    pub broken: u64,
    /// Why records were left out, for the first of them.
    pub problems: Vec<String>,
}

/// Is told how far an operation is; may be called from any thread.
pub type Tell = Arc<dyn Fn(Progress) + Send + Sync>;

/// Does what the shell asks.
///
/// # Errors
/// When it cannot be done; the message is for the person at the shell.
pub async fn perform(engine: &Engine, operation: Operation, tell: Tell) -> Result<Outcome> {
    match operation {
        Operation::SetUp { organization, name, email, password } => {
            let password = password.map(|password| password.0);
            let request = SetUp { organization, name, email, password, key_name: "setup".to_owned() };
            set_up(engine, request).await.map(Outcome::SetUp)
        }
        Operation::ImportAdvisories { sources } => import(engine, sources, tell).await.map(Outcome::Imported),
        Operation::Rebuild => rebuild(engine, tell).await,
        Operation::Revision => {
            Ok(Outcome::Revision { revision: scanledger_projections::store::revision().to_owned() })
        }
        Operation::SignCheckpoint => sign(engine).await,
        Operation::CreateKey(wanted) => key::create(engine, wanted).await,
        Operation::RotateKey => rotation::rotate(engine).await,
        Operation::ListPeople => people::list(engine).await,
        Operation::ChangePerson { who, change } => people::change(engine, &who, change).await,
        Operation::SetPassword { who, password } => people::set_password(engine, &who, &password).await,
        Operation::ErasePerson(who) => erasing::erase(engine, who, tell).await,
        Operation::BackUp(wanted) => {
            crate::backup::create(engine, wanted, &tell).await.map(Outcome::BackedUp)
        }
    }
}

fn context() -> CommandContext {
    CommandContext::new(CommandId(crate::adapters::TimeOrderedIds.fresh()), Actor::Operator, None)
}

async fn set_up(engine: &Engine, request: SetUp) -> Result<Made> {
    let done = engine.identities.set_up(&context(), request).await.context("while setting up")?;
    Ok(Made {
        organization_id: done.organization.to_string(),
        user_id: done.user.to_string(),
        api_key: done.key.token.reveal().to_owned(),
    })
}

async fn import(engine: &Engine, sources: Vec<PathBuf>, tell: Tell) -> Result<ImportSummary> {
    let report = crate::nodes::import_advisories(engine, &context(), sources, tell).await?;
    Ok(summary(&report))
}

fn summary(report: &ImportReport) -> ImportSummary {
    let files = report.files.iter().map(|file| ImportedSource {
        path: file.path.display().to_string(),
        ecosystems: file.ecosystems.iter().map(ToString::to_string).collect(),
        records: file.records,
        added: file.added,
        changed: file.changed,
        withdrawn: file.withdrawn,
        unchanged: file.unchanged + file.older,
        skipped: file.skipped,
        broken: file.broken,
        problems: file
            .problems
            .iter()
            .map(|problem| format!("{}: {}", problem.file, problem.reason))
            .collect(),
    });
    ImportSummary { generation: report.generation.0, files: files.collect() }
}

async fn rebuild(engine: &Engine, tell: Tell) -> Result<Outcome> {
    let began = std::time::Instant::now();
    let progress = move |done: Position, head: Position| {
        tell(Progress { what: "events".to_owned(), done: done.0, total: Some(head.0) });
    };
    let position =
        engine.projector.rebuild(Arc::new(progress)).await.context("while building the read models")?;
    Ok(Outcome::Rebuilt { position: position.0, events: position.0, seconds: began.elapsed().as_secs_f64() })
}

async fn sign(engine: &Engine) -> Result<Outcome> {
    match engine.proofs.sign().await {
        Ok(kept) => Ok(Outcome::Checkpoint { note: kept.signed.note.to_string() }),
        Err(error @ SignError::Contradicted(_)) => {
            Ok(Outcome::NotSigned { why: format!("{:#}", anyhow::Error::from(error)) })
        }
        Err(error) => Err(error).context("while signing a checkpoint"),
    }
}
