//! What doors call: what they saw goes in, and whom they let in comes out.

use std::net::IpAddr;

use boop_watch::{CaptureFault, Ending, Subject, Verdict, What};
use boop_wire::Refusal;
use boop_wire::codec::plain_digest;
use boop_wire::id::{ScannerId, VendorId};
use boop_wire::job::{ContextKind, Decision};

use super::{Found, Today, Who, kind_of, pseudonym_of};
use crate::admission::{Asker, Class};
use crate::app::App;
use crate::config::Respond;
use crate::problem::Failure;
use crate::store::StoredContext;
use crate::submission::Agreed;

/// A login that may be good or not.
pub(crate) struct Login<'a> {
    /// From where.
    pub(crate) from: IpAddr,
    /// Whose it would be.
    pub(crate) claimed: Option<Who>,
    /// The proof.
    pub(crate) shown: &'a str,
}

impl App {
    /// Takes what a door saw, and pages the operator with what is found.
    pub(crate) fn saw(&self, see: impl FnOnce(&mut Today) -> What) {
        for Found { id, finding, name } in self.intrusion.observe(self.now(), see) {
            let pseudonym = pseudonym_of(finding.subject).map(|name| name.to_string());
            tracing::error!(
                finding = id,
                rule = finding.rule,
                kind = kind_of(finding.subject),
                pseudonym,
                name,
                response = %finding.response,
                detail = finding.detail,
                "intrusion"
            );
        }
    }

    /// Returns how a subject stands at the doors of this gateway, which its configuration may
    /// have do no more than page.
    pub(crate) const fn standing(&self, subject: Subject, verdict: Verdict) -> Verdict {
        match (self.settings.limits.respond, subject) {
            (Respond::ToNobody, _) | (Respond::ToProven, Subject::Address(_)) => Verdict::Free,
            (Respond::ToAll | Respond::ToProven, _) => verdict,
        }
    }

    /// Lets somebody in who is neither blocked nor slowed beyond its share.
    ///
    /// # Errors
    /// [`Refusal::Busy`], with the time to wait.
    pub(crate) fn welcome(&self, who: &Who) -> Result<(), Failure> {
        let now_ms = self.now();
        if self.intrusion.is_calm(now_ms) {
            return Ok(());
        }
        let (subject, verdict) = self.intrusion.verdict(who, now_ms);
        match self.standing(subject, verdict) {
            Verdict::Free => Ok(()),
            Verdict::Blocked { until_ms } => Err(blocked(until_ms, now_ms)),
            Verdict::Slow { until_ms } => {
                let standing = self.admission.admit(Class::Slowed, share_of(subject));
                let for_s = seconds(until_ms, now_ms);
                standing.admitted().map_err(|failure| Failure {
                    detail: Some(format!(
                        "slowed down for {for_s} s; the network's operator can say why"
                    )),
                    ..failure
                })
            }
        }
    }

    /// Turns away who is blocked.
    ///
    /// # Errors
    /// [`Refusal::Busy`], with the time to wait.
    pub(crate) fn not_blocked(&self, who: &Who) -> Result<(), Failure> {
        let now_ms = self.now();
        let (subject, verdict) = self.intrusion.verdict(who, now_ms);
        match self.standing(subject, verdict) {
            Verdict::Blocked { until_ms } => Err(blocked(until_ms, now_ms)),
            Verdict::Slow { .. } | Verdict::Free => Ok(()),
        }
    }

    /// Notes how a request for something was answered.
    pub(crate) fn saw_answer(&self, asker: &Who, target: &str, refusal: Option<Refusal>) {
        match refusal {
            None => self.saw(|today| What::Served {
                asker: today.subject(asker),
            }),
            Some(Refusal::NotFound | Refusal::Forbidden) => self.saw(|today| What::Missed {
                asker: today.subject(asker),
                target: today.target(target),
            }),
            Some(Refusal::Malformed | Refusal::TooLarge | Refusal::Invalid) => {
                self.saw(|today| What::Malformed {
                    asker: today.subject(asker),
                });
            }
            Some(_) => {}
        }
    }

    /// Notes a login.
    pub(crate) fn saw_login(&self, principal: &Who, from: IpAddr) {
        self.saw(|today| What::LoginGood {
            principal: today.subject(principal),
            address: today.address(from),
        });
    }

    /// Notes a login, and lets somebody in who is not blocked.
    ///
    /// # Errors
    /// [`Refusal::Busy`], with the time to wait.
    pub(crate) fn log_in(&self, principal: &Who, from: IpAddr) -> Result<(), Failure> {
        self.saw_login(principal, from);
        self.not_blocked(principal)
    }

