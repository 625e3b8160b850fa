//! The usual suspects for a launch digest that is not the recorded one.

use super::{Difference, Explanation, Input, features, measured, part, quoted, signature};
use crate::Hex;
use crate::record::{Boot, SnpRecord};
use crate::snp::{CpuSignature, KernelHashes, Launch, MODELS, Vmm};

/// Numbers of processors that are tried, from 1, unless a record has more.
const VCPUS_TRIED: u32 = 64;
/// The most that are tried for such a record.
const VCPUS_TRIED_MAX: u32 = 512;
/// SEV_FEATURES that are tried with every other change: none; SEV-SNP alone; with restricted
/// injection, debug swap, secure TSC, and the last two together.
const FEATURES_TRIED: [u64; 6] = [0x0, 0x1, 0x9, 0x21, 0x201, 0x221];
/// Bits of SEV_FEATURES of which all combinations are tried, with the number of processors alone.
const FEATURE_BITS: [u32; 11] = [0, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15];

const NAME: &str = "measurement";

/// Looks for the smallest change of a record's inputs that gives a digest: other numbers and
/// types of processors, features, hypervisors, blanks at the end of the command line, no initrd,
/// no kernel hashes, and these together.
pub fn explain_launch(record: &SnpRecord, digest: &Hex<48>) -> Explanation {
    if record.measurement == *digest {
        return Explanation::Same(NAME);
    }
    let mut search = Search::new(record, digest);
    let boots = boots(record.boot.as_ref());
    let others = Vmm::ALL.into_iter().filter(|vmm| *vmm != record.vmm);
    for vmm in std::iter::once(record.vmm).chain(others) {
        for boot in &boots {
            if !search.is_explained_by_one() {
                search.with_boot(vmm, boot);
            }
        }
    }
    if search.best.is_none() {
        let boot = BootGuess::recorded(record.boot.as_ref());
        let combinations = 0_u64..1 << FEATURE_BITS.len();
        let features: Vec<u64> = combinations.map(spread).collect();
        search.try_guess(record.vmm, &boot, &[record.vcpu_signature], &features);
    }
    let tried = search.tried;
    let unknown = Explanation::Unknown { tried };
    search
        .best
        .map_or(unknown, |changes| Explanation::Changed(NAME, changes))
}

/// Puts the bits of a number where SEV_FEATURES has its bits.
fn spread(number: u64) -> u64 {
    let bits = FEATURE_BITS.iter().enumerate();
    bits.fold(0, |all, (index, bit)| all | ((number >> index & 1) << bit))
}

/// What may be booted, and how that differs from the record.
struct BootGuess {
    kernel: Option<KernelHashes>,
    changes: Vec<Difference>,
}

impl BootGuess {
    fn recorded(boot: Option<&Boot>) -> Self {
        let (kernel, changes) = (boot.map(Boot::hashes), vec![]);
        Self { kernel, changes }
    }
}

fn boots(boot: Option<&Boot>) -> Vec<BootGuess> {
    let mut guesses = vec![BootGuess::recorded(boot)];
    let Some(boot) = boot else {
        return guesses;
    };
    guesses.push(BootGuess {
        kernel: None,
        changes: vec![change(Input::KernelHashes, measured(true), measured(false))],
    });
    let recorded = boot.hashes();
    for initrd in [recorded.initrd, KernelHashes::no_initrd()] {
        for line in lines(&boot.command_line) {
            let mut changes = vec![];
            if let Some(part_of) = boot.initrd.filter(|_| initrd != recorded.initrd) {
                changes.push(change(Input::Initrd, part(&part_of), "none".into()));
            }
            if line != boot.command_line {
                let (first, second) = (quoted(&boot.command_line), quoted(&line));
                changes.push(change(Input::CommandLine, first, second));
            }
            if !changes.is_empty() {
                let command_line = KernelHashes::of_command_line(&line);
                let kernel = Some(KernelHashes {
                    initrd,
                    command_line,
                    ..recorded
                });
                guesses.push(BootGuess { kernel, changes });
            }
        }
    }
    guesses
}

