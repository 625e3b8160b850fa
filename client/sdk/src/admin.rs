//! What an administrator does: vendors, scanners, credits and balances.

use boop_wire::UserId;
use boop_wire::api::{
    BalanceResponse, CreditRequest, ScannerRequest, ScannerResponse, VendorRequest, VendorResponse,
};
use boop_wire::id::{RequestId, TerminalId, VendorId};
use boop_wire::ledger::Currency;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::connection::{ConnectError, Connection};
use crate::http::RequestError;
use crate::platform::{NoRandomness, random};
use crate::trust::ClientTrust;

/// Why an administrator's request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// There is no attested connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The gateway did not do it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// A connection with an administrator's token. It is opened again if the gateway closed it.
pub struct AdminClient {
    trust: ClientTrust,
    address: String,
    token: Zeroizing<String>,
    connection: Connection,
}

impl AdminClient {
    /// Connects to a gateway; the token goes to a gateway that has proved itself, and no other.
    ///
    /// # Errors
    /// If there is no attested connection.
    pub async fn connect(
        trust: &ClientTrust,
        address: &str,
        token: &str,
    ) -> Result<Self, AdminError> {
        let connection = Connection::open(trust, address).await?;
        Ok(Self {
            trust: trust.clone(),
            address: address.into(),
            token: Zeroizing::new(token.into()),
            connection: connection.with_token(token),
        })
    }

    /// Makes a vendor; the answer shows its key this once.
    ///
    /// # Errors
    /// If the gateway does not do it.
    pub async fn create_vendor(&mut self, name: &str) -> Result<VendorResponse, AdminError> {
        let request = VendorRequest { name: name.into() };
        let connection = self.connection().await?;
        Ok(connection
            .post_json("/api/v1/admin/vendors", &request)
            .await?)
    }

    /// Makes a scanner at a vendor's terminal; the answer shows its key this once.
    ///
    /// # Errors
    /// If the gateway does not do it.
    pub async fn create_scanner(
        &mut self,
        vendor_id: VendorId,
        terminal_id: TerminalId,
    ) -> Result<ScannerResponse, AdminError> {
        let request = ScannerRequest {
            vendor_id,
            terminal_id,
        };
        let connection = self.connection().await?;
        Ok(connection
            .post_json("/api/v1/admin/scanners", &request)
            .await?)
    }

    /// Puts money on a user's account and returns the request's id, by which it can be repeated.
    ///
    /// # Errors
    /// If the gateway does not do it.
    pub async fn credit(
        &mut self,
        user_id: UserId,
        amount: u64,
        currency: Currency,
    ) -> Result<RequestId, AdminError> {
        let request_id = RequestId::new(random()?);
        self.repeat_credit(CreditRequest {
            user_id,
            amount,
            currency: currency.as_str().into(),
            request_id,
        })
        .await?;
        Ok(request_id)
    }

    /// Sends a credit whose request id was chosen before; repeating it changes nothing.
    ///
    /// # Errors
    /// If the gateway does not do it.
    pub async fn repeat_credit(&mut self, request: CreditRequest) -> Result<(), AdminError> {
        let connection = self.connection().await?;
        let _: IgnoredAny = connection
            .post_json("/api/v1/admin/credits", &request)
            .await?;
        Ok(())
    }

    /// Returns what a user may spend, in the smallest unit.
    ///
    /// # Errors
    /// If the gateway does not tell.
    pub async fn balance(&mut self, user_id: UserId) -> Result<i64, AdminError> {
        let path = format!("/api/v1/ledger/tokens/{user_id}");
        let answer: BalanceResponse = self.connection().await?.get_json(&path).await?;
        Ok(answer.balance)
    }

    /// Returns the connection, opened again if it was closed.
    async fn connection(&mut self) -> Result<&mut Connection, ConnectError> {
        if !self.connection.is_open() {
            let connection = Connection::open(&self.trust, &self.address).await?;
            self.connection = connection.with_token(&self.token);
        }
        Ok(&mut self.connection)
    }
}

impl std::fmt::Debug for AdminClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AdminClient({}, [secret])", self.address)
    }
}
