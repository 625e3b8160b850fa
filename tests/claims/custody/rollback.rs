//! Yesterday's blobs, yesterday's registers and yesterday's tokens, at every set of parties.
//!
//! Three layers stand in the way here. Each is silenced by what it depends on: the peers'
//! comparison by yesterday's blobs at all three, a custodian's record by yesterday's register, and
//! that a register and a token go together by yesterday's token beside it. Where two are silenced,
//! the third catches it alone; where all are, yesterday opens. (In a network the ledger has the
//! lease that such a token gives once more: `tests/e2e/custody_ledger.rs`.)

use anyhow::Result;
use boop_abi::Phase;
use boop_wire::Refusal;
use serde_json::{Value, json};

use super::day::{Day, Start, records};
use crate::claim::Claim;

const SEED: u64 = 5;
/// Sets of parties, as bits.
const ALL: u8 = 0b111;
/// For the quick run: of one, of two, of all, each way of being caught.
const SAMPLE: [SetBack; 12] = [
    SetBack::of(0, 0, 0),
    SetBack::of(0b010, 0, 0),
    SetBack::of(0b010, 0b010, 0b010),
    SetBack::of(0b101, 0, 0),
    SetBack::of(0b101, 0b101, 0b101),
    SetBack::of(ALL, 0, 0),
    SetBack::of(ALL, 0b001, 0b001),
    SetBack::of(ALL, 0b110, 0b110),
    SetBack::of(ALL, ALL, 0),
    SetBack::of(ALL, ALL, 0b011),
    SetBack::of(0, 0, 0b100),
    SetBack::of(ALL, ALL, ALL),
];

/// At which parties what is from yesterday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SetBack {
    blobs: u8,
    registers: u8,
    tokens: u8,
}

/// Who caught it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// A custodian, whose register and token do not go together [KEY-9].
    Files,
    /// What a custodian has on record [KEY-7].
    Record,
    /// The peers, who compare heads [STO-3].
    Peers,
}

pub(crate) fn claim(quick: bool) -> Result<Claim> {
    let mut day = Day::new(SEED)?;
    let differs = (0..3).all(|party| {
        let (before, now) = (&day.yesterday.custody[party], &day.today.custody[party]);
        let custody = before.register != now.register && before.token != now.token;
        custody && records(&day.yesterday.disks[party]) < records(&day.today.disks[party])
    });
    let cases = if quick { SAMPLE.into() } else { every() };
    let (mut wrong, mut alone, mut rows) = (Vec::new(), [0_u32; 3], Vec::new());
    let mut yesterday_opened = false;
    for case in &cases {
        let start = day_after(&mut day, *case);
        let (due, seen) = (case.caught_by(), seen(&start));
        if seen != due || start.serves != due.is_none() {
            wrong.push(format!("{case:?}: {start:?}"));
        }
        match due.filter(|_| seen == due) {
            Some(Layer::Peers) => alone[0] += 1,
            Some(Layer::Record) => alone[1] += u32::from(case.blobs == ALL),
            Some(Layer::Files) => alone[2] += u32::from((case.blobs, case.registers) == (ALL, ALL)),
            None if case.blobs == ALL => yesterday_opened = start.serves,
            None => {}
        }
        rows.push(case.row(seen, &start));
    }
    for line in &wrong {
        println!("rollback: {line}");
    }
    let refused = rows.iter().filter(|row| row["caught"] != Value::Null);
    let refused = refused.count();
    let opens = ["stays shut", "opens"][usize::from(yesterday_opened)];
    Ok(Claim {
        id: "custody-rollback".to_owned(),
        claim: "yesterday's blobs open at no party, at two, at three; custodians' registers too"
            .to_owned(),
        held: differs && wrong.is_empty(),
        control: yesterday_opened && alone.iter().all(|count| *count > 0),
        summary: format!(
            "{} ways: {refused} refused; alone: {} by the peers' comparison with custodians' files \
             set back, {} by a custodian's record with all blobs set back, {} by a token with all \
             blobs and registers set back; with everything set back everywhere yesterday {opens}",
            cases.len(),
            alone[0],
            alone[1],
            alone[2],
        ),
        figures: json!({ "cases": rows, "wrong": wrong }),
    })
}

/// Blobs and custodians' files of every set of parties, and files that are not of one day.
fn every() -> Vec<SetBack> {
    let sets = || 0..=ALL;
    let together = sets().flat_map(|blobs| sets().map(move |files| (blobs, files)));
    let together = together.map(|(blobs, files)| SetBack::of(blobs, files, files));
    let apart = (1..=ALL).flat_map(|set| {
        [
            SetBack::of(ALL, set, 0),
            SetBack::of(0, 0, set),
            SetBack::of(ALL, ALL, ALL & !set),
        ]
    });
    together.chain(apart).collect()
}

fn day_after(day: &mut Day, case: SetBack) -> Start {
    let mut kept = day.today.clone();
    for party in 0..3 {
        let yesterday = &day.yesterday;
        if case.blobs >> party & 1 == 1 {
            kept.disks[party] = yesterday.disks[party].clone();
        }
        if case.registers >> party & 1 == 1 {
            kept.custody[party].register = yesterday.custody[party].register.clone();
        }
        if case.tokens >> party & 1 == 1 {
            kept.custody[party].token = yesterday.custody[party].token.clone();
        }
    }
    day.start_over(&kept)
}

impl SetBack {
    const fn of(blobs: u8, registers: u8, tokens: u8) -> Self {
        Self {
            blobs,
            registers,
            tokens,
        }
    }

    /// Returns who must catch it, by the text of the protocol.
    fn caught_by(self) -> Option<Layer> {
        if self.registers != self.tokens {
            Some(Layer::Files)
        } else if self.blobs & !self.registers != 0 {
            Some(Layer::Record)
        } else if self.blobs != 0 && self.blobs != ALL {
            Some(Layer::Peers)
        } else {
            None
        }
    }

    fn row(self, caught: Option<Layer>, start: &Start) -> Value {
        let caught = caught.map(|layer| match layer {
            Layer::Files => "register and token apart",
            Layer::Record => "custodian's record",
            Layer::Peers => "peers' comparison",
        });
        json!({
            "blobs": format!("{:03b}", self.blobs),
            "registers": format!("{:03b}", self.registers),
            "tokens": format!("{:03b}", self.tokens),
            "caught": caught,
            "serves": start.serves,
        })
    }
}

/// Returns who caught it, by what the parties said. A party without a key never gets anywhere.
fn seen(start: &Start) -> Option<Layer> {
    if start.phases.contains(&Phase::Attested) {
        Some(Layer::Files)
    } else if start.stopped.contains(&Some(Refusal::StoreRolledBack)) {
        Some(Layer::Record)
    } else if start.refused.contains(&Some(Refusal::StateDiverged)) {
        Some(Layer::Peers)
    } else {
        None
    }
}
