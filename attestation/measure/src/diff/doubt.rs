//! Records whose digests do not follow from their own inputs, or that contradict each other.

use sha2::{Digest as _, Sha256, Sha384};

use crate::Hex;
use crate::eif::pcr;
use crate::record::{NitroRecord, Record, SnpRecord};
use crate::snp::LaunchError;

/// Why a record cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The inputs give another digest.
    #[error("{name} does not follow from the recorded inputs, which give {computed}")]
    Other {
        /// Name of the digest.
        name: &'static str,
        /// What the inputs give.
        computed: Hex<48>,
    },
    /// The inputs give no digest at all.
    #[error("the recorded inputs give no digest: {0}")]
    Impossible(LaunchError),
    /// The image is signed by the certificate, or not signed, but PCR8 says otherwise.
    #[error("PCR8 and the signing certificate are not both there, or not both absent")]
    Certificate,
    /// With more than one ramdisk PCR0 and PCR1 differ, with fewer they are equal.
    #[error("PCR0 and PCR1 do not fit the number of ramdisks")]
    Ramdisks,
    /// Two records name one firmware file and state different facts of it.
    #[error("the same firmware file cannot have two {members}: one record was altered")]
    Firmware {
        /// What of it differs.
        members: &'static str,
    },
    /// The hash of the command line is not that of its text.
    #[error("the command line's hash is not that of its text")]
    CommandLine,
}

/// Returns what cannot be right in one of two records, whichever it is.
pub fn doubts_between(first: &Record, second: &Record) -> Vec<Doubt> {
    let (Record::Snp(first), Record::Snp(second)) = (first, second) else {
        return vec![];
    };
    let (first, second) = (&first.firmware, &second.firmware);
    if first.sha256 != second.sha256 || first == second {
        return vec![];
    }
    let members = if first.pages_digest != second.pages_digest {
        "page digests"
    } else if first.bytes != second.bytes {
        "sizes"
    } else {
        "sets of addresses or sections"
    };
    vec![Doubt::Firmware { members }]
}

/// Returns what cannot be right in a record.
pub fn doubts(record: &Record) -> Vec<Doubt> {
    match record {
        Record::Snp(record) => launch(record).into_iter().collect(),
        Record::Nitro(record) => registers(record),
    }
}

fn launch(record: &SnpRecord) -> Option<Doubt> {
    match record.launch().digest() {
        Ok(computed) if computed == record.measurement => None,
        Ok(computed) => {
            let name = "measurement";
            Some(Doubt::Other { name, computed })
        }
        Err(error) => Some(Doubt::Impossible(error)),
    }
}

fn registers(record: &NitroRecord) -> Vec<Doubt> {
    let mut doubts = vec![];
    let mut compare = |name, recorded: Hex<48>, computed: Hex<48>| {
        if recorded != computed {
            doubts.push(Doubt::Other { name, computed });
        }
    };
    if record.ramdisks.len() < 2 {
        compare("PCR2", record.pcr2, pcr([]));
    }
    match (record.pcr8, record.signing_certificate) {
        (Some(pcr8), Some(certificate)) => compare("PCR8", pcr8, extended(&certificate.sha384)),
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => doubts.push(Doubt::Certificate),
    }
    let others = record.ramdisks.iter().skip(1);
    let is_more = others.into_iter().any(|ramdisk| ramdisk.bytes > 0);
    if (record.pcr0 != record.pcr1) != is_more {
        doubts.push(Doubt::Ramdisks);
    }
    // A text with replaced characters no longer has the hash of its bytes.
    let is_exact = !record.command_line.contains(char::REPLACEMENT_CHARACTER);
    let sha256: [u8; 32] = Sha256::digest(&record.command_line).into();
    if is_exact && record.command_line_sha256 != Hex(sha256) {
        doubts.push(Doubt::CommandLine);
    }
    doubts
}

fn extended(data: &Hex<48>) -> Hex<48> {
    let register = Sha384::new_with_prefix([0; 48]);
    Hex(register.chain_update(data.0).finalize().into())
}
