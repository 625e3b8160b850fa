//! What opens a store, and what is kept for peers.

use boop_wire::codec::{from_canonical, to_canonical};
use zeroize::Zeroizing;

use super::*;
use crate::vault::DamagedBlob;

const NETWORK: NetworkId = NetworkId::new([1; 32]);
const ME: PartyIndex = PartyIndex::ALL[1];
const ONE: PartyIndex = PartyIndex::ALL[0];
const TWO: PartyIndex = PartyIndex::ALL[2];

#[test]
fn nothing_is_decided_before_the_head_is_read_and_a_peer_has_spoken() {
    let mut keyed = keyed(None);
    answer(&mut keyed, ONE, Answer::Kept(secret(5)));
    assert_eq!(keyed.decide(ME), Decision::Wait);

    let mut keyed = self::keyed(Some(Some(alloc::vec![1])));
    assert_eq!(keyed.decide(ME), Decision::Wait);
    answer(&mut keyed, ONE, Answer::Nothing);
    assert_eq!(keyed.decide(ME), Decision::Wait);
}

#[test]
fn one_peer_suffices_and_a_wrong_answer_is_no_end() {
    let mut keyed = keyed(Some(Some(alloc::vec![1])));
    answer(&mut keyed, TWO, Answer::Kept(secret(5)));
    assert_eq!(keyed.decide(ME), Decision::Open(secret(5), TWO));

    answer(&mut keyed, TWO, Answer::Wrong);
    assert_eq!(keyed.decide(ME), Decision::Wait);
    answer(&mut keyed, ONE, Answer::Kept(secret(6)));
    assert_eq!(keyed.decide(ME), Decision::Open(secret(6), ONE));

    answer(&mut keyed, ONE, Answer::Wrong);
    assert_eq!(keyed.decide(ME), Decision::Stop(Refusal::StoreDamaged));
    answer(&mut keyed, ONE, Answer::Nothing);
    assert_eq!(keyed.decide(ME), Decision::Stop(Refusal::StoreDamaged));
}

#[test]
fn a_store_of_which_no_peer_keeps_the_secret_stays_closed() {
    let mut keyed = keyed(Some(Some(alloc::vec![1])));
    answer(&mut keyed, ONE, Answer::Nothing);
    answer(&mut keyed, TWO, Answer::Nothing);

    let missing = Decision::Stop(Refusal::SecondLockMissing);
    assert_eq!(keyed.decide(ME), missing);
}

#[test]
fn a_store_that_is_gone_and_on_record_is_not_new() {
    let mut keyed = keyed(Some(None));
    keyed.leased.anchor = Some(boop_wire::release::Anchor {
        version: 1,
        root: boop_wire::Digest::new([1; 32]),
    });
    answer(&mut keyed, ONE, Answer::Kept(secret(5)));

    let gone = Decision::Stop(Refusal::StoreRolledBack);
    assert_eq!(keyed.decide(ME), gone);
}

#[test]
fn a_store_that_is_gone_is_given_anew_once_that_is_approved_and_a_peer_knows_its_secret() {
    let mut keyed = keyed(Some(None));
    keyed.recoverable = true;
    keyed.leased.anchor = Some(boop_wire::release::Anchor {
        version: 1,
        root: boop_wire::Digest::new([1; 32]),
    });
    answer(&mut keyed, ONE, Answer::Kept(secret(5)));
    assert_eq!(keyed.decide(ME), Decision::Wait);

    answer(&mut keyed, TWO, Answer::Nothing);
    assert_eq!(keyed.decide(ME), Decision::Restore(secret(5)));

    answer(&mut keyed, ONE, Answer::Nothing);
    let gone = Decision::Stop(Refusal::StoreRolledBack);
    assert_eq!(keyed.decide(ME), gone);
    keyed.leased.anchor = None;
    assert_eq!(keyed.decide(ME), Decision::Draw);
}

#[test]
fn recoveries_that_are_over_are_kept_and_never_fewer() {
    let mut escrow = escrow(0, None).unwrap();
    escrow.note_restored(ONE, 1);
    assert_eq!(escrow.restored(ONE), 0, "nothing is kept for it yet");
    escrow.keep(ONE, 0, secret(3)).unwrap();
    escrow.keep(ONE, 1, secret(4)).unwrap();
    escrow.note_restored(ONE, 2);
    escrow.note_restored(ONE, 1);

    let blob = escrow.next_write([7; 32]).unwrap();
    let mut read = self::escrow(0, Some(&blob)).unwrap();
    assert_eq!((read.restored(ONE), read.restored(TWO)), (2, 0));
    read.advance(Sealer::of_escrow(&[8; 32], NETWORK, ME, 1));

    assert_eq!(read.restored(ONE), 2);
}

#[test]
fn a_new_store_begins_once_both_peers_keep_its_secret() {
    let mut keyed = keyed(Some(None));
    answer(&mut keyed, ONE, Answer::Nothing);
    answer(&mut keyed, TWO, Answer::Nothing);
    assert_eq!(keyed.decide(ME), Decision::Draw);

    let mut kept = [false; PartyIndex::COUNT];
    for (party, then) in [(ONE, Decision::Wait), (TWO, Decision::Begin(secret(9)))] {
        kept[party.as_usize()] = true;
        keyed.drawn = Some(Drawn {
            secret: secret(9),
            kept,
        });
        assert_eq!(keyed.decide(ME), then);
    }
}

