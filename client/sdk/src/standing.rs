//! What a client believes while a stream of its stands: the network may go over to the next version
//! of the manifest meanwhile, and what comes then names that one.

use boop_channel::{JudgeError, Trust};

use crate::connection::{Connection, fetch_trust};
use crate::receipt::ReceiptError;
use crate::trust::ClientTrust;

/// What the client of a standing stream believes.
#[derive(Debug)]
pub(crate) struct StandingTrust {
    client: ClientTrust,
    address: String,
    trust: Trust,
}

impl StandingTrust {
    /// Begins with what the connection was judged by.
    pub(crate) fn of(client: &ClientTrust, address: &str, connection: &Connection) -> Self {
        Self {
            client: client.clone(),
            address: address.to_owned(),
            trust: connection.trust().clone(),
        }
    }

    /// Checks a receipt; if its evidence names a version that is not known here, asks for the
    /// newest, and checks once more.
    ///
    /// # Errors
    /// What the check says. That there is no newer version to be had changes nothing.
    pub(crate) async fn check<T>(
        &mut self,
        check: impl Fn(&Trust) -> Result<T, ReceiptError>,
    ) -> Result<T, ReceiptError> {
        let checked = check(&self.trust);
        let unknown = matches!(
            checked,
            Err(ReceiptError::Party {
                source: JudgeError::Manifest,
                ..
            })
        );
        if !unknown {
            return checked;
        }
        match fetch_trust(&self.client, &self.address).await {
            Ok(trust) => {
                self.trust = trust;
                check(&self.trust)
            }
            Err(_) => checked,
        }
    }
}
