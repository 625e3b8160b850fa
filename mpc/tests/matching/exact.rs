//! The protocol equals the plain rule, pair by pair [MPC-20], [MPC-30].

use boop_mpc::local::run;
use boop_mpc::{BLOCK_TEMPLATES, MpcError, Rule, RuleError, Security, plain};
use boop_wire::template::{
    Alignment, CELLS, CODE_BITS, Encodings, GRID, ORIENTATIONS, PHASES, THRESHOLD, Template,
    alignments, code_index,
};

use crate::support::{
    BOTH, World, accept_palm, any_template, enrol, finish_shuffled, full_palm, full_template,
    identify_jobs, noisy, search_both, seeded, upright,
};

#[test]
fn noisy_palms_match_exactly_where_the_rule_says_so() {
    let mut rng = seeded(1);
    let original = full_template(&mut rng);
    let noise = [0, 200, 300, 340, 345, 350, 355, 360, 400, 500, 1_000];
    let stored: Vec<_> = noise
        .map(|per_mille| noisy(&mut rng, &original, per_mille))
        .into_iter()
        .chain([any_template(&mut rng), Template::empty()])
        .collect();
    let world = World::enrolling(&mut rng, &stored);

    for query in [
        original.clone(),
        noisy(&mut rng, &original, 10),
        any_template(&mut rng),
    ] {
        let query = upright(query);
        let found = search_both(&mut rng, &query, &world, Rule::PALM);

        let expected: Vec<_> = stored
            .iter()
            .map(|t| plain::matches(t, &query, THRESHOLD))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn extreme_palms_keep_their_sign_at_extreme_thresholds() {
    let mut rng = seeded(2);
    let (zeros, mut ones) = (full_with(false), full_with(true));
    let stored = [
        zeros.clone(),
        ones.clone(),
        Template::empty(),
        full_template(&mut rng),
    ];
    ones.set_code_bit(0, false);
    let world = World::enrolling(&mut rng, &stored);

    for threshold in [0, 16_384, THRESHOLD, 20_316, 32_768, 65_535, 65_536] {
        for query in [&zeros, &ones, &Template::empty()] {
            let query = upright(query.clone());
            let rule = Rule::new(threshold).unwrap();
            let found = search_both(&mut rng, &query, &world, rule);

            let expected: Vec<_> = stored
                .iter()
                .map(|t| plain::matches(t, &query, threshold))
                .collect();
            assert_eq!(found, expected, "threshold {threshold}");
        }
    }
}

#[test]
fn every_alignment_alone_makes_a_match() {
    let mut rng = seeded(3);
    let query = full_palm(&mut rng);
    let outside = [(0, 3, 0), (1, -1, 1), (2, 1, -1), (0, 2, 1)]
        .map(|(rotation, dy, dx)| Alignment { rotation, dy, dx });
    let placed = alignments().into_iter().chain(outside);
    let stored: Vec<_> = placed.map(|alignment| moved(&query, alignment)).collect();
    let world = World::enrolling(&mut rng, &stored);

    let found = search_both(&mut rng, &query, &world, Rule::PALM);

    for (index, template) in stored.iter().enumerate() {
        let scores = plain::scores(template, &query);
        let hits: Vec<_> = (0..31)
            .filter(|r| scores[*r].margin(THRESHOLD) > 0)
            .collect();
        let alone = if index < 31 { vec![index] } else { vec![] };
        assert_eq!(hits, alone, "alignments that match");
        assert_eq!(found[index], index < 31, "template {index}");
    }
}

#[test]
fn ties_and_their_neighbours_are_decided_exactly() {
    let mut rng = seeded(4);
    let base = full_template(&mut rng);
    let query = upright(base.clone());
    for threshold in [16_384, THRESHOLD, 24_576, 32_768] {
        // Per threshold: the mask sizes at which a dot product comes nearest to the cut.
        let mut cells: Vec<_> = (1_000..=CELLS).collect();
        cells.sort_by_key(|cells| nearest(*cells, threshold).1.abs());
        let mut stored = Vec::new();
        for cells in &cells[..3] {
            let (dot, _) = nearest(*cells, threshold);
            stored.extend([-2, 0, 2].map(|step| with_dot(&base, *cells, dot + step)));
        }
        let world = World::enrolling(&mut rng, &stored);

        let found = search_both(&mut rng, &query, &world, Rule::new(threshold).unwrap());

        let margins = stored
            .iter()
            .map(|t| plain::scores(t, &query)[5].margin(threshold));
        let expected: Vec<_> = margins.clone().map(|margin| margin > 0).collect();
        assert_eq!(found, expected, "threshold {threshold}");
        assert!(expected.contains(&true) && expected.contains(&false));
        assert!(threshold == THRESHOLD || margins.clone().any(|margin| margin == 0));
    }
}

#[test]
fn the_smallest_margins_there_are_decide_exactly() {
    let mut rng = seeded(9);
    let base = full_template(&mut rng);
    let query = upright(base.clone());
    // 65536 dot - threshold valid = 8 (2^14 (dot / 2) - threshold cells): a multiple of 8.
    for (cells, eighth) in [(1_599, -2), (1_599, -1), (1_000, 0), (1_599, 1), (1_599, 2)] {
        let fits = |threshold: &i64| (threshold * cells + eighth) % (1 << 14) == 0;
        let threshold = (16_384..65_536).find(fits).unwrap();
        let dot = (threshold * cells + eighth) / (1 << 13);
        let threshold = u32::try_from(threshold).unwrap();
        let stored = with_dot(&base, usize::try_from(cells).unwrap(), dot);
        let margin = plain::scores(&stored, &query)[5].margin(threshold);
        let world = World::enrolling(&mut rng, &[stored]);

        let found = search_both(&mut rng, &query, &world, Rule::new(threshold).unwrap());

        assert_eq!(
            (margin, found),
            (8 * eighth, vec![eighth > 0]),
            "threshold {threshold}"
        );
    }
}

#[test]
fn hits_at_the_edges_of_tiles_and_blocks_are_found() {
    let mut rng = seeded(5);
    let query = full_palm(&mut rng);
    let hit = enrol(&mut rng, &query.0[0]);
    let other = full_template(&mut rng);
    let miss = enrol(&mut rng, &other);
    let last = BLOCK_TEMPLATES - 1;
    let hits = [0, 15, 16, 31, 63, 64, last - 15, last, last + 1, last + 2];
    for size in [1, 15, 16, 17, 64, 65, last + 1, last + 3] {
        let expected: Vec<_> = (0..size).map(|index| hits.contains(&index)).collect();
        let stored: Vec<_> = expected
            .iter()
            .map(|h| if *h { &hit } else { &miss })
            .collect();
        let world = World::of(&mut rng, &stored);

        let found = search_both(&mut rng, &query, &world, Rule::PALM);

        assert_eq!(found, expected, "size {size}");
        if size > BLOCK_TEMPLATES {
            let palm = accept_palm(&mut rng, &query);
            let jobs = identify_jobs(&mut rng, &palm, &world, Rule::PALM, Security::Abort);
            let shuffled = finish_shuffled(&mut rng, jobs);
            assert_eq!(shuffled, [(); 3].map(|()| expected.clone()));
        }
    }
}

#[test]
fn an_empty_database_has_no_match() {
    let mut rng = seeded(6);
    let query = full_palm(&mut rng);
    let world = World::of(&mut rng, &[]);

    assert_eq!(
        search_both(&mut rng, &query, &world, Rule::PALM),
        Vec::<bool>::new()
    );
}

#[test]
fn the_order_of_delivery_does_not_matter() {
    let mut rng = seeded(7);
    let query = full_palm(&mut rng);
    let other = full_template(&mut rng);
    let world = World::enrolling(&mut rng, &[other, query.0[0].clone()]);
    let palm = accept_palm(&mut rng, &query);

    for security in (0..10).flat_map(|_| BOTH) {
        let jobs = identify_jobs(&mut rng, &palm, &world, Rule::PALM, security);
        let results = finish_shuffled(&mut rng, jobs);

        assert_eq!(results, [(); 3].map(|()| vec![false, true]));
    }
}

#[test]
fn slots_that_are_emptied_replaced_or_taken_away_match_what_they_hold() {
    let mut rng = seeded(8);
    let query = full_palm(&mut rng);
    let hit = enrol(&mut rng, &query.0[0]);
    let other = full_template(&mut rng);
    let miss = enrol(&mut rng, &other);
    let mut world = World::of(&mut rng, &[&hit; 18]);
    for party in 0..3 {
        let database = &mut world.databases[party];
        for emptied in [0, 15, 16] {
            assert!(database.remove(emptied));
        }
        assert!(database.replace(5, &miss[party]) && database.replace(15, &hit[party]));
        assert!(!database.replace(18, &hit[party]) && !database.remove(18));
        database.pop();
        assert_eq!(database.slots(), 17);
        assert_eq!(database.get(5).unwrap().to_bytes(), miss[party].to_bytes());
        assert!(database.get(17).is_none());
    }
    let palm = accept_palm(&mut rng, &query);
    let stale = identify_jobs(&mut rng, &palm, &world, Rule::PALM, Security::Abort);
    let stale = run(stale).results;
    world.audit_anew(&mut rng);

    let found = search_both(&mut rng, &query, &world, Rule::PALM);

    assert_eq!(stale, [(); 3].map(|()| Some(Err(MpcError::NotAudited))));
    let expected: Vec<_> = (0..17).map(|slot| ![0, 5, 16].contains(&slot)).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_threshold_that_cannot_overflow_is_taken_and_no_other() {
    for threshold in [0, 16_384, 19_661, 20_316, 32_768, 65_536] {
        assert_eq!(Rule::new(threshold).unwrap().threshold(), threshold);
    }
    let (threshold, code_bits) = (65_537, 16_384);
    let above = RuleError::ThresholdAboveScale { threshold };
    assert_eq!(Rule::new(threshold), Err(above));
    let threshold = 65_536;
    let overflow = RuleError::Overflow {
        code_bits,
        threshold,
    };
    assert_eq!(Rule::for_code(code_bits, threshold), Err(overflow));
    assert!(Rule::for_code(code_bits - 1, threshold).is_ok());
}

fn full_with(bit: bool) -> Template {
    let mut template = Template::empty();
    (0..CELLS).for_each(|cell| template.set_cell_valid(cell, true));
    (0..CODE_BITS).for_each(|index| template.set_code_bit(index, bit));
    template
}

/// Returns the template that the query shows at one alignment.
fn moved(query: &Encodings, alignment: Alignment) -> Template {
    let source = &query.0[alignment.rotation];
    let mut template = Template::empty();
    for (row, column) in (0..GRID).flat_map(|row| (0..GRID).map(move |column| (row, column))) {
        let from_row = row
            .checked_add_signed(-alignment.dy)
            .filter(|row| *row < GRID);
        let from_column = column
            .checked_add_signed(-alignment.dx)
            .filter(|c| *c < GRID);
        let (Some(from_row), Some(from_column)) = (from_row, from_column) else {
            continue;
        };
        template.set_cell_valid(row * GRID + column, true);
        for (phase, k) in (0..PHASES).flat_map(|p| (0..ORIENTATIONS).map(move |k| (p, k))) {
            let bit = source.code_bit(code_index(phase, from_row, from_column, k));
            template.set_code_bit(code_index(phase, row, column, k), bit);
        }
    }
    template
}

/// Returns the even dot product nearest to the cut for so many valid cells, and its margin.
fn nearest(cells: usize, threshold: u32) -> (i64, i64) {
    let valid = 8 * i64::try_from(cells).unwrap();
    let margin = |dot| plain::Score { dot, valid }.margin(threshold);
    let dots = (0..=valid).step_by(2).map(|dot| (dot, margin(dot)));
    dots.min_by_key(|(_, margin)| margin.abs()).unwrap()
}

/// Returns `base` with the first cells valid, and bits flipped until the dot product is `dot`.
fn with_dot(base: &Template, cells: usize, dot: i64) -> Template {
    let mut template = base.clone();
    (cells..CELLS).for_each(|cell| template.set_cell_valid(cell, false));
    let flips = (8 * i64::try_from(cells).unwrap() - dot) / 2;
    let valid = (0..CODE_BITS).filter(|index| index / ORIENTATIONS % CELLS < cells);
    for index in valid.take(usize::try_from(flips).unwrap()) {
        template.set_code_bit(index, !base.code_bit(index));
    }
    template
}
