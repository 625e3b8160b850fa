//! Calls of gateways: opening their boxes [CAP-1], [CAP-2], and remembering what they were for
//! [CAP-3].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use boop_abi::StreamId;
use boop_channel::LocalKeys;
use boop_mpc::ShareInput;
use boop_wire::codec::{digest_of, from_canonical};
use boop_wire::job::{BoxContent, BoxInfo, CAPTURE_LIFE_MS_MAX, PalmSide, PartyCall};
use boop_wire::{Digest, NetworkId, PartyIndex, Refusal, RequestId};
use minicbor::Encode;

use crate::limits::REQUESTS_REMEMBERED_MAX;

/// Milliseconds that a scanner's clock may run ahead.
const AHEAD_MS_MAX: u64 = 30_000;

/// A call that waits for its turn, or has it.
pub(crate) struct Call {
    /// The session that the answer goes to.
    pub(crate) stream: StreamId,
    pub(crate) call: PartyCall,
    /// What the parties compare: the call without the box, which differs.
    pub(crate) digest: Digest,
    pub(crate) arrived_ms: u64,
}

/// A call's box, opened.
pub(crate) struct OpenedCall {
    pub(crate) input: ShareInput,
    pub(crate) commitments: Digest,
}

/// Where a box must have been sealed for.
pub(crate) struct Place {
    pub(crate) network: NetworkId,
    /// The versions of the manifest that the sealer may have seen evidence of, newest first.
    pub(crate) manifests: Vec<Digest>,
    pub(crate) party: PartyIndex,
}

/// Returns the digest of what is the same in the three calls of one capture.
pub(crate) fn call_digest(call: &PartyCall) -> Digest {
    #[derive(Encode)]
    struct Common {
        #[n(0)]
        request: RequestId,
        #[n(1)]
        subject: Digest,
        #[n(2)]
        side: PalmSide,
        #[n(3)]
        expires_at_ms: u64,
    }
    let common = Common {
        request: call.request,
        subject: call.subject.digest(),
        side: call.side,
        expires_at_ms: call.expires_at_ms,
    };
    digest_of("party-call", &common)
}

/// Checks a call's time, opens its box, and checks the share in it.
pub(crate) fn open_call(
    keys: &LocalKeys,
    place: &Place,
    call: &PartyCall,
    now_ms: u64,
) -> Result<OpenedCall, Refusal> {
    if call.expires_at_ms <= now_ms {
        return Err(Refusal::Expired);
    }
    if call.expires_at_ms > now_ms + CAPTURE_LIFE_MS_MAX + AHEAD_MS_MAX {
        return Err(Refusal::Invalid);
    }
    let open = |manifest: &Digest| {
        let info = BoxInfo {
            network: place.network,
            manifest: *manifest,
            party: place.party,
            request: call.request,
            subject: call.subject.digest(),
            side: call.side,
            expires_at_ms: call.expires_at_ms,
        };
        let sealed = &call.sealed;
        keys.open(&info.to_info(), &sealed.enc, &sealed.ciphertext)
    };
    let mut opened = place.manifests.iter().filter_map(|it| open(it).ok());
    let plaintext = opened.next().ok_or(Refusal::SealedBoxInvalid)?;
    let content: BoxContent = from_canonical(&plaintext).map_err(|_| Refusal::Malformed)?;
    let input = ShareInput::from_bytes(&content.share).map_err(|_| Refusal::Malformed)?;
    if input.party() != place.party || content.commitments.len() != PartyIndex::COUNT {
        return Err(Refusal::Malformed);
    }
    if !input.matches(&content.commitments) {
        return Err(Refusal::SharesInconsistent);
    }
    Ok(OpenedCall {
        input,
        commitments: digest_of("commitments", &content.commitments),
    })
}

/// What each request was for, while its capture lives.
#[derive(Default)]
pub(crate) struct Requests {
    seen: BTreeMap<RequestId, (Digest, u64)>,
}

