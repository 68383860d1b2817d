//! The open-source Semgrep engine as a program beside the server. It is asked whether it can read rules before any client
//! has to: one rule that does not parse fails every scan.
//!
//! The program is run on an empty folder, with an empty home and with none of the server's environment, so that it finds
//! no token; it is told to report to nobody. Nothing takes the network from it. A whole set of rules costs one run,
//! about three seconds, most of which is the program's start, and much memory: one runs at a time.

use rustix::process::{Pid, Signal, kill_process_group};
use scanledger_commands::ports::RuleChecker;
use scanledger_domain::{BoxFuture, Cause};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

/// How long the engine may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of its answer that are read.
const ANSWER_BYTES: u64 = 4 * 1024 * 1024;
/// Characters of what it says about a rule that are passed on.
const MESSAGE_CHARS: usize = 1_000;
/// What the engine ends with when a pattern does not parse, and when a rule is not one.
const BAD_RULES: [i32; 2] = [2, 7];

/// An engine that can be run.
#[derive(Debug, Clone)]
pub struct SemgrepEngine {
    program: PathBuf,
    patience: Duration,
    turn: Arc<Semaphore>,
}

/// Why the engine did not answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A folder or file for it could not be made.
    #[error("the rules could not be written for the engine")]
    Write(#[source] std::io::Error),
    /// It could not be started or read.
    #[error("the engine could not be run")]
    Run(#[source] std::io::Error),
    /// It took longer than it may.
    #[error("the engine did not answer within {} seconds", PATIENCE.as_secs())]
    TooSlow,
    /// It ended in a way that says nothing about the rules.
    #[error("the engine ended with {code:?} and said nothing about the rules")]
    Failed {
        /// Its exit code; none if it was killed.
        code: Option<i32>,
    },
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<Value>,
}

impl SemgrepEngine {
    /// The engine whose program is at `program`: an absolute path, or a name on the `PATH`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), patience: PATIENCE, turn: Arc::new(Semaphore::new(1)) }
    }

    /// What the engine says about `rules`; `None` if it can read them all. Waits while another one runs.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn read(&self, rules: Vec<Value>) -> Result<Option<String>, EngineError> {
        let _turn = self.turn.acquire().await.expect("nobody closes it");
        let folder = tempfile::tempdir().map_err(EngineError::Write)?;
        let (home, nothing) = (folder.path().join("home"), folder.path().join("nothing"));
        let config = folder.path().join("rules.json");
        for empty in [&home, &nothing] {
            tokio::fs::create_dir(empty).await.map_err(EngineError::Write)?;
        }
        let text = json!({ "rules": rules }).to_string();
        tokio::fs::write(&config, text).await.map_err(EngineError::Write)?;
        let mut command = Command::new(&self.program);
        command
            .args([
                "scan",
                "--json",
                "--quiet",
                "--metrics",
                "off",
                "--disable-version-check",
                "--no-git-ignore",
            ])
            .arg("--config")
            .arg(&config)
            .arg(&nothing)
            .current_dir(folder.path())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs([
                ("LANG", "C.UTF-8"),
                ("SEMGREP_SEND_METRICS", "off"),
                ("SEMGREP_ENABLE_VERSION_CHECK", "0"),
            ])
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", &home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        let ended = tokio::time::timeout(self.patience, run(command)).await;
        let (code, answer) = ended.map_err(|_| EngineError::TooSlow)?.map_err(EngineError::Run)?;
        match code {
            Some(0) => Ok(None),
            Some(code) if BAD_RULES.contains(&code) => Ok(Some(said(&answer))),
            code => Err(EngineError::Failed { code }),
        }
    }
}

/// A program that runs, with everything that it started.
struct Running(Child);

impl Drop for Running {
    /// The program is a small one that starts the engine proper, which would otherwise go on without it.
    fn drop(&mut self) {
        // Once it was waited for there is no id, and another group may have it.
        let leader = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(leader) = leader
            && let Err(error) = kill_process_group(leader, Signal::KILL)
        {
            tracing::warn!(%error, "the engine could not be ended");
        }
    }
}

