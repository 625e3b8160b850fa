//! What the ledger is to others: a measured process with keys made inside it at start.

use std::sync::Arc;

use boop_daemon::{LiveTrust, Member, MemberError, MemberSettings};
use boop_wire::binding::Role;
use boop_wire::id::Digest;
use zeroize::Zeroizing;

/// PKCS#8 of an Ed25519 key is this prefix, then the 32-byte seed (RFC 8410 §7).
const ED25519_PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Makes the ledger's keys and gets evidence over them; `config` is what the chip vouches for.
///
/// # Errors
/// If there is no randomness, or the platform gives no evidence.
pub fn start(
    platform: &MemberSettings,
    config: Digest,
    trust: Arc<LiveTrust>,
    danger_simulated_tee: bool,
) -> Result<Arc<Member>, MemberError> {
    let mut seed = Zeroizing::new([0; 32]);
    boop_platform::random(&mut *seed)?;
    let tls_pkcs8 = Zeroizing::new([&ED25519_PKCS8_PREFIX[..], &seed[..]].concat());
    Member::start(
        platform,
        Role::Ledger,
        config,
        trust,
        &tls_pkcs8,
        danger_simulated_tee,
    )
}
