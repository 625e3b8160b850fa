//! What a custodian has the ledger record before it does it [KEY-8].

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::{digest_of, domain_separated, to_canonical};
use crate::id::{Digest, InstanceId, NetworkId, PartyIndex};
use crate::release::{Anchor, WrapMechanism};
use crate::session::Signature;

/// Largest encoded [`SignedReport`], in bytes.
pub const REPORT_BYTES_MAX: usize = 1024;

/// What a custodian is about to do, or has on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum CustodyEvent {
    /// A party's key is released.
    #[n(0)]
    Released {
        /// Of this epoch.
        #[n(0)]
        epoch: u32,
        /// Under this lease.
        #[n(1)]
        lease: u64,
        /// To this instance.
        #[n(2)]
        instance: InstanceId,
        /// Wrapped in this way.
        #[n(3)]
        mechanism: WrapMechanism,
    },
    /// The key of an epoch is destroyed, after all records went over to the next one.
    #[n(1)]
    Destroyed {
        /// The epoch that is over.
        #[n(0)]
        epoch: u32,
        /// Head of the store in the next one.
        #[n(1)]
        next: Anchor,
    },
    /// The newest head of the store, now and then.
    #[n(2)]
    Anchored {
        /// Of this epoch.
        #[n(0)]
        epoch: u32,
        /// The head.
        #[n(1)]
        head: Anchor,
    },
}

/// An event of one party's custodian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct CustodyReport {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// Whose custodian.
    #[n(1)]
    pub party: PartyIndex,
    /// What.
    #[n(2)]
    pub event: CustodyEvent,
}

/// A report, signed by the custodian that the manifest names for the party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SignedReport {
    /// The report.
    #[n(0)]
    pub report: CustodyReport,
    /// Under the domain `custody-report`.
    #[n(1)]
    pub signature: Signature,
}

/// What there can be one of: a lease is given once, a key destroyed once, and a version of a store
/// has one root.
#[derive(Encode)]
enum Once {
    #[n(0)]
    Lease(#[n(0)] u64),
    #[n(1)]
    End(#[n(0)] u32),
    #[n(2)]
    Head(#[n(0)] u32, #[n(1)] u64),
}

#[derive(Encode)]
struct Named {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    party: PartyIndex,
    #[n(2)]
    once: Once,
}

impl CustodyReport {
    /// Names the event in the ledger: of two different reports with one id the second is refused.
    pub fn id(&self) -> Digest {
        let once = match self.event {
            CustodyEvent::Released { lease, .. } => Once::Lease(lease),
            CustodyEvent::Destroyed { epoch, .. } => Once::End(epoch),
            CustodyEvent::Anchored { epoch, head } => Once::Head(epoch, head.version),
        };
        let Self { network, party, .. } = *self;
        digest_of(
            "custody-entry",
            &Named {
                network,
                party,
                once,
            },
        )
    }

    /// Returns the bytes that the custodian signs.
    pub fn signed_bytes(&self) -> Vec<u8> {
        domain_separated("custody-report", &to_canonical(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_a_key_and_a_version_have_one_name_whatever_else_is_said_of_them() {
        let report = |event| CustodyReport {
            network: NetworkId::new([1; 32]),
            party: PartyIndex::ALL[1],
            event,
        };
        let head = |version, root| Anchor {
            version,
            root: Digest::new([root; 32]),
        };
        let released = |epoch, lease, instance| {
            report(CustodyEvent::Released {
                epoch,
                lease,
                instance: InstanceId::new([instance; 16]),
                mechanism: WrapMechanism::Hpke,
            })
        };
        let ended = |epoch, next| report(CustodyEvent::Destroyed { epoch, next });
        let anchored = |epoch, head| report(CustodyEvent::Anchored { epoch, head });

        assert_eq!(released(0, 7, 1).id(), released(1, 7, 2).id());
        assert_eq!(ended(0, head(1, 1)).id(), ended(0, head(2, 2)).id());
        assert_eq!(anchored(0, head(5, 1)).id(), anchored(0, head(5, 2)).id());
        let apart = [
            released(0, 7, 1).id(),
            released(0, 8, 1).id(),
            ended(7, head(1, 1)).id(),
            ended(8, head(1, 1)).id(),
            anchored(0, head(7, 1)).id(),
            anchored(0, head(8, 1)).id(),
            anchored(1, head(7, 1)).id(),
        ];
        for (place, id) in apart.iter().enumerate() {
            assert!(!apart[..place].contains(id));
        }
    }

    #[test]
    fn the_largest_report_fits() {
        let largest = SignedReport {
            report: CustodyReport {
                network: NetworkId::new([255; 32]),
                party: PartyIndex::ALL[2],
                event: CustodyEvent::Destroyed {
                    epoch: u32::MAX,
                    next: Anchor {
                        version: u64::MAX,
                        root: Digest::new([255; 32]),
                    },
                },
            },
            signature: Signature([255; 64]),
        };

        assert!(to_canonical(&largest).len() <= REPORT_BYTES_MAX);
    }
}
