//! What stands in for a launch digest when a plain process plays an enclave.
//!
//! ```text
//! measurement  SHA-384("boop/sim-launch/v1" || SHA-384(binary) || SHA-384(arguments))
//! arguments    joined by a zero byte, argv[0] left out
//! config hash  SHA-256(configuration)
//! ```
//!
//! SEV-SNP evidence carries them as MEASUREMENT and HOST_DATA, Nitro evidence as PCR0 and,
//! extended once from zero, PCR16. The other registers follow from these and the instance.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, Digest, SHA256, SHA384, digest};

/// The register that holds the configuration of a Nitro Enclave.
pub(crate) const CONFIG_PCR: u8 = 16;

/// What a simulated machine measured when it started a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Digest of the binary and its arguments.
    pub measurement: [u8; 48],
    /// SHA-256 of the configuration.
    pub config_hash: [u8; 32],
    /// Names this one start of the program: REPORT_ID of SEV-SNP.
    pub instance: [u8; 32],
}

/// Returns the measurement of `binary` started with `arguments`, argv\[0\] left out.
#[must_use]
pub fn measure<A: AsRef<[u8]>>(binary: &[u8], arguments: &[A]) -> [u8; 48] {
    let joined = arguments
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(&0);
    measure_digest(&sha384(&[binary]), &joined)
}

/// Returns the measurement from the digest of the binary and the joined arguments.
pub(crate) fn measure_digest(binary: &[u8; 48], joined_arguments: &[u8]) -> [u8; 48] {
    sha384(&[b"boop/sim-launch/v1", binary, &sha384(&[joined_arguments])])
}

/// Returns the hash that names a configuration.
#[must_use]
pub fn config_hash(config: &[u8]) -> [u8; 32] {
    fixed(&digest(&SHA256, config))
}

/// Returns the platform registers of a simulated enclave, those that are not zero.
#[must_use]
pub fn nitro_pcrs(measurement: &[u8; 48], config_hash: &[u8; 32], host: &str) -> Pcrs {
    BTreeMap::from([
        (0, *measurement),
        (1, sha384(&[b"boop/sim-pcr1/v1", measurement])),
        (2, sha384(&[b"boop/sim-pcr2/v1", measurement])),
        (4, instance_pcr(host)),
        (CONFIG_PCR, extended(config_hash)),
    ])
}

/// Returns the register that names the instance `host`.
pub(crate) fn instance_pcr(host: &str) -> [u8; 48] {
    extended(&sha384(&[host.as_bytes()]))
}

/// Platform configuration registers by index.
pub(crate) type Pcrs = BTreeMap<u8, [u8; 48]>;

/// Extends a register of zeros once.
fn extended(value: &[u8]) -> [u8; 48] {
    sha384(&[&[0; 48], value])
}

pub(crate) fn sha384(parts: &[&[u8]]) -> [u8; 48] {
    let mut context = Context::new(&SHA384);
    parts.iter().for_each(|part| context.update(part));
    fixed(&context.finish())
}

pub(crate) fn fixed<const N: usize>(digest: &Digest) -> [u8; N] {
    digest
        .as_ref()
        .try_into()
        .expect("the callers ask for the length of their algorithm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurement_depends_on_the_binary_and_on_each_argument() {
        let base = measure(b"binary", &["--party", "1"]);

        assert_ne!(measure(b"binarz", &["--party", "1"]), base);
        assert_ne!(measure(b"binary", &["--party", "2"]), base);
        assert_ne!(measure(b"binary", &["--party1"]), base);
        assert_ne!(measure::<&str>(b"binary", &[]), base);
    }

    #[test]
    fn measurement_is_the_documented_hash() {
        let binary = digest(&SHA384, b"binary");
        let arguments = digest(&SHA384, b"a\0b");
        let input = [b"boop/sim-launch/v1", binary.as_ref(), arguments.as_ref()].concat();

        let expected = digest(&SHA384, &input);

        assert_eq!(measure(b"binary", &["a", "b"]), expected.as_ref());
    }

    #[test]
    fn registers_that_a_policy_reads_are_never_zero_and_the_config_extends_register_16() {
        let pcrs = nitro_pcrs(&[7; 48], &config_hash(b"config"), "i-1");

        assert_eq!(pcrs.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 4, 16]);
        assert_eq!(pcrs[&0], [7; 48]);
        let input = [[0; 48].as_slice(), &config_hash(b"config")].concat();
        assert_eq!(pcrs[&16], digest(&SHA384, &input).as_ref());
        assert!(pcrs.values().all(|value| *value != [0; 48]));
    }
}
