//! Keys and second secrets stand nowhere that a host or a custodian's disk can show them.

use anyhow::{Context, Result};
use boop_wire::PartyIndex;
use serde_json::json;

use super::burglar::Burglar;
use super::day::Day;
use crate::claim::Claim;

const SEED: u64 = 8;
/// Keys of three parties: data, escrow and store keys, and second secrets.
const SECRETS: usize = 12;

pub(crate) fn claim(_quick: bool) -> Result<Claim> {
    let day = Day::new(SEED)?;
    let mut burglar = Burglar::with_tokens(&day.network, &PartyIndex::ALL)?;
    burglar.open(&day.today.disks)?;
    let mut secrets = burglar.data_keys.clone();
    secrets.extend(&burglar.secrets);
    secrets.extend(&burglar.opened_with);

    let blobs: Vec<u8> = day
        .today
        .disks
        .iter()
        .flat_map(|disk| disk.values().flatten().copied())
        .collect();
    let mut places = vec![("frames", day.frames.clone()), ("blobs", blobs)];
    for name in ["audit", "register"] {
        for party in PartyIndex::ALL {
            let file = day.network.custody_folder().join(format!("{name}-{party}"));
            places.push((name, std::fs::read(file).context(name)?));
        }
    }
    let found = places
        .iter()
        .map(|(_, bytes)| count(bytes, &secrets))
        .sum::<usize>();
    let searched: usize = places.iter().map(|(_, bytes)| bytes.len()).sum();

    // What must be found: the salts of blobs, which went through frames too.
    let salts: Vec<[u8; 32]> = day
        .today
        .disks
        .iter()
        .flat_map(|disk| disk.values())
        .filter_map(|blob| blob.first_chunk().copied())
        .collect();
    let shown = [&places[0], &places[1]].map(|(_, bytes)| count(bytes, &salts));
    Ok(Claim {
        id: "custody-canaries".to_owned(),
        claim: "no key and no second secret in a blob, frame, register or audit line of a day"
            .to_owned(),
        held: found == 0 && secrets.len() == SECRETS,
        control: shown.iter().all(|count| *count >= salts.len()),
        summary: format!(
            "{} secrets found {found} times in {searched} bytes; {} salts, which are there, {} \
             times in frames and {} in blobs",
            secrets.len(),
            salts.len(),
            shown[0],
            shown[1]
        ),
        figures: json!({ "secrets": secrets.len(), "found": found, "bytes": searched }),
    })
}

/// Counts where one of `needles` stands.
fn count(bytes: &[u8], needles: &[[u8; 32]]) -> usize {
    let mut sorted: Vec<&[u8; 32]> = needles.iter().collect();
    sorted.sort_unstable();
    let stands = |window: &&[u8]| {
        sorted
            .binary_search_by(|needle| needle[..].cmp(window))
            .is_ok()
    };
    bytes.windows(32).filter(stands).count()
}
