//! Attacks on a running network, each of which must be refused, and by whom.
//!
//! Each attack has a control: the same steps with the one thing that is wrong put right, which
//! must succeed. Without it a refusal would prove nothing.

mod evidence;
mod replay;
mod tampered;

pub(crate) use replay::{base64url, impersonate, scanner_answer};

use std::collections::BTreeMap;

use boop_wire::PartyIndex;

use crate::network::Network;
use crate::till::Till;

/// What came of one attack.
#[derive(Debug, Clone)]
pub struct Attack {
    /// What was tried, and who had to refuse it.
    pub name: &'static str,
    /// Whether it was refused, for the right reason.
    pub refused: bool,
    /// Whether the control succeeded.
    pub control: bool,
}

/// The party that attackers imitate. Party 0 is the one they attack.
pub(crate) const IMITATED: PartyIndex = PartyIndex::ALL[1];
pub(crate) const ATTACKED: PartyIndex = PartyIndex::ALL[0];

/// Runs every attack and prints what came of it; the values tell whether it was refused and its
/// control went through.
///
/// # Errors
/// If an attack could not be carried out at all.
pub async fn all(
    network: &Network,
    mut till: Till,
    seed: u64,
) -> anyhow::Result<BTreeMap<String, bool>> {
    let mut attacks = attacks(network, &mut till, seed).await?;
    attacks.sort_by_key(|attack| attack.name);
    for attack in &attacks {
        let word = if attack.refused {
            "refused"
        } else {
            "NOT REFUSED"
        };
        let control = if attack.control {
            ""
        } else {
            " (but the control failed)"
        };
        println!("   {word}: {}{control}", attack.name);
    }
    let held = |attack: &Attack| (attack.name.to_owned(), attack.refused && attack.control);
    Ok(attacks.iter().map(held).collect())
}

/// Runs every attack.
///
/// # Errors
/// If an attack could not be carried out at all.
pub async fn attacks(network: &Network, till: &mut Till, seed: u64) -> anyhow::Result<Vec<Attack>> {
    let mut attacks = tokio::task::block_in_place(|| tampered::attacks(network))?;
    attacks.extend(tokio::task::block_in_place(|| evidence::attacks(network))?);
    attacks.extend(replay::attacks(network, till, seed).await?);
    Ok(attacks)
}
