//! What can be seen on the wire: sizes that depend on public numbers [MPC-3], and
//! payloads that look like chance [MPC-1], [MPC-2].

use std::collections::BTreeMap;

use boop_mpc::local::Envelope;
use boop_mpc::{Counters, Rule, Step};
use boop_wire::template::{ALIGNMENT_COUNT, Encodings, Template};

use crate::support::{
    accept_jobs, accept_palm, enrol, full_palm, full_template, identify_jobs, record, seeded,
    shares_of, upright,
};

#[test]
fn accepting_a_palm_costs_three_messages_a_party() {
    let mut rng = seeded(1);
    let palm = full_palm(&mut rng);
    let inputs = shares_of(&mut rng, &palm);

    let (outcome, _) = record(accept_jobs(&mut rng, &inputs));

    let bytes = 3 * HEADER_BYTES + 5_400 + 4_800 + 96_000;
    assert_eq!(outcome.counters[0].bytes_sent, bytes);
    assert_eq!(outcome.counters.map(|c| c.messages_sent), [3, 3, 3]);
    assert_eq!(outcome.counters.map(|c| c.bytes_sent), [bytes; 3]);
    assert_eq!(outcome.counters.map(|c| c.messages_received), [4, 3, 2]);
}

#[test]
fn a_comparison_costs_eight_bytes_a_party_and_a_block_39_messages() {
    let mut rng = seeded(2);
    let query = full_palm(&mut rng);
    let other = full_template(&mut rng);
    let stored = enrol(&mut rng, &other);
    let database = vec![&stored; 1_024];
    let palm = accept_palm(&mut rng, &query);

    let (outcome, _) = record(identify_jobs(&mut rng, &palm, &database, Rule::PALM));

    let row = 1_024 / 8;
    let rows = 31;
    let (score, carries, alignments) = (32 * rows * row, 31 * rows * row, 30 * row);
    let bytes = 39 * HEADER_BYTES + score + carries + alignments + row + 32;
    let each = Counters {
        messages_sent: 39,
        bytes_sent: bytes,
        messages_received: 39,
        bytes_received: bytes,
    };
    assert_eq!(outcome.counters, [each; 3]);
    let comparisons = 1_024 * u64::try_from(ALIGNMENT_COUNT).unwrap();
    assert_eq!(
        (1_000 * bytes).div_euclid(comparisons),
        8_007,
        "thousandths of a byte"
    );
}

#[test]
fn sizes_and_order_of_messages_depend_on_the_number_of_templates_alone() {
    let mut rng = seeded(3);
    let palm = full_palm(&mut rng);
    let hit = enrol(&mut rng, &palm.0[0]);
    let empty = enrol(&mut rng, &Template::empty());
    let mut shape = |query: &Encodings, database: &[_]| {
        let shared = accept_palm(&mut rng, query);
        let (_, transcript) = record(identify_jobs(&mut rng, &shared, database, Rule::PALM));
        let public = |e: Envelope| (e.from, e.to, e.bytes[..5].to_vec(), e.bytes.len());
        transcript.into_iter().map(public).collect::<Vec<_>>()
    };

    let hits = shape(&palm, &[&hit, &hit, &hit]);
    let misses = shape(&upright(Template::empty()), &[&empty, &empty, &empty]);
    let more = shape(&palm, &[&hit; 65]);

    assert_eq!(hits, misses);
    assert_ne!(hits, more);
}

#[test]
fn the_bits_of_every_step_are_balanced_even_for_an_empty_palm() {
    let mut rng = seeded(4);
    let empty = upright(Template::empty());
    let stored = enrol(&mut rng, &Template::empty());
    let database = vec![&stored; 1_024];
    let inputs = shares_of(&mut rng, &empty);

    let (accepted, mut transcript) = record(accept_jobs(&mut rng, &inputs));
    let palm = accepted.results.map(|palm| palm.unwrap().unwrap());
    transcript.extend(record(identify_jobs(&mut rng, &palm, &database, Rule::PALM)).1);

    let mut ones: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for envelope in transcript {
        let payload = &envelope.bytes[5..];
        let (set, all) = ones.entry((envelope.bytes[0], envelope.from)).or_default();
        *set += payload
            .iter()
            .map(|byte| u64::from(byte.count_ones()))
            .sum::<u64>();
        *all += 8 * u64::try_from(payload.len()).unwrap();
    }
    assert_eq!(
        ones.len(),
        3 + 3 + 1 + 2 + 1 + 2 + 3 * 4,
        "every step of every sender"
    );
    for ((step, from), (set, all)) in ones {
        // Five standard deviations of a fair coin.
        let off = (2 * set).abs_diff(all);
        assert!(
            off * off <= 25 * all,
            "step {step} of party {from}: {set} of {all}"
        );
        assert!(step != Step::Carry.tag() || all > 100_000);
    }
}

#[test]
fn the_bits_of_a_stored_share_are_balanced_even_for_an_empty_palm() {
    let mut rng = seeded(5);
    for share in enrol(&mut rng, &Template::empty()) {
        let bytes = share.to_bytes();

        let set: u64 = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();

        let all = 8 * u64::try_from(bytes.len()).unwrap();
        let off = (2 * set).abs_diff(all);
        assert!(off * off <= 25 * all, "{set} of {all}");
    }
}

const HEADER_BYTES: u64 = 5;
