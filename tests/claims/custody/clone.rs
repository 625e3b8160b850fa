//! Two instances of a party from one disk: the newer lease ends the older, and no answer is of
//! both.
//!
//! Both are asked for everything, each over a session of its own, while their host lets the other
//! parties speak with the newer and with the older in turn. What the comparison of leases depends
//! on is that the custodian counts them once: the control is a copy of its token, which gives a
//! lease twice.

use anyhow::Result;
use boop_tests::simulation::network::Network;
use boop_tests::simulation::story::{Cloned, Story, Weather};
use boop_wire::{PartyIndex, Refusal};
use serde_json::{Value, json};

use crate::claim::Claim;

/// Turns of each instance, and in a quick run.
const TURNS: usize = 6;
const TURNS_QUICK: usize = 1;

pub(crate) fn claim(quick: bool) -> Result<Claim> {
    let (turns, seeds) = match quick {
        true => (TURNS_QUICK, 21..22_u64),
        false => (TURNS, 21..24),
    };
    let (mut ends, mut taken_back, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for seed in seeds {
        for party in PartyIndex::ALL {
            for copied in [false, true] {
                let cloned = cloned(seed, party, copied, turns);
                rows.push(row(seed, party, copied, &cloned));
                match copied {
                    false => ends.push(cloned),
                    true => taken_back.push(cloned),
                }
            }
        }
    }
    let held = ends.iter().all(|one| {
        let answers = one.before > 0 && one.newer > 0 && one.fenced > 0;
        let ended = one.after == 0 && one.both == 0;
        answers && ended && one.older_again == Some(Refusal::StoreRolledBack)
    });
    let sum = |of: fn(&Cloned) -> usize| ends.iter().map(of).sum::<usize>();
    let after = taken_back.iter().map(|one| one.after).sum::<usize>();
    Ok(Claim {
        id: "custody-clone".to_owned(),
        claim: "of two instances of a party from one disk the newer lease ends the older; none \
                answers with both"
            .to_owned(),
        held,
        control: after > 0 && taken_back.iter().all(|one| one.fenced == 0),
        summary: format!(
            "{} captures asked of both: {} signed by the newer, {} by the older once the newer \
             served, {} by both; the older refused {} times; served after {} ms at most; with a \
             copied token, which gives a lease twice, the older signs {after} more",
            sum(|one| one.asked),
            sum(|one| one.newer),
            sum(|one| one.after),
            sum(|one| one.both),
            ends.iter().map(|one| one.fenced).sum::<u64>(),
            ends.iter()
                .map(|one| one.fence_ms)
                .max()
                .unwrap_or_default(),
        ),
        figures: json!({ "runs": rows }),
    })
}

fn cloned(seed: u64, party: PartyIndex, copied: bool, turns: usize) -> Cloned {
    let network = Network::generate();
    // The copy has given no lease yet, and so gives the first once more.
    let copy = copied.then(|| network.copy_of_custodian(party));
    Story::new(&network, seed, Weather::Calm).cloned(party, copy, turns)
}

fn row(seed: u64, party: PartyIndex, copied: bool, cloned: &Cloned) -> Value {
    json!({
        "seed": seed,
        "party": party.get(),
        "token_copied": copied,
        "asked": cloned.asked,
        "older_before": cloned.before,
        "older_after": cloned.after,
        "newer": cloned.newer,
        "both": cloned.both,
        "refused": cloned.fenced,
        "served_after_ms": cloned.fence_ms,
        "older_started_again": cloned.older_again.map(|refusal| refusal.code()),
    })
}
