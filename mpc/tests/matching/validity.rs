//! Whatever a client sends is a template [MPC-14].

use boop_mpc::{Rule, SEED_BYTES, ShareInput, plain};
use boop_wire::template::{
    CELLS, CODE_BITS, ENCODINGS_BYTES, Encodings, ORIENTATIONS, TEMPLATE_BYTES, THRESHOLD, Template,
};
use rand_chacha::rand_core::Rng;

use crate::support::{
    BOTH, World, any_template, finish, full_template, noisy, search_both, seeded, session_jobs,
    shares_of, upright,
};

#[test]
fn code_bits_outside_the_mask_change_nothing() {
    let mut rng = seeded(1);
    let original = any_template(&mut rng);
    let mut other = original.clone();
    for index in 0..CODE_BITS {
        if !original.cell_valid(index / ORIENTATIONS % CELLS) {
            other.set_code_bit(index, !original.code_bit(index));
        }
    }
    let stored = [340, 345, 350, 355].map(|noise| noisy(&mut rng, &original, noise));
    let world = World::enrolling(&mut rng, &stored);
    let dirty = World::enrolling(&mut rng, &[other.clone()]);

    let found = search_both(&mut rng, &upright(original.clone()), &world, Rule::PALM);
    let found_too = search_both(&mut rng, &upright(other.clone()), &world, Rule::PALM);
    let full = upright(full_template(&mut rng));
    let against_dirty = search_both(&mut rng, &full, &dirty, Rule::PALM);

    assert_ne!(original, other);
    assert_eq!(found, found_too);
    assert_eq!(against_dirty, [plain::matches(&other, &full, THRESHOLD)]);
}

#[test]
fn shares_changed_on_the_way_are_the_shares_of_other_bits() {
    let mut rng = seeded(2);
    let original = full_template(&mut rng);
    let stored = [300, 340, 345, 350].map(|noise| noisy(&mut rng, &original, noise));
    let world = World::enrolling(&mut rng, &stored);

    for changes in [1, 100, 2_000] {
        let mut mask = vec![0_u8; ENCODINGS_BYTES];
        for _ in 0..changes {
            let bit = usize::try_from(rng.next_u32()).unwrap() % (8 * ENCODINGS_BYTES);
            mask[bit / 8] ^= 1 << (bit % 8);
        }
        let honest = Encodings([(); 3].map(|()| original.clone()));
        let inputs = with_masked_bits_changed(shares_of(&mut rng, &honest), &mask);

        for security in BOTH {
            let jobs = session_jobs(&mut rng, &inputs, &world, Rule::PALM, security);
            let [found, ..] = finish(jobs);

            let changed = changed_by(&honest, &mask);
            let expected = stored
                .each_ref()
                .map(|t| plain::matches(t, &changed, THRESHOLD));
            assert_eq!(found, expected, "{changes} changes");
        }
    }
}

/// Changes the component that parties 0 and 1 have in common, behind its salt.
fn with_masked_bits_changed(shares: [ShareInput; 3], mask: &[u8]) -> [ShareInput; 3] {
    let [zero, one, two] = shares;
    let change = |share: &ShareInput, start: usize| {
        let mut bytes = share.to_bytes();
        let masked = bytes[start..].iter_mut();
        masked.zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        ShareInput::from_bytes(&bytes).unwrap()
    };
    let salt = SEED_BYTES;
    [
        change(&zero, 1 + salt),
        change(&one, 1 + SEED_BYTES + salt),
        two,
    ]
}

fn changed_by(palm: &Encodings, mask: &[u8]) -> Encodings {
    let mut masks = mask.chunks_exact(TEMPLATE_BYTES);
    Encodings(palm.0.each_ref().map(|template| {
        let mut bits = *template.expose_bytes();
        let mask = masks.next().unwrap();
        bits.iter_mut()
            .zip(mask)
            .for_each(|(byte, mask)| *byte ^= mask);
        Template::from_bytes(&bits)
    }))
}
