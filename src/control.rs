//! The socket on which a running server takes operations of the same machine: one JSON line in, progress and
//! one result out. Only the user whose server it is can connect, because the data folder is theirs alone.

use crate::operations::{Operation, Outcome, Progress, perform};
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Bytes of a request; an operation is far smaller.
const REQUEST_BYTES: u64 = 1024 * 1024;
/// Bytes of a socket's path that every system takes.
const SOCKET_BYTES: usize = 100;
/// How long a server may take from the lock to the socket.
const STARTING: Duration = Duration::from_secs(5);
/// How long to wait before trying again.
const AGAIN: Duration = Duration::from_millis(50);

/// A line from the server.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Progress(Progress),
    Outcome(Outcome),
    Failed(String),
}

/// Listens on the folder's socket until `stopped`.
///
/// # Errors
/// When the socket cannot be made.
pub fn listen(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) -> Result<JoinHandle<()>> {
    let path = engine.folder.socket();
    // The lock is ours, so a socket that is there belongs to a server that is gone.
    drop(std::fs::remove_file(&path));
    let listener = {
        let short = Short::of(&path)?;
        UnixListener::bind(&short.path)
            .with_context(|| format!("while making the control socket {}", path.display()))?
    };
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))
        .context("while closing the control socket to others")?;
    Ok(tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                accepted = listener.accept() => accepted,
            };
            if let Ok((stream, _)) = accepted {
                let engine = Arc::clone(&engine);
                tokio::spawn(async move {
                    if let Err(error) = answer(&engine, stream).await {
                        tracing::warn!("a command on the control socket was cut off: {error:#}");
                    }
                });
            }
        }
        drop(std::fs::remove_file(&path));
    }))
}

async fn answer(engine: &Engine, stream: UnixStream) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut request = String::new();
    BufReader::new(read.take(REQUEST_BYTES)).read_line(&mut request).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let work = async {
        let operation = serde_json::from_str::<Operation>(&request).context("while reading the request")?;
        let tell = tell;
        perform(engine, operation, Arc::new(move |progress| drop(tell.send(progress)))).await
    };
    let report = async {
        while let Some(progress) = told.recv().await {
            send(&mut write, &Line::Progress(progress)).await?;
        }
        anyhow::Ok(write)
    };
    let (outcome, write) = tokio::join!(work, report);
    let line = match outcome {
        Ok(outcome) => Line::Outcome(outcome),
        Err(error) => Line::Failed(format!("{error:#}")),
    };
    send(&mut write?, &line).await
}

async fn send(write: &mut (impl AsyncWriteExt + Unpin), line: &Line) -> Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    write.write_all(&text).await?;
    Ok(())
}

/// A way to a socket that fits into the 108 bytes that the system takes for one.
struct Short {
    path: PathBuf,
    _folder: Option<File>,
}

impl Short {
    fn of(socket: &Path) -> Result<Self> {
        let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
            bail!("{} is no path of a socket", socket.display());
        };
        if socket.as_os_str().len() <= SOCKET_BYTES || !cfg!(target_os = "linux") {
            return Ok(Self { path: socket.to_owned(), _folder: None });
        }
        let folder = File::open(folder).with_context(|| format!("while opening {}", folder.display()))?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

/// Waits a little for a server that has the folder but is still starting.
async fn connect(socket: &Path) -> Result<UnixStream> {
    let give_up = tokio::time::Instant::now() + STARTING;
    loop {
        let tried = UnixStream::connect(&Short::of(socket)?.path).await;
        let is_starting = |error: &std::io::Error| {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
        };
        match tried {
            Err(error) if is_starting(&error) && tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(AGAIN).await;
            }
            tried => return Ok(tried?),
        }
    }
}

/// Asks the server that has the folder of `socket` to do something.
///
/// # Errors
/// When no server listens, or the operation fails there.
pub async fn ask(
    socket: &Path,
    operation: &Operation,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Outcome> {
    let stream = connect(socket).await.with_context(|| {
        format!("the data folder is in use, but no server answers on its control socket {}", socket.display())
    })?;
    let (read, mut write) = stream.into_split();
    let mut request = serde_json::to_vec(operation)?;
    request.push(b'\n');
    write.write_all(&request).await?;
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line).context("while reading the server's answer")? {
            Line::Progress(progress) => tell(progress),
            Line::Outcome(outcome) => return Ok(outcome),
            Line::Failed(message) => bail!(message),
        }
    }
    bail!("the server ended before the command was done")
}
