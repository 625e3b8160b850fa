//! A palm on its way: split into three shares, each sealed to one party's attested key.

use boop_channel::seal::{SealError, seal};
use boop_mpc::{SEED_BYTES, ShareInput, commitments, split};
use boop_wire::codec::to_canonical;
use boop_wire::job::{
    BoxContent, BoxInfo, CAPTURE_LIFE_MS_MAX, Capture, PalmSide, SealedBox, Subject,
};
use boop_wire::template::Encodings;
use boop_wire::{Digest, PartyIndex, RequestId};
use zeroize::Zeroizing;

use crate::connection::NetworkView;
use crate::platform::{NoRandomness, random};

/// A palm as a scanner took it.
#[derive(Debug, Clone)]
pub struct PalmCapture {
    /// The palm at every rotation.
    pub encodings: Encodings,
    /// Which hand.
    pub side: PalmSide,
    /// 0 to 100.
    pub quality: u8,
}

/// Why a capture was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// The system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// A party's key is not valid.
    #[error("the key of party {party} cannot be sealed to")]
    Seal {
        /// Which party.
        party: PartyIndex,
        /// Why.
        source: SealError,
    },
}

/// A palm in three shares, for one request and one subject. The palm itself is gone.
///
/// It can be sealed again with the same request id, as when a party restarted and has a new key.
#[derive(Debug, Clone)]
pub struct SplitCapture {
    request: RequestId,
    subject: Digest,
    side: PalmSide,
    quality: u8,
    expires_at_ms: u64,
    shares: [ShareInput; PartyIndex::COUNT],
}

impl SplitCapture {
    /// Splits a palm for `subject`; the capture is good for `life_ms` from `now_ms` on, and never
    /// longer than any capture may be.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn split(
        palm: &PalmCapture,
        subject: &Subject,
        now_ms: u64,
        life_ms: u64,
    ) -> Result<Self, NoRandomness> {
        let seeds = Zeroizing::new([
            random::<SEED_BYTES>()?,
            random::<SEED_BYTES>()?,
            random::<SEED_BYTES>()?,
        ]);
        Ok(Self {
            request: RequestId::new(random()?),
            subject: subject.digest(),
            side: palm.side,
            quality: palm.quality,
            expires_at_ms: now_ms.saturating_add(life_ms.min(CAPTURE_LIFE_MS_MAX)),
            shares: split(&palm.encodings, &seeds),
        })
    }

    /// Returns the request's id.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// Tells whether the capture is past its time.
    pub const fn expired(&self, now_ms: u64) -> bool {
        now_ms >= self.expires_at_ms
    }

    /// Seals the shares to the parties of `network`.
    ///
    /// # Errors
    /// If a party's key is not valid or the system gives no randomness.
    pub fn seal(&self, network: &NetworkView) -> Result<Capture, CaptureError> {
        let info = |party: PartyIndex| BoxInfo {
            network: network.trust.manifest().network(),
            manifest: network.parties[party.as_usize()].binding.manifest,
            party,
            request: self.request,
            subject: self.subject,
            side: self.side,
            expires_at_ms: self.expires_at_ms,
        };
        let keys = network
            .parties
            .each_ref()
            .map(|party| party.binding.keys.hpke);
        self.seal_to(&keys, info)
    }

    fn seal_to(
        &self,
        keys: &[[u8; 32]; PartyIndex::COUNT],
        info: impl Fn(PartyIndex) -> BoxInfo,
    ) -> Result<Capture, CaptureError> {
        let commitments = commitments(&self.shares);
        let mut boxes = Vec::with_capacity(PartyIndex::COUNT);
        for (share, key) in self.shares.iter().zip(keys) {
            let party = share.party();
            let content = BoxContent {
                commitments: commitments.to_vec(),
                share: share.to_bytes().to_vec(),
            };
            let plaintext = Zeroizing::new(to_canonical(&content));
            let sealed = seal(key, &info(party).to_info(), &plaintext, random()?)
                .map_err(|source| CaptureError::Seal { party, source })?;
            boxes.push(SealedBox {
                enc: sealed.enc,
                ciphertext: sealed.ciphertext,
            });
        }
        Ok(Capture {
            request: self.request,
            side: self.side,
            expires_at_ms: self.expires_at_ms,
            quality: self.quality,
            boxes,
        })
    }
}

#[cfg(test)]
mod tests {
    use boop_channel::seal::OpeningKey;
    use boop_wire::NetworkId;
    use boop_wire::codec::from_canonical;
    use boop_wire::template::Template;

    use super::*;