    /// Notes a login that failed, if the key was wrong, and returns what its caller hears.
    pub(crate) fn turn_down(&self, refusal: Refusal, login: &Login) -> Failure {
        let Login {
            from,
            claimed,
            shown,
        } = login;
        if refusal != Refusal::Unauthenticated {
            return refusal.into();
        }
        self.saw(|today| What::LoginFailed {
            address: today.address(*from),
            claimed: claimed.as_ref().map(|claimed| today.subject(claimed)),
            key: today.key(shown),
        });
        let heard = self.not_blocked(&Who::Address(*from));
        heard.err().unwrap_or(refusal.into())
    }

    /// Notes what became of a scanner's message about something.
    pub(crate) fn saw_capture_answer<T>(
        &self,
        scanner: &ScannerId,
        target: &str,
        answer: &Result<T, Refusal>,
    ) {
        let refusal = match answer {
            Ok(_) => None,
            // A session that the scanner's user does not have is not there either.
            Err(Refusal::NotFound | Refusal::Forbidden | Refusal::Unauthenticated) => {
                Some(Refusal::NotFound)
            }
            // The capture's own faults are noted where they are found.
            Err(_) => return,
        };
        self.saw_answer(&Who::Scanner(scanner.clone()), target, refusal);
    }

    /// Notes that a proof for one use was used again.
    pub(crate) fn saw_replay(&self, vendor: &VendorId) {
        self.saw(|today| What::ProofReplayed {
            principal: Subject::Vendor(today.vendor(vendor)),
        });
    }

    /// Notes that a token came without what it is bound to.
    pub(crate) fn saw_misuse(&self, vendor: &VendorId) {
        self.saw(|today| What::TokenMisused {
            principal: Subject::Vendor(today.vendor(vendor)),
        });
    }

    /// Notes a capture that was turned down, if it is the capture's fault.
    pub(crate) fn saw_bad_capture(&self, scanner: &ScannerId, refusal: Refusal) {
        if let Some(fault) = CaptureFault::of(refusal) {
            self.saw(|today| What::CaptureRefused {
                scanner: today.scanner(scanner),
                fault,
            });
        }
    }

    /// Notes what the parties made of a capture.
    pub(crate) fn saw_capture(&self, scanner: &ScannerId, made: &Result<Agreed, Refusal>) {
        let agreed = match made {
            Ok(agreed) => agreed,
            Err(refusal) => return self.saw_bad_capture(scanner, *refusal),
        };
        match agreed.outcome.outcome.decision {
            Decision::NotMatched => self.saw_bad_capture(scanner, Refusal::UserNotFound),
            Decision::Ambiguous => self.saw_bad_capture(scanner, Refusal::Ambiguous),
            Decision::Matched { .. } => {
                if let Some(user) = agreed.user {
                    self.saw(|today| What::CaptureMatched {
                        scanner: today.scanner(scanner),
                        who: today.user(user),
                    });
                }
            }
            Decision::Enrolled { .. } => self.saw(|today| What::Enrolled {
                scanner: today.scanner(scanner),
            }),
            Decision::AlreadyEnrolled => self.saw(|today| What::AlreadyEnrolled {
                scanner: today.scanner(scanner),
            }),
        }
    }

    /// Notes how a context ended.
    pub(crate) fn saw_end(&self, stored: &StoredContext, success: bool) {
        let pays = match stored.body.kind {
            ContextKind::Payment { .. } => true,
            ContextKind::Entrance | ContextKind::Membership => false,
        };
        let ending = match (pays, success) {
            (true, true) => Ending::Paid,
            (true, false) => Ending::Unpaid,
            (false, true) => Ending::Admitted,
            (false, false) => Ending::Left,
        };
        self.saw(|today| What::ContextEnded {
            vendor: today.vendor(&stored.body.vendor),
            ending,
        });
    }
}

/// Names the small share of requests of somebody who is slowed.
fn share_of(subject: Subject) -> Asker {
    let name = pseudonym_of(subject).map(|name| name.to_string());
    let name = format!("{} {}", kind_of(subject), name.unwrap_or_default());
    Asker::Caller(plain_digest(name.as_bytes()))
}

fn blocked(until_ms: u64, now_ms: u64) -> Failure {
    let left_s = seconds(until_ms, now_ms);
    let detail = format!("turned away for {left_s} s; the network's operator can say why");
    Failure {
        retry_after_s: Some(left_s),
        ..Failure::new(Refusal::Busy, detail)
    }
}

/// Returns what is left in seconds, so that what is left of one counts as one.
const fn seconds(until_ms: u64, now_ms: u64) -> u64 {
    until_ms.saturating_sub(now_ms).div_ceil(1000)
}
