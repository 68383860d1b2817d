//! Libraries of other languages: scripts in processes of their own, told what to do by lines.
//!
//! A script gets the URL of its database, the first of its streams and their number, how many connections it may
//! have, and the bytes of data and of metadata. It makes the streams and says `ready`. For each line `callers seconds`
//! it measures, and answers `appended again seconds`. It ends with its input.

use crate::contender::{Contender, Spell};
use crate::{CONNECTIONS, DATA_BYTES, METADATA_BYTES, Result, SPELL, STREAMS};
use futures::future::{BoxFuture, try_join_all};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub(crate) struct Scripted {
    name: String,
    processes: Vec<Process>,
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Scripted {
    /// Starts `processes` that share streams and connections, one after the other, because the first makes the
    /// tables.
    pub(crate) async fn start(
        name: &str,
        processes: usize,
        [program, script]: [&String; 2],
        url: &str,
    ) -> Result<Self> {
        if !(1..=CONNECTIONS).contains(&processes) {
            return Err(format!("{name} takes 1 to {CONNECTIONS} processes").into());
        }
        let share = STREAMS / processes;
        let mut started = Vec::with_capacity(processes);
        for number in 0..processes {
            let numbers = [number * share, share, CONNECTIONS / processes, DATA_BYTES, METADATA_BYTES]
                .map(|n| n.to_string());
            let mut command = Command::new(program);
            command.arg(script).arg(url).args(numbers);
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
            let input = child.stdin.take().ok_or("no way to the script")?;
            let output = child.stdout.take().ok_or("no way from the script")?;
            let mut process = Process { child, input, output: BufReader::new(output).lines() };
            let line = process.line().await?;
            if line != "ready" {
                return Err(format!("{script} said {line:?} before it was ready").into());
            }
            started.push(process);
        }
        let plural = if processes == 1 { "process" } else { "processes" };
        Ok(Self { name: format!("{name}, {processes} {plural}"), processes: started })
    }
}

impl Contender for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn measure(&mut self, callers: usize) -> BoxFuture<'_, Result<Spell>> {
        Box::pin(async move {
            let wanted = self.processes.len().min(callers);
            let processes = self.processes.iter_mut().take(wanted);
            let spells = try_join_all(processes.map(|process| process.measure(callers / wanted))).await?;
            Ok(spells.into_iter().fold(Spell::default(), |sum, spell| Spell {
                appended: sum.appended + spell.appended,
                again: sum.again + spell.again,
                seconds: sum.seconds.max(spell.seconds),
                commits: None,
            }))
        })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            for Process { mut child, input, .. } in self.processes {
                drop(input);
                child.wait().await?;
            }
            Ok(())
        })
    }
}

impl Process {
    async fn measure(&mut self, callers: usize) -> Result<Spell> {
        self.input.write_all(format!("{callers} {}\n", SPELL.as_secs()).as_bytes()).await?;
        self.input.flush().await?;
        let line = self.line().await?;
        let mut words = line.split(' ');
        let mut word = || words.next().ok_or("a script's answer is too short");
        let (appended, again, seconds) = (word()?.parse()?, word()?.parse()?, word()?.parse()?);
        Ok(Spell { appended, again, seconds, commits: None })
    }

    async fn line(&mut self) -> Result<String> {
        Ok(self.output.next_line().await?.ok_or("a script has ended too early")?)
    }
}
