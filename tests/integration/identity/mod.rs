//! Tokens of an OIDC issuer, with a real one beside us.

mod attacks;
mod gate;
pub mod issuer;
mod keys;
pub mod signer;

use chrono::Utc;
use masthead::{
    auth::jwt::{Identity, Issuers, Refused},
    config::IdentitySettings,
};
use tokio::task::JoinHandle;

/// Issuers that follow their keys for as long as the test runs.
struct Following {
    issuers: Issuers,
    following: JoinHandle<()>,
}

impl Following {
    fn start(settings: &IdentitySettings) -> Following {
        let issuers = Issuers::new(settings).expect("settings that can be used");
        let following = tokio::spawn(issuers.clone().run());
        Following { issuers, following }
    }

    /// Whom a token names that is shown now.
    async fn identify(&self, token: &str) -> Result<Option<Identity>, Refused> {
        self.issuers.identify(token, Utc::now()).await
    }

    /// The name of the person, of a token that must have the form of one.
    async fn person(&self, token: &str) -> Result<String, Refused> {
        Ok(self.identify(token).await?.expect("a token of an issuer").person)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.following.abort();
    }
}
