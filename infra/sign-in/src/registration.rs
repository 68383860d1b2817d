//! What a provider knows this server by.

use std::fmt;

/// The client that an administrator made at the provider. `Debug` does not show the secret.
#[derive(Clone)]
pub struct Registration {
    /// The client's id, which is public.
    pub client_id: String,
    /// What proves that it is this server.
    pub client_secret: String,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
