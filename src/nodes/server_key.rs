//! The server's key, which another node may put a new one in the place of.

use scanledger_state::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often to look.
const PACE: Duration = Duration::from_secs(1);

/// Goes on with a new key as soon as it is in this node's key file, until `stopped`. Until then the node is not ready,
/// and its log says why.
pub async fn follow_server_key(state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let mut trouble = None;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(PACE) => (),
        }
        look(&state).await;
        let now = state.vault.trouble();
        match &now {
            Some(why) if trouble != now => {
                tracing::error!("what is personal can be neither read nor written on this node: {why}");
            }
            None if trouble.is_some() => tracing::info!("this node goes on with the present server key"),
            Some(_) | None => (),
        }
        trouble = now;
    }
}

async fn look(state: &Arc<State>) {
    let state = Arc::clone(state);
    // The vault remembers what is wrong with the key, and of an outage of the store others tell.
    drop(tokio::task::spawn_blocking(move || state.vault.keep_up()).await);
}