/// Command lines that look alike, the given one first.
pub(super) fn lines(line: &str) -> Vec<String> {
    let trimmed = line.trim();
    let guesses = [
        line.to_owned(),
        trimmed.to_owned(),
        line.trim_end().to_owned(),
        format!("{line} "),
        format!("{line}\n"),
        format!("{trimmed} "),
        format!("{trimmed}\n"),
        format!("{line}\0"),
        String::new(),
    ];
    let mut lines: Vec<String> = vec![];
    for guess in guesses {
        if !lines.contains(&guess) {
            lines.push(guess);
        }
    }
    lines
}

struct Search<'a> {
    record: &'a SnpRecord,
    digest: &'a Hex<48>,
    vcpus: u32,
    tried: u64,
    best: Option<Vec<Difference>>,
}

impl<'a> Search<'a> {
    fn new(record: &'a SnpRecord, digest: &'a Hex<48>) -> Self {
        let further = record.firmware.reset_address.is_some();
        let vcpus = record.vcpus.clamp(VCPUS_TRIED, VCPUS_TRIED_MAX);
        Self {
            record,
            digest,
            vcpus: if further { vcpus } else { 1 },
            tried: 0,
            best: None,
        }
    }

    /// Says whether an explanation is found than which none is smaller.
    fn is_explained_by_one(&self) -> bool {
        self.best.as_ref().is_some_and(|changes| changes.len() == 1)
    }

    /// Tries processors and features under one hypervisor with one thing booted.
    fn with_boot(&mut self, vmm: Vmm, boot: &BootGuess) {
        let mut signatures = vec![self.record.vcpu_signature];
        if vmm.measures_signature() {
            let known = MODELS.iter().map(|(_, signature)| *signature);
            signatures.extend(known.filter(|it| *it != self.record.vcpu_signature));
            signatures.dedup();
        }
        let recorded = self.record.guest_features;
        let mut features = vec![recorded];
        features.extend(FEATURES_TRIED.into_iter().filter(|it| *it != recorded));
        self.try_guess(vmm, boot, &signatures, &features);
    }

    fn try_guess(
        &mut self,
        vmm: Vmm,
        boot: &BootGuess,
        signatures: &[CpuSignature],
        features: &[u64],
    ) {
        let launch = Launch {
            kernel: boot.kernel,
            vmm,
            vcpus: 1,
            ..self.record.launch()
        };
        // What cannot be launched gives no digest.
        let Ok(start) = launch.before_processors() else {
            return;
        };
        for signature in signatures {
            for features in features {
                let launch = Launch {
                    signature: *signature,
                    guest_features: *features,
                    ..launch
                };
                let Ok(processors) = launch.processors() else {
                    return;
                };
                let mut chain = start;
                for (vcpus, page) in (1..).zip(processors.hashes(self.vcpus)) {
                    chain.vmsa(&page);
                    self.tried += 1;
                    if chain.0 == self.digest.0 {
                        self.found(&Launch { vcpus, ..launch }, boot);
                    }
                }
            }
        }
    }

    fn found(&mut self, launch: &Launch<'_>, boot: &BootGuess) {
        let record = self.record;
        let mut changes = boot.changes.clone();
        let mut note = |input, first: String, second: String| {
            if first != second {
                changes.push(change(input, first, second));
            }
        };
        note(Input::Vmm, record.vmm.to_string(), launch.vmm.to_string());
        note(
            Input::Vcpus,
            record.vcpus.to_string(),
            launch.vcpus.to_string(),
        );
        let signatures = [record.vcpu_signature, launch.signature].map(signature);
        let [first, second] = signatures;
        note(Input::VcpuType, first, second);
        let [first, second] = [record.guest_features, launch.guest_features].map(features);
        note(Input::GuestFeatures, first, second);
        let is_better = |best: &Vec<Difference>| changes.len() < best.len();
        if self.best.as_ref().is_none_or(is_better) {
            self.best = Some(changes);
        }
    }
}

pub(super) fn change(input: Input, first: String, second: String) -> Difference {
    Difference {
        input,
        first,
        second,
    }
}