impl Requests {
    /// Notes a request; the same request for another subject is a replay.
    pub(crate) fn note(&mut self, call: &PartyCall, now_ms: u64) -> Result<(), Refusal> {
        let subject = call.subject.digest();
        match self.seen.get(&call.request) {
            Some((earlier, _)) if *earlier != subject => return Err(Refusal::Replayed),
            Some(_) | None => {}
        }
        if self.seen.len() >= REQUESTS_REMEMBERED_MAX {
            self.seen.retain(|_, (_, until_ms)| *until_ms > now_ms);
            if self.seen.len() >= REQUESTS_REMEMBERED_MAX {
                return Err(Refusal::Busy);
            }
        }
        let until_ms = now_ms + CAPTURE_LIFE_MS_MAX + AHEAD_MS_MAX;
        self.seen.insert(call.request, (subject, until_ms));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use boop_channel::seal::seal;
    use boop_mpc::{commitments, split};
    use boop_wire::UserId;
    use boop_wire::codec::to_canonical;
    use boop_wire::job::{SealedBox, Subject};
    use boop_wire::template::{Encodings, Template};

    use super::*;

    const NOW_MS: u64 = 1_000_000;

    #[test]
    fn a_box_for_this_party_and_subject_opens() {
        let keys = keys();

        let opened = open_call(&keys, &place(), &call(&keys, |_| {}), NOW_MS).unwrap();

        assert_eq!(opened.input.party(), place().party);
    }

    #[test]
    fn a_box_for_anything_else_does_not_open() {
        let keys = keys();
        let good = call(&keys, |_| {});
        let other_user = Subject::Enrol {
            user: UserId::new([9; 16]),
        };

        let refusal = |call: PartyCall| open_call(&keys, &place(), &call, NOW_MS).err();

        let changed = PartyCall {
            subject: other_user,
            ..good.clone()
        };
        assert_eq!(refusal(changed), Some(Refusal::SealedBoxInvalid));
        let changed = PartyCall {
            side: PalmSide::Right,
            ..good.clone()
        };
        assert_eq!(refusal(changed), Some(Refusal::SealedBoxInvalid));
        let changed = PartyCall {
            request: RequestId::new([8; 16]),
            ..good.clone()
        };
        assert_eq!(refusal(changed), Some(Refusal::SealedBoxInvalid));
        let changed = PartyCall {
            expires_at_ms: good.expires_at_ms + 1,
            ..good
        };
        assert_eq!(refusal(changed), Some(Refusal::SealedBoxInvalid));
    }

    #[test]
    fn time_bounds_a_capture_on_both_sides() {
        let keys = keys();
        let good = call(&keys, |_| {});

        let late = open_call(&keys, &place(), &good, good.expires_at_ms).err();
        let early = open_call(&keys, &place(), &good, 0).err();

        assert_eq!(
            (late, early),
            (Some(Refusal::Expired), Some(Refusal::Invalid))
        );
    }

    #[test]
    fn shares_of_the_wrong_party_size_or_commitment_are_refused() {
        let keys = keys();

        let refusal = |change: fn(&mut BoxContent)| {
            open_call(&keys, &place(), &call(&keys, change), NOW_MS).err()
        };

        assert_eq!(
            refusal(|content| content.share[0] = 1),
            Some(Refusal::Malformed)
        );
        assert_eq!(
            refusal(|content| content.share.push(0)),
            Some(Refusal::Malformed)
        );
        assert_eq!(
            refusal(|content| content.share.clear()),
            Some(Refusal::Malformed)
        );
        assert_eq!(
            refusal(|content| content.commitments.clear()),
            Some(Refusal::Malformed)
        );
        let changed = refusal(|content| content.share[1] ^= 1);
        assert_eq!(changed, Some(Refusal::SharesInconsistent));
    }

    #[test]
    fn a_request_serves_one_subject() {
        let keys = keys();
        let good = call(&keys, |_| {});
        let other = Subject::Enrol {
            user: UserId::new([9; 16]),
        };
        let mut requests = Requests::default();

        assert_eq!(requests.note(&good, NOW_MS), Ok(()));
        assert_eq!(requests.note(&good, NOW_MS), Ok(()));
        let replayed = PartyCall {
            subject: other,
            ..good
        };
        assert_eq!(requests.note(&replayed, NOW_MS), Err(Refusal::Replayed));
    }

    fn keys() -> LocalKeys {
        let mut next = 0_u8;
        let mut random = |out: &mut [u8]| {
            next += 1;
            out.fill(next);
        };
        LocalKeys::generate(&mut random).unwrap()
    }

    fn place() -> Place {
        Place {
            network: NetworkId::new([1; 32]),
            manifests: alloc::vec![Digest::new([2; 32])],
            party: PartyIndex::ALL[0],
        }
    }

    fn call(keys: &LocalKeys, change: impl Fn(&mut BoxContent)) -> PartyCall {
        let encodings = Encodings([Template::empty(), Template::empty(), Template::empty()]);
        let shares = split(&encodings, &[[3; 32], [4; 32], [5; 32]]);
        let commitments = commitments(&shares).to_vec();
        let mut content = BoxContent {
            commitments,
            share: shares[0].to_bytes().to_vec(),
        };
        change(&mut content);
        let subject = Subject::Enrol {
            user: UserId::new([5; 16]),
        };
        let info = BoxInfo {
            network: place().network,
            manifest: Digest::new([2; 32]),
            party: place().party,
            request: RequestId::new([6; 16]),
            subject: subject.digest(),
            side: PalmSide::Left,
            expires_at_ms: NOW_MS + 10_000,
        };
        let hpke = keys.bound().hpke;
        let sealed = seal(&hpke, &info.to_info(), &to_canonical(&content), [7; 32]).unwrap();
        PartyCall {
            request: info.request,
            subject,
            side: info.side,
            expires_at_ms: info.expires_at_ms,
            sealed: SealedBox {
                enc: sealed.enc,
                ciphertext: sealed.ciphertext,
            },
        }
    }
}
