//! The life of a context: opened by a vendor, shown by a scanner, ended by a result, its vendor or
//! its time.
//!
//! ```text
//!  create -> open -> (three parties agree: kept) -> result, once and for all
//!              \-> cancelled, or its time is over  -/
//! ```
//! Once the parties have agreed, only the ledger decides how the context ends: neither a cancel
//! nor the clock can leave a payment without its result.

use std::sync::Arc;
use std::time::Duration;

use boop_bridge::StreamName;
use boop_wire::api::{AuthResult, ToScanner, ToVendor};
use boop_wire::codec::{digest_of, plain_digest, to_canonical};
use boop_wire::id::{ContextId, TerminalId, TransactionId, VendorId};
use boop_wire::job::AuthContext;
use boop_wire::{Digest, Refusal};
use tokio::time::sleep;

use crate::app::App;
use crate::authentication::Measured;
use crate::jobs::fresh_job;
use crate::problem::Failure;
use crate::store::{
    Answer, Closing, ContextStore as _, DirectoryStore as _, Opened, StoreError, StoredContext,
    Vendor,
};
use crate::text;
use crate::validation::{Asked, Opening};

/// Pause before a settlement or a store that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How long over its time a context is before any gateway ends it, in milliseconds; until then
/// the one that opened it does.
const OVERDUE_MS: u64 = 2_000;
/// Overdue contexts that are ended at a time.
const OVERDUE_MAX: u32 = 100;

impl App {
    /// Opens a context and shows it at the terminal's scanner. Repeating it changes nothing, and
    /// tells how it stands.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Conflict`] for an id with other content,
    /// [`Refusal::UnknownTerminal`], [`Refusal::ScannerUnavailable`], [`Refusal::Busy`] while
    /// another context is open at the terminal.
    pub async fn create_context(
        self: &Arc<Self>,
        vendor: &Vendor,
        asked: Asked,
    ) -> Result<StoredContext, Failure> {
        let terminal = match asked.requirements.terminal_id.clone() {
            Some(terminal) => terminal,
            None => self.only_terminal(vendor).await?,
        };
        let Opening {
            context: body,
            asked,
        } = asked.open(&vendor.name, terminal, self.now())?;
        if let Some(created) = self.created_before(&body, asked).await? {
            return Ok(created);
        }
        let scanner = self.store.scanner_at(&body.vendor, &body.terminal).await;
        let scanner = scanner
            .map_err(Refusal::from)?
            .ok_or(Refusal::UnknownTerminal)?;
        let stream = StreamName::Scanner(scanner.id.clone());
        if !self.is_present(&stream).await.map_err(Refusal::from)? {
            return Err(Refusal::ScannerUnavailable.into());
        }
        let stored = StoredContext {
            transaction: transaction_id(&body.vendor, &body.context),
            job: Some(fresh_job()?),
            scanner: scanner.id,
            asked,
            body,
            agreed: None,
            result: None,
        };
        let message = ToScanner::Context {
            context_id: stored.body.context.clone(),
            context: text::base64url(&to_canonical(&stored.body)),
        };
        let posts = [self.post(stream, &message)?];
        let opened = self.store.open_context(&stored, &posts).await;
        match opened.map_err(Refusal::from)? {
            Opened::Yes => {}
            Opened::TerminalBusy => return Err(Refusal::Busy.into()),
            Opened::Exists => {
                let created = self.created_before(&stored.body, asked).await?;
                return created.ok_or_else(|| Refusal::Internal.into());
            }
        }
        self.wake(&posts);
        self.end_in_time(&stored.body);
        Ok(stored)
    }

    /// Ends a context at its vendor's wish.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unexpected`] if it has ended, [`Refusal::Busy`] while a
    /// palm is being matched for it or the ledger settles it.
    pub async fn cancel_context(
        &self,
        vendor: &VendorId,
        context: &ContextId,
    ) -> Result<(), Refusal> {
        let lock = self.locks.try_lock(context_key(vendor, context));
        let _lock = lock.ok_or(Refusal::Busy)?;
        let stored = self.store.context(vendor, context).await?;
        let stored = stored.ok_or(Refusal::NotFound)?;
        if stored.result.is_some() {
            return Err(Refusal::Unexpected);
        }
        if stored.agreed.is_some() {
            return Err(Refusal::Busy);
        }
        if self.expire(&stored).await? {
            Ok(())
        } else {
            // Something was faster, at another gateway; asked again, this says what.
            Err(Refusal::Busy)
        }
    }

