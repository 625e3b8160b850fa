//! The plain rule on packed bits against its definition, and pairs near its cut against both.

use boop_mpc::plain::packed::{Packed, PackedQuery};
use boop_mpc::{Rule, plain};
use boop_wire::template::{Encodings, ROTATIONS, THRESHOLD, Template};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::support::{BOTH, World, any_template, full_palm, noisy, search, seeded, upright};

#[test]
fn packed_scores_are_those_of_the_definition() {
    let mut rng = seeded(1);
    let query = Encodings([(); ROTATIONS].map(|()| any_template(&mut rng)));
    let packed = PackedQuery::of(&query);
    let near = noisy(&mut rng, &query.0[1], 300);
    for stored in [any_template(&mut rng), near, Template::empty()] {
        let scores = packed.scores(&Packed::of(&stored));

        assert_eq!(scores, plain::scores(&stored, &query));
    }
}

#[test]
fn pairs_near_the_cut_are_decided_as_the_rule_says() {
    let mut rng = seeded(2);
    let (stored, queries) = pairs_near_the_cut(&mut rng, 65, 8);
    let world = World::enrolling(&mut rng, &stored);
    let packed: Vec<_> = stored.iter().map(Packed::of).collect();
    for security in BOTH {
        let mut matches = 0;
        for query in &queries {
            let found = search(&mut rng, query, &world, Rule::PALM, security);

            let query = PackedQuery::of(query);
            let expected: Vec<_> = packed.iter().map(|t| query.matches(t, THRESHOLD)).collect();
            assert_eq!(found, expected);
            matches += expected.iter().filter(|found| **found).count();
        }
        let pairs = stored.len() * queries.len();
        assert!(
            matches > pairs / 20 && matches < pairs / 2,
            "{matches} matches"
        );
    }
}

/// Returns templates and palms whose pairs lie on both sides of the cut: every palm is a noisy
/// copy of some of the templates at one of the alignments, and unlike the others.
fn pairs_near_the_cut(
    rng: &mut ChaCha8Rng,
    templates: usize,
    palms: usize,
) -> (Vec<Template>, Vec<Encodings>) {
    let origins = [full_palm(rng), full_palm(rng)];
    let any = |rng: &mut ChaCha8Rng, below: usize| {
        let word = usize::try_from(rng.next_u32()).unwrap();
        word % below
    };
    let copies = |rng: &mut ChaCha8Rng, count: usize| -> Vec<Template> {
        let copy = |index: usize| {
            let origin = &origins[index % 2].0[any(rng, ROTATIONS)];
            // Two copies with noise p each differ in 2 p (1 - p) of their bits: 0.26 to 0.42.
            let per_mille = 155 + 15 * u32::try_from(any(rng, 10)).unwrap();
            noisy(rng, origin, per_mille)
        };
        (0..count).map(copy).collect()
    };
    let stored = copies(rng, templates);
    let shown = copies(rng, palms);
    let queries = shown.into_iter().enumerate().map(|(index, shown)| {
        let mut palm = upright(Template::empty());
        palm.0[index % ROTATIONS] = shown;
        palm
    });
    (stored, queries.collect())
}
