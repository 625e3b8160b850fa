//! Custodians in an attacker's hands, with the blobs of all hosts: one opens no store, two do.

use anyhow::Result;
use boop_wire::PartyIndex;
use serde_json::{Value, json};

use super::burglar::{Burglar, Loot};
use super::day::{Day, records};
use crate::claim::Claim;

/// Custodians that together open a store.
const THRESHOLD: usize = 2;

pub(crate) fn claim(quick: bool) -> Result<Claim> {
    let seeds: &[u64] = if quick { &[5] } else { &[5, 6, 7] };
    let (mut held, mut control, mut rows) = (true, true, Vec::new());
    for seed in seeds {
        let day = Day::new(*seed)?;
        let stored = day.today.disks.each_ref().map(records);
        control &= stored.iter().all(|count| *count > 0);
        for set in 1..8_u8 {
            let in_hand = |party: &PartyIndex| set >> party.get() & 1 == 1;
            let tokens: Vec<PartyIndex> = PartyIndex::ALL.into_iter().filter(in_hand).collect();
            let loot = Burglar::with_tokens(&day.network, &tokens)?.open(&day.today.disks)?;
            let due = expected(&tokens, stored);
            if tokens.len() < THRESHOLD {
                held &= loot == due;
            } else {
                control &= loot == due;
            }
            rows.push(row(*seed, &tokens, &loot, stored));
        }
    }
    Ok(Claim {
        id: "custody-one-custodian".to_owned(),
        claim: "one custodian's token and database, and every host's blobs, open no store"
            .to_owned(),
        held,
        control,
        summary: format!(
            "{} sets of tokens; one opens 0 records (its own note of peers' secrets alone); \
             two open both their stores: the threshold is {THRESHOLD}",
            rows.len()
        ),
        figures: json!({ "threshold": THRESHOLD, "sets": rows }),
    })
}

/// A token opens what its party keeps for its peers; a store needs a peer's token as well.
fn expected(tokens: &[PartyIndex], stored: [usize; 3]) -> Loot {
    let open = tokens.len() >= THRESHOLD;
    let mut loot = Loot {
        escrows: tokens.len(),
        heads: if open { tokens.len() } else { 0 },
        ..Loot::default()
    };
    for party in tokens.iter().filter(|_| open) {
        loot.records[party.as_usize()] = stored[party.as_usize()];
    }
    loot
}

fn row(seed: u64, tokens: &[PartyIndex], loot: &Loot, stored: [usize; 3]) -> Value {
    let tokens: Vec<u8> = tokens.iter().map(|party| party.get()).collect();
    json!({
        "seed": seed,
        "tokens": tokens,
        "records": loot.records,
        "heads": loot.heads,
        "escrows": loot.escrows,
        "stored": stored,
    })
}
