//! Captures as a scanner would seal them.

use boop_channel::seal::seal;
use boop_mpc::{commitments, split};
use boop_wire::codec::to_canonical;
use boop_wire::job::{
    AuthContext, BoxContent, BoxInfo, ContextKind, PalmSide, PartyCall, SealedBox, Subject,
};
use boop_wire::template::{CELLS, CODE_BITS, Encodings, ROTATIONS, TEMPLATE_BYTES, Template};
use boop_wire::{PartyIndex, RequestId};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::simulation::door::PartyKeys;
use crate::simulation::network::{Network, manifest_digest};

/// How long a capture is good.
const LIFE_MS: u64 = 60_000;
/// One code bit in so many differs between two captures of one palm.
const NOISE: u32 = 8;

/// A palm as it is.
pub struct Palm {
    template: Template,
}

impl Palm {
    /// Draws a palm.
    pub fn new(rng: &mut ChaCha8Rng) -> Self {
        let mut bits = [0; TEMPLATE_BYTES];
        rng.fill_bytes(&mut bits);
        let mut template = Template::from_bytes(&bits);
        (0..CELLS).for_each(|cell| template.set_cell_valid(cell, true));
        Self { template }
    }

    /// Shows the palm to a scanner, which never sees it twice the same.
    fn show(&self, rng: &mut ChaCha8Rng) -> Encodings {
        let mut seen = self.template.clone();
        for index in 0..CODE_BITS {
            if rng.next_u32().is_multiple_of(NOISE) {
                seen.set_code_bit(index, !seen.code_bit(index));
            }
        }
        Encodings([(); ROTATIONS].map(|()| seen.clone()))
    }
}

/// Captures a palm for a purpose: a call for each party.
pub fn capture(
    network: &Network,
    rng: &mut ChaCha8Rng,
    palm: &Palm,
    subject: &Subject,
    keys: &[PartyKeys; 3],
    now_ms: u64,
) -> [PartyCall; 3] {
    let to = PartyIndex::ALL.map(|party| (party, keys[party.as_usize()]));
    let calls = capture_for(network, rng, palm, subject, &to, now_ms);
    calls.try_into().unwrap()
}

/// Captures a palm once, and seals it to these instances of parties: a call for each.
pub fn capture_for(
    network: &Network,
    rng: &mut ChaCha8Rng,
    palm: &Palm,
    subject: &Subject,
    to: &[(PartyIndex, PartyKeys)],
    now_ms: u64,
) -> Vec<PartyCall> {
    let mut random = || {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let (request, seeds) = (random(), [(); 3].map(|()| random()));
    let boxes: Vec<[u8; 32]> = to.iter().map(|_| random()).collect();
    let request = RequestId::new(*request.first_chunk().unwrap());
    let shares = split(&palm.show(rng), &seeds);
    let commitments = commitments(&shares).to_vec();
    let seal_to = |((party, keys), seed): (&(PartyIndex, PartyKeys), [u8; 32])| {
        let info = BoxInfo {
            network: network.trust.manifest().network(),
            manifest: manifest_digest(network),
            party: *party,
            request,
            subject: subject.digest(),
            side: PalmSide::Left,
            expires_at_ms: now_ms + LIFE_MS,
        };
        let content = to_canonical(&BoxContent {
            commitments: commitments.clone(),
            share: shares[party.as_usize()].to_bytes().to_vec(),
        });
        let sealed = seal(&keys.hpke, &info.to_info(), &content, seed).unwrap();
        PartyCall {
            request,
            subject: subject.clone(),
            side: info.side,
            expires_at_ms: info.expires_at_ms,
            sealed: SealedBox {
                enc: sealed.enc,
                ciphertext: sealed.ciphertext,
            },
        }
    };
    to.iter().zip(boxes).map(seal_to).collect()
}

/// Returns what a shop door asks for.
pub fn entrance(now_ms: u64) -> AuthContext {
    AuthContext {
        vendor: "ven_1".parse().unwrap(),
        context: "ctx_1".parse().unwrap(),
        terminal: "door-1".parse().unwrap(),
        kind: ContextKind::Entrance,
        payee: "Shop".to_owned(),
        attributes_required: Vec::new(),
        attributes_optional: Vec::new(),
        expires_at_ms: now_ms + LIFE_MS,
    }
}
