//! Tests of generator and scanner together: a small population must look like the reference.
//!
//! The bands are those of the reference statistics, widened for the size of the sample.

use std::sync::LazyLock;
use std::thread;

use boop_palm::{
    Agreement, Alignment, EnrolRefusal, Enrolment, ExtractError, Extraction, Image, agreement,
    distance, extract, fuse, probe,
};

use super::{Person, Side};

const SEED: u64 = 41;
const PEOPLE: u64 = 24;
const CAPTURES: u64 = 5;

/// The captures of one person that a scanner accepts.
struct Sampled {
    accepted: Vec<Extraction>,
}

/// Every capture taken, by person.
static POPULATION: LazyLock<Vec<Sampled>> = LazyLock::new(|| {
    let sampled = |index: u64| {
        let captures = (0..CAPTURES).filter_map(|capture| extract(&take(index, capture)).ok());
        Sampled {
            accepted: captures
                .filter(|capture| capture.quality.acceptable())
                .collect(),
        }
    };
    let half = |first: u64| (first..PEOPLE).step_by(2).map(sampled).collect::<Vec<_>>();
    thread::scope(|scope| {
        let odd = scope.spawn(move || half(1));
        let even = half(0);
        even.into_iter()
            .chain(odd.join().expect("no panic"))
            .collect()
    })
});

#[test]
fn genuine_and_impostor_distances_follow_the_reference() {
    let (mut genuine, mut impostor, mut fixed) = (Vec::new(), Vec::new(), Vec::new());
    let all: Vec<(usize, &Extraction)> = POPULATION
        .iter()
        .enumerate()
        .flat_map(|(person, sampled)| sampled.accepted.iter().map(move |one| (person, one)))
        .collect();

    for (index, (person, stored)) in all.iter().enumerate() {
        for (other, query) in &all[index + 1..] {
            let value = distance(&stored.encodings.0[0], &query.encodings).value;
            if person == other {
                genuine.push(value);
            } else {
                impostor.push(value);
                fixed.push(upright(stored, query).distance());
            }
        }
    }

    let (mean, deviation) = moments(&genuine);
    assert!((0.230..0.280).contains(&mean), "genuine {mean}");
    assert!((0.026..0.048).contains(&deviation), "genuine {deviation}");
    let (mean, deviation) = moments(&impostor);
    assert!((0.438..0.457).contains(&mean), "impostor {mean}");
    assert!((0.010..0.0155).contains(&deviation), "impostor {deviation}");
    let (mean, deviation) = moments(&fixed);
    assert!((0.460..0.478).contains(&mean), "one alignment {mean}");
    assert!(
        (0.015..0.023).contains(&deviation),
        "one alignment {deviation}"
    );
    assert!(
        impostor.iter().all(|value| *value >= 0.350),
        "a false match"
    );
}

#[test]
fn a_scanner_accepts_nine_captures_of_ten() {
    let accepted: usize = POPULATION
        .iter()
        .map(|sampled| sampled.accepted.len())
        .sum();

    let share = accepted as f64 / (PEOPLE * CAPTURES) as f64;
    assert!((0.84..0.97).contains(&share), "{share}");
}

#[test]
fn codes_are_balanced_and_change_slowly() {
    let (mut valid, mut ones, mut agree, mut compared) = (0usize, [0usize; 8], 0usize, 0usize);
    for capture in POPULATION.iter().flat_map(|sampled| &sampled.accepted) {
        let template = &capture.encodings.0[0];
        valid += capture.valid_cells;
        for cell in (0..1_600).filter(|cell| cell % 40 < 39) {
            if !template.cell_valid(cell) || !template.cell_valid(cell + 1) {
                continue;
            }
            for (plane, ones) in ones.iter_mut().enumerate() {
                let bit = |cell: usize| template.code_bit(plane / 4 * 6_400 + cell * 4 + plane % 4);
                *ones += usize::from(bit(cell));
                agree += usize::from(bit(cell) == bit(cell + 1));
            }
            compared += 1;
        }
    }

    let captures: usize = POPULATION
        .iter()
        .map(|sampled| sampled.accepted.len())
        .sum();
    let valid = valid as f64 / (1_600 * captures) as f64;
    assert!((0.90..0.97).contains(&valid), "valid cells {valid}");
    let agree = agree as f64 / (8 * compared) as f64;
    assert!((0.69..0.74).contains(&agree), "neighbours {agree}");
    for (plane, ones) in ones.into_iter().enumerate() {
        let share = ones as f64 / compared as f64;
        assert!((0.45..0.60).contains(&share), "plane {plane}: {share}");
    }
}

