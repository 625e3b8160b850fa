//! What has to be on record before something happens, and after what: the ledger, the register and
//! the token [KEY-8], [KEY-9].

use std::sync::PoisonError;

use boop_channel::Trust;
use boop_wire::Refusal;
use boop_wire::custody::{CustodyEvent, CustodyReport, SignedReport};
use boop_wire::release::Anchor;

use super::{ATTEMPTS, Custody, HEADS_EVERY_MS, ReleaseError};
use crate::ledger::LedgerError;
use crate::register::Register;

impl Custody {
    /// Releases nothing before the log has the manifest that names who gets it [EVI-7].
    pub(super) fn check_published(&self, now_ms: u64) -> Result<(), ReleaseError> {
        if self.published.get().is_none() {
            self.check_in_log(&self.trust.now(), now_ms)?;
            self.published.get_or_init(|| ());
        }
        Ok(())
    }

    pub(super) fn check_in_log(&self, trust: &Trust, now_ms: u64) -> Result<(), LedgerError> {
        let Some(ledger) = &self.records.ledger else {
            return Ok(());
        };
        let head = trust.manifest().head();
        let manifest = (head.network, head.version, head.digest);
        ledger.check_published(manifest, ATTEMPTS, now_ms)
    }

    /// Changes the register, and then has the token count that: an end between the two leaves the
    /// register one ahead, which is made good here before the next change [KEY-9].
    pub(super) fn put_on_record<T>(
        &self,
        change: impl FnOnce(&Register) -> Result<T, ReleaseError>,
    ) -> Result<T, ReleaseError> {
        let register = &self.records.register;
        let _one_at_a_time = self
            .recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        register.check_against(self.token.mark())?;
        let counted = || match register.mark() == self.token.mark() {
            true => Ok(()),
            false => self.token.note_mark(register.mark()),
        };
        counted()?;
        let done = change(register)?;
        counted()?;
        Ok(done)
    }

    /// Has the ledger record what is about to happen [KEY-8]. If it has another record in that
    /// place, the files of this custodian are older than its last start, and it does no more.
    pub(super) fn report(&self, event: CustodyEvent, attempts: u32) -> Result<(), ReleaseError> {
        let Some(ledger) = &self.records.ledger else {
            return Ok(());
        };
        self.records.register.is_newest()?;
        let report = CustodyReport {
            network: self.network(),
            party: self.settings.party,
            event,
        };
        let signature = self.token.sign(&report.signed_bytes())?;
        match ledger.record(&SignedReport { report, signature }, attempts) {
            Ok(index) => {
                tracing::info!(event = "in-ledger", party = report.party.get(), index);
                Ok(())
            }
            Err(error) => {
                if error == LedgerError::Refused(Refusal::Conflict) {
                    self.records.register.fall_behind()?;
                }
                Err(error.into())
            }
        }
    }

    /// Puts the newest head into the ledger now and then. What was confirmed does not wait for a
    /// ledger that is away.
    pub(super) fn report_head(
        &self,
        epoch: u32,
        head: Anchor,
        now_ms: u64,
    ) -> Result<(), ReleaseError> {
        let reported = self.head_reported_ms.lock();
        let mut reported = reported.unwrap_or_else(PoisonError::into_inner);
        if reported.is_some_and(|at_ms| now_ms < at_ms + HEADS_EVERY_MS) {
            return Ok(());
        }
        match self.report(CustodyEvent::Anchored { epoch, head }, 1) {
            Err(ReleaseError::Ledger(error))
                if error != LedgerError::Refused(Refusal::Conflict) =>
            {
                tracing::warn!(event = "head-not-in-ledger", %error);
            }
            Ok(()) => *reported = Some(now_ms),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
