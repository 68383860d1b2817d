//! The server's key, which another node may put a new one in the place of; and keys of a state that was put back.

use scanledger_projections::Views;
use scanledger_state::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often to look.
const PACE: Duration = Duration::from_secs(1);

/// Goes on with a new key as soon as it is in this node's key file, until `stopped`. Until then the node is not ready,
/// and its log says why. If the log lost its end, its database may have lost keys with it that are in memory here.
pub async fn follow_server_key(state: Arc<State>, views: Views, mut stopped: watch::Receiver<bool>) {
    let (mut trouble, mut history) = (None, views.shown().history);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(PACE) => (),
        }
        let before = std::mem::replace(&mut history, views.shown().history);
        if history != before || views.has_diverged() {
            state.vault.forget();
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
