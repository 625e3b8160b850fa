//! What a Nitro Enclave does before it is a party: its register vouches for the configuration.

use boop_platform::PlatformError;
use boop_platform::nitro::{CONFIG_REGISTER, NitroModule, NsmDevice};
use boop_wire::codec::plain_digest;

/// Extends the register with SHA-256 of the configuration, and locks it, so that every document
/// from now on shows it and nothing in this enclave can change it.
///
/// # Errors
/// If the register already stands for something else, or does not end up as it must.
pub fn vouch_for_config<D: NsmDevice>(
    module: &NitroModule<D>,
    config: &[u8],
) -> Result<(), PlatformError> {
    let digest = plain_digest(config);
    module.extend_and_lock(CONFIG_REGISTER, digest.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests;
