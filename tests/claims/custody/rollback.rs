//! Yesterday's blobs and yesterday's registers, at every set of parties.
//!
//! Two layers stand in the way. Each is silenced by what it depends on: a custodian's record by
//! yesterday's register, the peers' comparison by yesterday's blobs at all three.

use anyhow::Result;
use boop_wire::Refusal;
use serde_json::{Value, json};

use super::day::{Day, Start, records};
use crate::claim::Claim;

const SEED: u64 = 5;
/// Sets of parties, as bits.
const ALL: u8 = 0b111;
/// For the quick run: blobs and registers of one, of two, of all, each way of being caught.
const SAMPLE: [(u8, u8); 9] = [
    (0, 0),
    (0b010, 0),
    (0b010, 0b010),
    (0b101, 0),
    (0b101, 0b101),
    (ALL, 0),
    (ALL, 0b001),
    (ALL, 0b110),
    (ALL, ALL),
];

/// Who caught it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// What a custodian has on record [KEY-7].
    Record,
    /// The peers, who compare heads [STO-3].
    Peers,
}

pub(crate) fn claim(quick: bool) -> Result<Claim> {
    let mut day = Day::new(SEED)?;
    let fewer = |party: usize| {
        records(&day.yesterday.disks[party]) < records(&day.today.disks[party])
            && day.yesterday.registers[party] != day.today.registers[party]
    };
    let differs = (0..3).all(fewer);
    let every = (0..=ALL).flat_map(|blobs| (0..=ALL).map(move |registers| (blobs, registers)));
    let cases: Vec<(u8, u8)> = if quick {
        SAMPLE.into()
    } else {
        every.collect()
    };
    let (mut wrong, mut alone, mut rows) = (Vec::new(), [0_u32; 2], Vec::new());
    let mut yesterday_opened = false;
    for (blobs, registers) in &cases {
        let (blobs, registers) = (*blobs, *registers);
        let start = try_one(&mut day, blobs, registers);
        let (due, seen) = (expected(blobs, registers), seen(&start));
        let serves_as_it_must = start.serves == due.is_none();
        if seen != due || !serves_as_it_must {
            wrong.push(format!("{blobs:03b}/{registers:03b}: {start:?}"));
        }
        match due {
            Some(Layer::Peers) => alone[0] += u32::from(seen == due),
            Some(Layer::Record) if blobs == ALL => alone[1] += u32::from(seen == due),
            Some(Layer::Record) => {}
            None if blobs == ALL => yesterday_opened = start.serves,
            None => {}
        }
        rows.push(row(blobs, registers, seen, &start));
    }
    for line in &wrong {
        println!("rollback: {line}");
    }
    let refused = rows.iter().filter(|row| row["caught"] != Value::Null);
    let refused = refused.count();
    Ok(Claim {
        id: "custody-rollback".to_owned(),
        claim: "yesterday's blobs open at no party, at two, at three; custodians' registers too"
            .to_owned(),
        held: differs && wrong.is_empty(),
        control: yesterday_opened && alone.iter().all(|count| *count > 0),
        summary: format!(
            "{} ways: {refused} refused; {} by the peers' comparison with the record set back, \
             {} by a custodian's record with all blobs set back; with both set back everywhere \
             yesterday {}",
            cases.len(),
            alone[0],
            alone[1],
            if yesterday_opened {
                "opens"
            } else {
                "stays shut"
            },
        ),
        figures: json!({ "cases": rows, "wrong": wrong }),
    })
}

fn try_one(day: &mut Day, blobs: u8, registers: u8) -> Start {
    let mut kept = day.today.clone();
    for party in 0..3 {
        if blobs >> party & 1 == 1 {
            kept.disks[party] = day.yesterday.disks[party].clone();
        }
        if registers >> party & 1 == 1 {
            kept.registers[party] = day.yesterday.registers[party].clone();
        }
    }
    day.start_over(&kept)
}

/// Returns who must catch it, by the text of the protocol.
fn expected(blobs: u8, registers: u8) -> Option<Layer> {
    if blobs & !registers != 0 {
        Some(Layer::Record)
    } else if blobs != 0 && blobs != ALL {
        Some(Layer::Peers)
    } else {
        None
    }
}

/// Returns who caught it, by what the parties said.
fn seen(start: &Start) -> Option<Layer> {
    if start.stopped.contains(&Some(Refusal::StoreRolledBack)) {
        Some(Layer::Record)
    } else if start.refused.contains(&Some(Refusal::StateDiverged)) {
        Some(Layer::Peers)
    } else {
        None
    }
}

fn row(blobs: u8, registers: u8, caught: Option<Layer>, start: &Start) -> Value {
    let caught = caught.map(|layer| match layer {
        Layer::Record => "custodian's record",
        Layer::Peers => "peers' comparison",
    });
    json!({
        "blobs": format!("{blobs:03b}"),
        "registers": format!("{registers:03b}"),
        "caught": caught,
        "serves": start.serves,
    })
}
