//! The custodian's way to the ledger, where what it does is on record before it is done [KEY-8].

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::thread::sleep;
use std::time::Duration;

use boop_channel::VerifiedManifest;
use boop_proof::key::KeyType;
use boop_proof::{Checkpoint, Hash, KeyName, VerifierKey, leaf_hash, verify_inclusion};
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::custody::SignedReport;
use boop_wire::frame::put_frame;
use boop_wire::ledger::{Detail, LedgerResponse, MESSAGE_BYTES_MAX, Receipt};
use boop_wire::publication::{LOG_REQUEST_BYTES_MAX, LogRequest};
use boop_wire::{Digest, NetworkId, Refusal};

/// Longest time for one connection, and for each answer on it.
const WAIT: Duration = Duration::from_secs(2);
/// Pause before the ledger is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// Why something is not on record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The manifest names no log that could be checked.
    #[error("the manifest names no log that could be checked")]
    Key,
    /// The ledger is not there.
    #[error("the ledger cannot be reached: {0}")]
    Unavailable(ErrorKind),
    /// The ledger refused.
    #[error("the ledger refused: {0}")]
    Refused(Refusal),
    /// The answer proves nothing.
    #[error("the ledger's receipt does not prove that the report is in the log")]
    NotProved,
    /// The log does not have the manifest under which this custodian runs.
    #[error("version {version} of the manifest is not in the log, or another one is")]
    Unlogged {
        /// The version.
        version: u64,
    },
    /// The manifest's delay has not passed.
    #[error("version {version} of the manifest counts from {from_ms} ms on")]
    TooEarly {
        /// The version.
        version: u64,
        /// From when on, Unix milliseconds.
        from_ms: u64,
    },
}

impl From<std::io::Error> for LedgerError {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.kind())
    }
}

/// The log that the manifest names, and where it takes reports.
#[derive(Debug, Clone)]
pub struct Ledger {
    address: String,
    key: VerifierKey,
}

impl Ledger {
    /// Names the ledger of a network, which takes reports at `address`.
    ///
    /// # Errors
    /// If the manifest's key or origin is none.
    pub fn new(address: String, manifest: &VerifiedManifest) -> Result<Self, LedgerError> {
        let entry = &manifest.manifest().ledger;
        let name = KeyName::new(&entry.origin).map_err(|_| LedgerError::Key)?;
        let key =
            VerifierKey::new(name, KeyType::Ed25519, &entry.key).map_err(|_| LedgerError::Key)?;
        Ok(Self { address, key })
    }

    /// Has a report put on record, and returns its place in the log once that is proved.
    ///
    /// # Errors
    /// If the ledger refuses, or cannot be reached in so many attempts.
    pub(crate) fn record(&self, signed: &SignedReport, attempts: u32) -> Result<u64, LedgerError> {
        let receipt = self.ask_again(&LogRequest::Report(*signed), attempts)?;
        let expected = Detail::Custody(signed.report);
        self.check(&receipt)?;
        match receipt.opening.detail == expected {
            true => Ok(receipt.index),
            false => Err(LedgerError::NotProved),
        }
    }

    /// Checks that a manifest is in the log, and counts [EVI-7].
    ///
    /// # Errors
    /// If it is not or does not, or the ledger cannot be reached in so many attempts.
    pub(crate) fn check_published(
        &self,
        (network, version, manifest): (NetworkId, u64, Digest),
        attempts: u32,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        let request = LogRequest::Published { network, version };
        let receipt = match self.ask_again(&request, attempts) {
            Err(LedgerError::Refused(Refusal::ManifestUnlogged)) => {
                return Err(LedgerError::Unlogged { version });
            }
            answer => answer?,
        };
        self.check(&receipt)?;
        let Detail::Manifest(of) = receipt.opening.detail else {
            return Err(LedgerError::NotProved);
        };
        if (of.network, of.version, of.manifest) != (network, version, manifest) {
            return Err(LedgerError::Unlogged { version });
        }
        if of.from_ms > now_ms {
            let from_ms = of.from_ms;
            return Err(LedgerError::TooEarly { version, from_ms });
        }
        Ok(())
    }

    fn ask_again(&self, request: &LogRequest, attempts: u32) -> Result<Receipt, LedgerError> {
        let mut left = attempts;
        loop {
            left = left.saturating_sub(1);
            match self.ask(request) {
                Err(LedgerError::Unavailable(_) | LedgerError::Refused(Refusal::Busy))
                    if left > 0 =>
                {
                    sleep(PAUSE);
                }
                answer => return answer,
            }
        }
    }