    /// Ends contexts whose time is over and that nobody has ended: their gateway is gone.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn end_overdue(&self) -> Result<(), StoreError> {
        let before_ms = self.now().saturating_sub(OVERDUE_MS);
        for stored in self.store.overdue_contexts(before_ms, OVERDUE_MAX).await? {
            let AuthContext {
                vendor, context, ..
            } = &stored.body;
            let Some(_lock) = self.locks.try_lock(context_key(vendor, context)) else {
                continue;
            };
            if let Err(refusal) = self.try_end(vendor, context).await {
                tracing::warn!(%vendor, %context, %refusal, "an overdue context is still open");
            }
        }
        Ok(())
    }

    async fn expire(&self, stored: &StoredContext) -> Result<bool, Refusal> {
        let ended = AuthResult::refused(Refusal::ContextExpired);
        self.end_context(stored, Closing::Unsettled, &ended, None)
            .await
    }

    /// Gives a context its result and tells vendor and scanner; false if it had one, or has an
    /// agreement that this is not the end of, and then nothing changes.
    ///
    /// # Errors
    /// If the store does not answer; then nothing has changed.
    pub(crate) async fn end_context(
        &self,
        stored: &StoredContext,
        closing: Closing,
        result: &AuthResult,
        answer: Option<&Answer>,
    ) -> Result<bool, Refusal> {
        let body = &stored.body;
        let to_vendor = ToVendor::AuthResult {
            context_id: body.context.clone(),
            result: result.clone(),
        };
        let to_scanner = ToScanner::ContextClosed {
            context_id: body.context.clone(),
            success: result.success,
            code: result.code.clone(),
        };
        let posts = [
            self.post(StreamName::Vendor(body.vendor.clone()), &to_vendor)?,
            self.post(StreamName::Scanner(stored.scanner.clone()), &to_scanner)?,
        ];
        let closed = self
            .store
            .close_context(body, closing, result, answer, &posts)
            .await?;
        if !closed {
            return Ok(false);
        }
        self.wake(&posts);
        self.saw_end(stored, result.success);
        tracing::info!(
            vendor = %body.vendor,
            context = %body.context,
            success = result.success,
            code = result.code,
            "context ended"
        );
        Ok(true)
    }

    async fn created_before(
        &self,
        body: &AuthContext,
        asked: Digest,
    ) -> Result<Option<StoredContext>, Refusal> {
        let Some(stored) = self.store.context(&body.vendor, &body.context).await? else {
            return Ok(None);
        };
        if stored.asked != asked {
            return Err(Refusal::Conflict);
        }
        Ok(Some(stored))
    }

    /// Returns the terminal of a vendor that has one alone.
    async fn only_terminal(&self, vendor: &Vendor) -> Result<TerminalId, Failure> {
        let terminals = self.store.terminals(&vendor.id, 2).await;
        match <[TerminalId; 1]>::try_from(terminals.map_err(Refusal::from)?) {
            Ok([terminal]) => Ok(terminal),
            Err(terminals) => {
                let which = if terminals.is_empty() {
                    "none"
                } else {
                    "several"
                };
                let detail = format!("terminal_id is left out, and the vendor has {which}");
                Err(Failure::new(Refusal::UnknownTerminal, detail))
            }
        }
    }

    fn end_in_time(self: &Arc<Self>, body: &AuthContext) {
        let app = Arc::clone(self);
        let (vendor, context) = (body.vendor.clone(), body.context.clone());
        let wait = Duration::from_millis(body.expires_at_ms.saturating_sub(self.now()));
        tokio::spawn(async move {
            sleep(wait).await;
            let _lock = app.locks.lock(context_key(&vendor, &context)).await;
            while app.try_end(&vendor, &context).await.is_err() {
                sleep(RETRY_PAUSE).await;
            }
        });
    }

    /// Ends a context whose time is over, by its settlement if the parties have agreed.
    async fn try_end(&self, vendor: &VendorId, context: &ContextId) -> Result<(), Refusal> {
        let Some(stored) = self.store.context(vendor, context).await? else {
            return Ok(());
        };
        if stored.result.is_some() {
            return Ok(());
        }
        let Some(agreed) = &stored.agreed else {
            let expired = self.expire(&stored).await?;
            // Otherwise the parties have agreed since, and the ledger decides.
            return expired.then_some(()).ok_or(Refusal::Busy);
        };
        let request = agreed.outcome.outcome.request;
        let settled = self
            .settle(&stored, agreed, request, Measured::start())
            .await;
        match settled {
            // The evidence under the agreement is too old by now, and no payment was made.
            Err(Refusal::Stale) => {
                let ended = AuthResult::refused(Refusal::ContextExpired);
                self.end_context(&stored, Closing::Settled, &ended, None)
                    .await
                    .map(drop)
            }
            settled => settled.map(drop),
        }
    }
}

/// Names a context among the locks, and as what requests are about.
pub(crate) fn context_key(vendor: &VendorId, context: &ContextId) -> Digest {
    digest_of("gateway-context", &(vendor, context))
}

/// Returns `SHA-256(vendor_id || context_id)`, over the texts.
pub(crate) fn transaction_id(vendor: &VendorId, context: &ContextId) -> TransactionId {
    let text = [vendor.as_str(), context.as_str()].concat();
    TransactionId::new(*plain_digest(text.as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_11_a_transaction_id_is_the_published_hash_of_the_texts() {
        let vendor = "vendor123".parse().unwrap();
        let context = "550e8400-e29b-41d4-a716-446655440000".parse().unwrap();

        assert_eq!(
            transaction_id(&vendor, &context).to_string(),
            "1507a7b3674f8716c1585f1d55a4df7afbec301a87b9abc77a3460b98afdc5d6"
        );
    }
}