#[test]
fn what_is_kept_is_durable_before_it_counts_and_is_never_replaced() {
    let mut escrow = escrow(0, None).unwrap();

    assert_eq!(escrow.keep(ONE, 0, secret(3)), Ok(false));
    let blob = escrow.next_write([7; 32]).unwrap();
    assert_eq!(escrow.keep(ONE, 0, secret(3)), Ok(false));
    escrow.writing.clear();
    assert_eq!(escrow.keep(ONE, 0, secret(3)), Ok(true));
    assert_eq!(escrow.keep(ONE, 0, secret(4)), Err(Refusal::Conflict));

    let read = self::escrow(0, Some(&blob)).unwrap();
    assert_eq!(read.of(ONE, 0), Some(&secret(3)));
    assert_eq!(read.of(TWO, 0), None);
    assert!(escrow.waiting.is_empty());
}

#[test]
fn a_secret_of_another_epoch_is_not_given_out() {
    let mut first = escrow(0, None).unwrap();
    first.keep(ONE, 0, secret(3)).unwrap();
    let plain = to_canonical(&first.kept);

    let mut second = escrow(1, None).unwrap();
    second.kept = from_canonical(&plain).unwrap();

    assert_eq!(second.of(ONE, 1), None);
    assert_eq!(second.keep(ONE, 1, secret(4)), Ok(false));
}

#[test]
fn what_is_kept_for_the_next_epoch_stands_beside_the_present_and_takes_its_place() {
    let mut escrow = escrow(0, None).unwrap();
    assert_eq!(escrow.keep(ONE, 1, secret(4)), Ok(false));
    assert_eq!(escrow.of(ONE, 1), None, "there is nothing to stand beside");
    escrow.keep(ONE, 0, secret(3)).unwrap();
    escrow.keep(ONE, 1, secret(4)).unwrap();
    assert_eq!(escrow.keep(ONE, 1, secret(5)), Err(Refusal::Conflict));
    assert_eq!(escrow.keep(ONE, 2, secret(6)), Ok(false));

    let blob = escrow.next_write([7; 32]).unwrap();
    let mut read = self::escrow(0, Some(&blob)).unwrap();
    let both = [0, 1, 2].map(|epoch| read.of(ONE, epoch).cloned());
    read.advance(Sealer::of_escrow(&[8; 32], NETWORK, ME, 1));
    let after = [0, 1, 2].map(|epoch| read.of(ONE, epoch).cloned());

    assert_eq!(both, [Some(secret(3)), Some(secret(4)), None]);
    assert_eq!(after, [None, Some(secret(4)), None]);
    assert!(!read.is_written());
    let blob = read.next_write([7; 32]).unwrap();
    let sealer = Sealer::of_escrow(&[8; 32], NETWORK, ME, 1);
    let read = Escrow::open(sealer, 1, Some(&blob)).unwrap();
    assert_eq!(read.of(ONE, 1), Some(&secret(4)));
}

#[test]
fn the_newest_lease_of_a_peer_survives_a_start_and_an_epoch() {
    let mut escrow = escrow(0, None).unwrap();
    escrow.keep(TWO, 0, secret(3)).unwrap();
    escrow.keep(TWO, 1, secret(4)).unwrap();
    escrow.note_lease(TWO, 7);
    escrow.note_lease(TWO, 6);

    let blob = escrow.next_write([7; 32]).unwrap();
    let mut read = self::escrow(0, Some(&blob)).unwrap();
    assert_eq!(read.leases(), [0, 0, 7]);
    read.advance(Sealer::of_escrow(&[8; 32], NETWORK, ME, 1));

    assert_eq!(read.leases(), [0, 0, 7]);
}

#[test]
fn a_blob_of_another_key_or_place_is_damage() {
    let mut first = escrow(0, None).unwrap();
    let blob = first.next_write([7; 32]).unwrap();

    assert!(escrow(1, Some(&blob)).is_err());
    assert!(escrow(0, Some(&blob[1..])).is_err());
    assert!(escrow(0, Some(&blob)).is_ok());
}

fn keyed(head: Option<Option<Vec<u8>>>) -> Keyed {
    let leased = Leased {
        key: Zeroizing::new([2; 32]),
        epoch: 0,
        lease: 1,
        anchor: None,
    };
    let mut keyed = Keyed::new(leased, NETWORK, false);
    keyed.head = head;
    keyed
}

fn answer(keyed: &mut Keyed, of: PartyIndex, answer: Answer) {
    keyed.answers[of.as_usize()] = answer;
}

fn escrow(epoch: u32, blob: Option<&[u8]>) -> Result<Escrow, DamagedBlob> {
    let sealer = Sealer::of_escrow(&[2; 32], NETWORK, ME, epoch);
    Escrow::open(sealer, epoch, blob)
}

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32])
}
