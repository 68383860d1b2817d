//! Work that takes too long for a thread that others wait for.

use crate::error::Fault;

/// The value of `work`, which a thread of its own does; `doing` says what it is, should that fail.
pub(crate) async fn on_thread<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::other(doing, error))
}