#[test]
fn fused_palms_match_their_owner_and_nobody_else() {
    let enrolled: Vec<(usize, Enrolment)> = POPULATION
        .iter()
        .enumerate()
        .filter_map(|(person, sampled)| Some((person, fuse(sampled.accepted.first_chunk()?).ok()?)))
        .collect();
    let (mut probes, mut missed) = (0, 0);

    for (person, enrolment) in &enrolled {
        for (other, sampled) in POPULATION.iter().enumerate() {
            for capture in sampled.accepted.iter().skip(3) {
                let matches = distance(enrolment.template(), &capture.encodings).matches();
                probes += u32::from(other == *person);
                missed += u32::from(other == *person && !matches);
                assert!(other == *person || !matches, "{other} passes as {person}");
            }
        }
    }

    assert!(
        enrolled.len() * 10 >= POPULATION.len() * 9,
        "{} enrolled",
        enrolled.len()
    );
    assert!(
        probes >= 30 && missed * 100 <= probes,
        "{missed} of {probes} missed"
    );
}

#[test]
fn a_second_enrolment_finds_the_first_and_no_other() {
    let enrol = |index: u64, first: u64| {
        let good: Vec<Extraction> = (first..first + 8)
            .filter_map(|capture| extract(&take(index, capture)).ok())
            .filter(|capture| capture.quality.acceptable())
            .take(3)
            .collect();
        fuse(good.first_chunk().expect("eight captures give three")).expect("one palm")
    };
    let stored: Vec<Enrolment> = (0..4).map(|index| enrol(index, 0)).collect();

    for index in [0u64, 1] {
        let again = enrol(index, 100);

        let found: Vec<bool> = stored
            .iter()
            .map(|stored| distance(stored.template(), &again.encodings).matches())
            .collect();
        let wanted: Vec<bool> = (0..4).map(|other| other == index).collect();
        assert_eq!(found, wanted);
    }
}

#[test]
fn captures_of_two_people_are_not_one_palm() {
    let mine = &POPULATION[0].accepted;
    let other = &POPULATION[1].accepted;

    let refusal = fuse(&[mine[0].clone(), other[0].clone(), mine[1].clone()]).unwrap_err();

    let EnrolRefusal::NotOnePalm {
        sample: 1,
        distance_permille,
    } = refusal
    else {
        panic!("{refusal:?}");
    };
    assert!(
        (400..500).contains(&distance_permille),
        "{distance_permille}"
    );
}

#[test]
fn the_two_palms_of_a_person_do_not_match() {
    let [left, right] = [Side::Left, Side::Right]
        .map(|side| extract(&Person::new(SEED, 3, side).capture(0)).expect("a hand is seen"));

    assert!(!distance(&left.encodings.0[0], &right.encodings).matches());
}

#[test]
fn half_a_hand_is_refused() {
    let whole = take(0, 0);
    for keep in [|x: usize| x < 200, |x: usize| x >= 200] {
        let pixels = whole.pixels().iter().enumerate();
        let half = pixels
            .map(|(i, grey)| if keep(i % 400) { *grey } else { 0 })
            .collect();
        let half = Image::new(400, 400, half).unwrap();

        assert_eq!(extract(&half), Err(ExtractError::FingersNotSeen));
    }
}

#[test]
fn a_probe_is_the_best_of_its_captures() {
    let black = Image::new(400, 400, vec![0; 160_000]).unwrap();
    let good = (0..4)
        .map(|capture| take(2, capture))
        .find(|image| extract(image).is_ok_and(|extraction| extraction.quality.acceptable()));
    let good = good.expect("most captures are good");

    let chosen = probe(&[black, good.clone()]).unwrap();

    assert_eq!(Ok(chosen), extract(&good));
}

#[test]
fn every_machine_draws_the_same_pixels() {
    let digest = take(0, 0)
        .pixels()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, pixel| {
            (hash ^ u64::from(*pixel)).wrapping_mul(0x0100_0000_01b3)
        });

    assert_eq!(digest, 17_430_553_730_288_177_618);
}

fn take(index: u64, capture: u64) -> Image {
    let side = if index.is_multiple_of(2) {
        Side::Right
    } else {
        Side::Left
    };
    Person::new(SEED, index, side).capture(capture)
}

fn upright(stored: &Extraction, query: &Extraction) -> Agreement {
    let still = Alignment {
        rotation: 0,
        dy: 0,
        dx: 0,
    };
    agreement(&stored.encodings.0[0], &query.encodings, still)
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, variance.sqrt())
}
