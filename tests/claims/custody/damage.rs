//! Blobs that were cut, exchanged, or are gone: a typed refusal, and no service.

use anyhow::{Context, Result};
use boop_abi::Slot;
use boop_wire::Refusal;
use serde_json::json;

use super::day::{Day, ESCROW, HEAD, Kept};
use crate::claim::Claim;

const SEED: u64 = 9;
/// The party whose host cheats.
const CHEATED: usize = 1;
/// Lengths that are tried of a blob in a quick run.
const SAMPLE: usize = 3;
/// Of longer blobs, so many lengths are tried, spread over all.
const LENGTHS_MAX: usize = 160;

pub(crate) fn claim(quick: bool) -> Result<Claim> {
    let mut day = Day::new(SEED)?;
    let most = if quick { SAMPLE } else { LENGTHS_MAX };
    let (mut tried, mut wrong) = (0_usize, Vec::new());
    for slot in [HEAD, ESCROW, Slot(1)] {
        let blob = day.today.disks[CHEATED]
            .get(&slot)
            .context("a blob")?
            .clone();
        let step = blob.len().div_ceil(most);
        for length in (0..blob.len()).step_by(step).chain([blob.len() - 1]) {
            let kept = with_blob(&day.today, slot, blob[..length].to_vec());
            tried += 1;
            wrong.extend(judge(
                &mut day,
                &kept,
                &format!("slot {slot:?} cut to {length}"),
            ));
        }
        let other = day.today.disks[0].get(&slot).context("a blob")?.clone();
        let kept = with_blob(&day.today, slot, other);
        tried += 1;
        wrong.extend(judge(
            &mut day,
            &kept,
            &format!("slot {slot:?} of another party"),
        ));
    }
    for line in &wrong {
        println!("damage: {line}");
    }
    let whole = day.today.clone();
    let control = day.start_over(&whole).serves;
    Ok(Claim {
        id: "custody-damage".to_owned(),
        claim: "a blob that is cut short, or another party's, ends its party: store-damaged"
            .to_owned(),
        held: wrong.is_empty(),
        control,
        summary: format!(
            "{tried} blobs, {} not refused as damage; whole, they open",
            wrong.len()
        ),
        figures: json!({ "tried": tried, "wrong": wrong }),
    })
}

fn with_blob(kept: &Kept, slot: Slot, blob: Vec<u8>) -> Kept {
    let mut kept = kept.clone();
    kept.disks[CHEATED].insert(slot, blob);
    kept
}

/// Says what is not as it must be.
fn judge(day: &mut Day, kept: &Kept, what: &str) -> Option<String> {
    let start = day.start_until(kept, |start| {
        start.serves || start.stopped[CHEATED].is_some()
    });
    let refused = start.stopped[CHEATED] == Some(Refusal::StoreDamaged) && !start.serves;
    (!refused).then(|| format!("{what}: {start:?}"))
}