async fn run(mut command: Command) -> std::io::Result<(Option<i32>, Vec<u8>)> {
    let mut running = Running(command.spawn()?);
    let mut answer = Vec::new();
    if let Some(output) = running.0.stdout.take() {
        output.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    }
    Ok((running.0.wait().await?.code(), answer))
}

/// What is wrong, in the engine's words and without the places of our files.
fn said(answer: &[u8]) -> String {
    let errors = serde_json::from_slice::<Answer>(answer).map(|answer| answer.errors).unwrap_or_default();
    let text = |error: &Value| {
        let says = ["short_msg", "message", "long_msg"].into_iter().find_map(|field| error[field].as_str());
        let kind = error["type"].as_str().or_else(|| error["type"][0].as_str());
        says.or(kind).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let first = errors.iter().find_map(text).unwrap_or_else(|| "it is no rule".to_owned());
    first.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect()
}

impl RuleChecker for SemgrepEngine {
    fn check(&self, rules: Vec<Value>) -> BoxFuture<'_, Result<Option<String>, Cause>> {
        Box::pin(async move { Ok(self.read(rules).await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::{EngineError, SemgrepEngine, said};
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::time::Duration;

    /// A program that answers and ends like an engine.
    fn engine(folder: &Path, script: &str) -> SemgrepEngine {
        let program = folder.join("engine");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        SemgrepEngine::new(program)
    }

    #[tokio::test]
    async fn the_exit_code_says_whether_rules_are_good() {
        let folder = tempfile::tempdir().unwrap();
        let good = engine(folder.path(), "exit 0").read(vec![]).await.unwrap();
        assert_eq!(good, None);
        let says = r#"printf '%s' '{"errors":[{"type":"Rule parse error","message":"Invalid pattern for Python:\nmore"}]}'; exit 2"#;
        let bad = engine(folder.path(), says).read(vec![]).await.unwrap();
        assert_eq!(bad.as_deref(), Some("Invalid pattern for Python: more"));
        let failed = engine(folder.path(), "exit 1").read(vec![]).await;
        assert!(matches!(failed, Err(EngineError::Failed { code: Some(1) })), "{failed:?}");
        let absent = SemgrepEngine::new(folder.path().join("nobody")).read(vec![]).await;
        assert!(matches!(absent, Err(EngineError::Run(_))), "{absent:?}");
    }

    #[tokio::test]
    async fn the_engine_gets_the_rules_and_nothing_of_the_server() {
        let folder = tempfile::tempdir().unwrap();
        // It ends well only if the rules are where it is told, and its home is empty and not that of the server.
        let script = r#"for last; do :; done
test -z "$(ls -A "$last")" && test -z "$(ls -A "$HOME")" && grep -q '"id":"a"' rules.json && test -z "$CARGO" || exit 1"#;
        let read = engine(folder.path(), script).read(vec![json!({ "id": "a" })]).await.unwrap();
        assert_eq!(read, None);
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_with_everything_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("went-on");
        let script = format!("(sleep 1; touch {}) & wait", marker.display());
        let engine = SemgrepEngine { patience: Duration::from_millis(300), ..engine(folder.path(), &script) };
        let slow = engine.read(vec![]).await;
        assert!(matches!(slow, Err(EngineError::TooSlow)), "{slow:?}");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(!marker.exists());
    }

    #[tokio::test]
    async fn one_engine_runs_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let alone = folder.path().join("alone");
        let alone = alone.display();
        let engine = engine(folder.path(), &format!("mkdir {alone} && sleep 0.2 && rmdir {alone}"));
        let other = engine.clone();
        let both = tokio::join!(engine.read(vec![]), other.read(vec![]));
        assert!(matches!(both, (Ok(None), Ok(None))), "{both:?}");
    }

    #[test]
    fn an_answer_that_says_nothing_is_named_too() {
        assert_eq!(said(b""), "it is no rule");
        assert_eq!(said(br#"{"errors":[{"type":["InvalidRuleSchemaError",[]]}]}"#), "InvalidRuleSchemaError");
    }
}