    fn ask(&self, asked: &LogRequest) -> Result<Receipt, LedgerError> {
        let mut addresses = self.address.to_socket_addrs()?;
        let address = addresses.next().ok_or(ErrorKind::NotFound);
        let address = address.map_err(LedgerError::Unavailable)?;
        let mut stream = TcpStream::connect_timeout(&address, WAIT)?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        let mut request = Vec::new();
        let too_large = |_| LedgerError::Unavailable(ErrorKind::FileTooLarge);
        put_frame(&mut request, &to_canonical(asked), LOG_REQUEST_BYTES_MAX).map_err(too_large)?;
        stream.write_all(&request)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MESSAGE_BYTES_MAX {
            return Err(LedgerError::NotProved);
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        match from_canonical_max(&answer, MESSAGE_BYTES_MAX) {
            Ok(LedgerResponse::Recorded(receipt)) => Ok(receipt),
            Ok(LedgerResponse::Refused(refusal)) => Err(LedgerError::Refused(refusal)),
            Ok(_) | Err(_) => Err(LedgerError::NotProved),
        }
    }

    /// Checks that the log contains what a receipt says.
    fn check(&self, receipt: &Receipt) -> Result<(), LedgerError> {
        let Receipt { entry, opening, .. } = receipt;
        if entry.kind != opening.detail.kind() || entry.commitment != opening.commitment() {
            return Err(LedgerError::NotProved);
        }
        let checkpoint = Checkpoint::open(&receipt.checkpoint, &self.key);
        let checkpoint = checkpoint.map_err(|_| LedgerError::NotProved)?;
        let path: Vec<Hash> = receipt
            .proof
            .iter()
            .map(|hash| Hash(*hash.as_bytes()))
            .collect();
        let leaf = leaf_hash(&entry.leaf());
        let (index, size) = (receipt.index, checkpoint.size);
        let included = verify_inclusion(&leaf, index, size, &path, &checkpoint.root);
        included.map_err(|_| LedgerError::NotProved)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::TcpListener;

    use boop_proof::{SignerKey, Tree};
    use boop_wire::custody::{CustodyEvent, CustodyReport};
    use boop_wire::ledger::{Entry, Opening};
    use boop_wire::publication::Publication;
    use boop_wire::release::WrapMechanism;
    use boop_wire::session::Signature;
    use boop_wire::{Digest, InstanceId, NetworkId, PartyIndex};

    use super::*;

    #[test]
    fn a_receipt_of_the_log_proves_the_report_and_nothing_else_does() {
        let signed = signed(3);
        let right = || receipt(&signed, &signer(1));
        assert_eq!(told(&signed, vec![recorded(right())]), Ok(2));

        let mut elsewhere = right();
        elsewhere.index = 1;
        let mut later = right();
        later.entry.time_ms += 1;
        let mut salted = right();
        salted.opening.salt[0] ^= 1;
        let of_another = receipt(&self::signed(4), &signer(1));
        for wrong in [
            elsewhere,
            later,
            salted,
            of_another,
            receipt(&signed, &signer(2)),
        ] {
            let answer = recorded(wrong);
            assert_eq!(told(&signed, vec![answer]), Err(LedgerError::NotProved));
        }
        let no_receipt = to_canonical(&LedgerResponse::Introduced);
        for answer in [no_receipt, b"hello".to_vec()] {
            assert_eq!(told(&signed, vec![answer]), Err(LedgerError::NotProved));
        }
    }

    #[test]
    fn a_busy_ledger_is_asked_again_and_a_refusal_is_the_end() {
        let signed = signed(3);
        let refused = |refusal| to_canonical(&LedgerResponse::Refused(refusal));
        let right = || recorded(receipt(&signed, &signer(1)));

        let later = told(&signed, vec![refused(Refusal::Busy), right()]);
        let conflict = told(&signed, vec![refused(Refusal::Conflict), right()]);

        assert_eq!(later, Ok(2));
        assert_eq!(conflict, Err(LedgerError::Refused(Refusal::Conflict)));
    }

    #[test]
    fn a_manifest_counts_once_the_log_has_it_and_its_time_has_come() {
        let (network, manifest) = (NetworkId::new([1; 32]), Digest::new([9; 32]));
        let publication = Publication {
            network,
            version: 2,
            manifest,
            from_ms: 1_000,
        };
        let receipt = |of| receipt_of(Detail::Manifest(of), &signer(1));
        let check = |answer: Vec<u8>, now_ms| {
            answering(vec![answer]).check_published((network, 2, manifest), 1, now_ms)
        };

        assert_eq!(check(recorded(receipt(publication)), 1_000), Ok(()));
        let (version, from_ms) = (2, 1_000);
        let early = Err(LedgerError::TooEarly { version, from_ms });
        assert_eq!(check(recorded(receipt(publication)), 999), early);
        let unlogged = Err(LedgerError::Unlogged { version });
        let refused = to_canonical(&LedgerResponse::Refused(Refusal::ManifestUnlogged));
        assert_eq!(check(refused, 1_000), unlogged);
        let other = Publication {
            manifest: Digest::new([8; 32]),
            ..publication
        };
        assert_eq!(check(recorded(receipt(other)), 1_000), unlogged);
        let mut wrong = receipt(publication);
        wrong.entry.time_ms += 1;
        assert_eq!(check(recorded(wrong), 1_000), Err(LedgerError::NotProved));
        let report = self::receipt(&signed(3), &signer(1));
        assert_eq!(check(recorded(report), 1_000), Err(LedgerError::NotProved));
    }

    #[test]
    fn a_ledger_that_is_away_is_unavailable() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = closed.local_addr().unwrap().to_string();
        drop(closed);

        let error = ledger(address).record(&signed(3), 2).unwrap_err();

        let refused = LedgerError::Unavailable(ErrorKind::ConnectionRefused);
        assert_eq!(error, refused);
    }

    /// Reports to a ledger that gives these answers, one to a connection.
    fn told(signed: &SignedReport, answers: Vec<Vec<u8>>) -> Result<u64, LedgerError> {
        answering(answers).record(signed, 3)
    }

    /// Returns a ledger that gives these answers, whatever is reported.
    pub(crate) fn answering(answers: Vec<Vec<u8>>) -> Ledger {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut length = [0; 4];
                stream.read_exact(&mut length).unwrap();
                let mut frame = vec![0; u32::from_be_bytes(length) as usize];
                stream.read_exact(&mut frame).unwrap();
                let asked = from_canonical_max::<LogRequest>(&frame, LOG_REQUEST_BYTES_MAX);
                assert!(asked.is_ok());
                let mut bytes = Vec::new();
                put_frame(&mut bytes, &answer, MESSAGE_BYTES_MAX).unwrap();
                stream.write_all(&bytes).unwrap();
            }
        });
        ledger(address)
    }

    /// Returns the answer of a log that has a manifest, which counts from then on.
    pub(crate) fn published(manifest: &VerifiedManifest, from_ms: u64) -> Vec<u8> {
        let publication = Publication {
            network: manifest.network(),
            version: manifest.manifest().version,
            manifest: manifest.digest(),
            from_ms,
        };
        recorded(receipt_of(Detail::Manifest(publication), &signer(1)))
    }

    fn ledger(address: String) -> Ledger {
        let key = signer(1).verifier().clone();
        Ledger { address, key }
    }

    fn signer(seed: u8) -> SignerKey {
        let name = KeyName::new("example.com/log").unwrap();
        SignerKey::from_seed(name, KeyType::Ed25519, &[seed; 32])
    }

    fn signed(lease: u64) -> SignedReport {
        let report = CustodyReport {
            network: NetworkId::new([1; 32]),
            party: PartyIndex::ALL[0],
            event: CustodyEvent::Released {
                epoch: 0,
                lease,
                instance: InstanceId::new([2; 16]),
                mechanism: WrapMechanism::Hpke,
            },
        };
        let signature = Signature([3; 64]);
        SignedReport { report, signature }
    }

    /// The receipt of a report as the third of three entries.
    fn receipt(signed: &SignedReport, signer: &SignerKey) -> Receipt {
        receipt_of(Detail::Custody(signed.report), signer)
    }

    fn receipt_of(detail: Detail, signer: &SignerKey) -> Receipt {
        let opening = Opening {
            salt: [4; 32],
            detail,
        };
        let entry = Entry {
            version: 1,
            kind: opening.detail.kind(),
            time_ms: 5,
            simulated: false,
            commitment: opening.commitment(),
        };
        let mut tree = Tree::new();
        tree.append(leaf_hash(b"one"));
        tree.append(leaf_hash(b"two"));
        tree.append(leaf_hash(&entry.leaf()));
        let proof = tree.inclusion_proof(2, 3).unwrap();
        let checkpoint = Checkpoint {
            origin: signer.verifier().name().clone(),
            size: 3,
            root: tree.root(),
        };
        Receipt {
            entry,
            opening,
            index: 2,
            proof: proof.iter().map(|hash| Digest::new(hash.0)).collect(),
            checkpoint: checkpoint.sign(signer).to_string(),
        }
    }

    fn recorded(receipt: Receipt) -> Vec<u8> {
        to_canonical(&LedgerResponse::Recorded(receipt))
    }
}
