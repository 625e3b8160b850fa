//! The usual suspects for the PCR of an enclave that is not an image's.

use super::launch::{change, lines};
use super::{Difference, Explanation, Input, digests, quoted};
use crate::Hex;
use crate::eif::{Image, pcr};
use crate::record::{NitroRecord, Record};

/// Ramdisks of which all orders are tried; more have too many.
const RAMDISKS_ORDERED_MAX: usize = 4;

/// Looks which recorded register a value is. More cannot be said from hashes alone; with the image
/// at hand [`explain_image`] says more.
pub fn explain_registers(record: &NitroRecord, value: &Hex<48>) -> Explanation {
    if value.0 == [0; 48] {
        return Explanation::Zero;
    }
    let registers = digests(&Record::Nitro(record.clone()));
    let found = registers
        .into_iter()
        .find(|(_, register)| register == value);
    let tried = 4;
    found.map_or(Explanation::Unknown { tried }, |(name, _)| {
        Explanation::Same(name)
    })
}

/// Looks for a small change of an image that gives a register: blanks at the end of the command
/// line, ramdisks in another order, the last one missing.
pub fn explain_image(image: &Image<'_>, record: &NitroRecord, value: &Hex<48>) -> Explanation {
    let mut tried = match explain_registers(record, value) {
        Explanation::Unknown { tried } => tried,
        known => return known,
    };
    for (changed, changes) in variations(image) {
        tried += 3;
        let pcrs = changed.measured();
        let registers = [
            ("PCR0", pcrs.pcr0),
            ("PCR1", pcrs.pcr1),
            ("PCR2", pcrs.pcr2),
        ];
        let found = registers
            .into_iter()
            .find(|(_, register)| register == value);
        if let Some((name, _)) = found {
            return Explanation::Changed(name, changes);
        }
    }
    for line in lines(&String::from_utf8_lossy(image.command_line)) {
        let boot = [image.kernel, line.as_bytes()];
        let first = image.ramdisks.len().min(1);
        let registers = [
            (
                "PCR0",
                pcr(boot.into_iter().chain(image.ramdisks.iter().copied())),
            ),
            (
                "PCR1",
                pcr(boot
                    .into_iter()
                    .chain(image.ramdisks[..first].iter().copied())),
            ),
        ];
        tried += 2;
        let found = registers
            .into_iter()
            .find(|(_, register)| register == value);
        if let Some((name, _)) = found {
            let recorded = quoted(&record.command_line);
            let changes = vec![change(Input::CommandLine, recorded, quoted(&line))];
            return Explanation::Changed(name, changes);
        }
    }
    Explanation::Unknown { tried }
}

fn variations<'a>(image: &Image<'a>) -> Vec<(Image<'a>, Vec<Difference>)> {
    let count = image.ramdisks.len();
    let mut found = vec![];
    if count > 0 {
        let mut changed = image.clone();
        changed.ramdisks.pop();
        let last = change(Input::Ramdisk(count), "there".into(), "none".into());
        found.push((changed, vec![last]));
    }
    if (2..=RAMDISKS_ORDERED_MAX).contains(&count) {
        for order in orders(count).into_iter().skip(1) {
            let ramdisks = order.iter().map(|index| image.ramdisks[*index]).collect();
            let names: Vec<String> = order.iter().map(|index| (index + 1).to_string()).collect();
            let changed = Image {
                ramdisks,
                ..image.clone()
            };
            let order = change(
                Input::RamdiskOrder,
                "as in the image".into(),
                names.join(", "),
            );
            found.push((changed, vec![order]));
        }
    }
    found
}

/// All orders of so many things, the given one first.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![vec![]];
    for _ in 0..count {
        let longer = orders.iter().flat_map(|order: &Vec<usize>| {
            let rest = (0..count).filter(|index| !order.contains(index));
            rest.map(|index| [order.as_slice(), &[index]].concat())
        });
        orders = longer.collect();
    }
    orders
}