    #[test]
    fn each_party_opens_its_own_share_and_all_see_the_same_commitments() {
        let keys = opening_keys();
        let split = sample();

        let capture = split
            .seal_to(&publics(&keys), |party| info(&split, party))
            .unwrap();

        let opened: Vec<BoxContent> = PartyIndex::ALL
            .into_iter()
            .map(|party| open(&keys[party.as_usize()], &split, party, &capture).unwrap())
            .collect();
        for (party, content) in PartyIndex::ALL.into_iter().zip(&opened) {
            let share = ShareInput::from_bytes(&content.share).unwrap();
            assert_eq!(share.party(), party);
            assert!(share.matches(&content.commitments));
            assert_eq!(content.commitments, opened[0].commitments);
        }
    }

    #[test]
    fn no_party_opens_the_box_of_another() {
        let keys = opening_keys();
        let split = sample();
        let capture = split
            .seal_to(&publics(&keys), |party| info(&split, party))
            .unwrap();
        let [zero, one, _] = PartyIndex::ALL;

        assert!(open(&keys[0], &split, one, &capture).is_none());
        assert!(open(&keys[1], &split, zero, &capture).is_none());
    }

    #[test]
    fn sealing_again_keeps_request_and_shares_and_changes_every_box() {
        let keys = opening_keys();
        let split = sample();
        let seal = || {
            split
                .seal_to(&publics(&keys), |party| info(&split, party))
                .unwrap()
        };

        let (first, second) = (seal(), seal());

        assert_eq!(first.request, second.request);
        assert_eq!(first.expires_at_ms, second.expires_at_ms);
        for (party, (a, b)) in PartyIndex::ALL
            .into_iter()
            .zip(first.boxes.iter().zip(&second.boxes))
        {
            assert_ne!(a, b);
            let key = &keys[party.as_usize()];
            let opened = [&first, &second].map(|capture| open(key, &split, party, capture));
            assert!(opened[0].is_some() && opened[0] == opened[1]);
        }
    }

    #[test]
    fn a_key_that_is_no_point_is_refused_by_party() {
        let mut keys = publics(&opening_keys());
        keys[1] = [0; 32];
        let split = sample();

        let refused = split.seal_to(&keys, |party| info(&split, party));

        let party = PartyIndex::ALL[1];
        let source = SealError::RecipientKey;
        assert_eq!(refused, Err(CaptureError::Seal { party, source }));
    }

    #[test]
    fn a_capture_never_lives_longer_than_any_may() {
        let split = SplitCapture::split(&palm(), &subject(), 1_000, u64::MAX).unwrap();

        assert!(!split.expired(1_000 + CAPTURE_LIFE_MS_MAX - 1));
        assert!(split.expired(1_000 + CAPTURE_LIFE_MS_MAX));
    }

    #[test]
    fn a_split_capture_does_not_print_its_shares() {
        let printed = format!("{:?}", sample());

        assert!(printed.contains("[secret]"));
        assert!(printed.len() < 1_000, "{printed}");
    }

    fn sample() -> SplitCapture {
        SplitCapture::split(&palm(), &subject(), 1_000, 60_000).unwrap()
    }

    fn palm() -> PalmCapture {
        PalmCapture {
            encodings: Encodings([Template::empty(), Template::empty(), Template::empty()]),
            side: PalmSide::Left,
            quality: 90,
        }
    }

    fn subject() -> Subject {
        Subject::Enrol {
            user: boop_wire::UserId::new([1; 16]),
        }
    }

    fn opening_keys() -> [OpeningKey; 3] {
        [[1; 32], [2; 32], [3; 32]].map(|seed| OpeningKey::from_seed(&seed))
    }

    fn publics(keys: &[OpeningKey; 3]) -> [[u8; 32]; 3] {
        keys.each_ref().map(|key| *key.public())
    }

    fn info(split: &SplitCapture, party: PartyIndex) -> BoxInfo {
        BoxInfo {
            network: NetworkId::new([9; 32]),
            manifest: Digest::new([8; 32]),
            party,
            request: split.request,
            subject: split.subject,
            side: split.side,
            expires_at_ms: split.expires_at_ms,
        }
    }

    fn open(
        key: &OpeningKey,
        split: &SplitCapture,
        party: PartyIndex,
        capture: &Capture,
    ) -> Option<BoxContent> {
        let sealed = &capture.boxes[party.as_usize()];
        let info = info(split, party).to_info();
        let plaintext = key.open(&info, &sealed.enc, &sealed.ciphertext).ok()?;
        from_canonical(&plaintext).ok()
    }
}
