//! The launch digest of an SEV-SNP guest.

use anyhow::{Context as _, bail};
use boop_measure::record::{Boot, Machine, Part, Record, SnpRecord};
use boop_measure::snp::{CpuSignature, Firmware};

use super::arguments::SnpArguments;
use super::{keep, part, read};
use crate::Answer;
use crate::console::Console;

/// Measures a launch and prints its digest with its inputs.
pub(super) fn run(arguments: &SnpArguments, console: &Console) -> anyhow::Result<Answer> {
    let firmware = Firmware::parse(&read(&arguments.ovmf)?)
        .with_context(|| format!("{} cannot be measured", arguments.ovmf.display()))?;
    let machine = Machine {
        firmware,
        vmm: arguments.vmm,
        vcpus: arguments.vcpus,
        signature: signature(arguments)?,
        guest_features: arguments.guest_features,
    };
    let record = SnpRecord::measure(machine, boot(arguments)?)?;
    let record = Record::Snp(record);
    keep(&record, arguments.record.as_deref())?;
    if arguments.json {
        console.json(&record)?;
    } else if let Record::Snp(record) = &record {
        print(record, arguments, console);
    }
    Ok(Answer::Yes)
}

fn signature(arguments: &SnpArguments) -> anyhow::Result<CpuSignature> {
    match arguments.vcpu_type.or(arguments.vcpu_sig) {
        Some(signature) => Ok(signature),
        None if arguments.vmm.measures_signature() => {
            bail!(
                "under {} the processors count: give --vcpu-type or --vcpu-sig",
                arguments.vmm
            )
        }
        None => Ok(CpuSignature(0)),
    }
}

fn boot(arguments: &SnpArguments) -> anyhow::Result<Option<Boot>> {
    let Some(kernel) = &arguments.kernel else {
        return Ok(None);
    };
    let initrd = arguments.initrd.as_deref().map(read).transpose()?;
    Ok(Some(Boot {
        kernel: Part::of(&read(kernel)?),
        initrd: initrd.map(|initrd| Part::of(&initrd)),
        command_line: arguments.append.clone().unwrap_or_default(),
    }))
}

fn print(record: &SnpRecord, arguments: &SnpArguments, console: &Console) {
    console.line(format_args!("measurement = \"{}\"", record.measurement));
    let (bytes, sha256) = (record.firmware.bytes, record.firmware.sha256);
    console.field("firmware", part(&Part { bytes, sha256 }));
    match &record.boot {
        Some(boot) => {
            console.field("kernel", part(&boot.kernel));
            let initrd = boot.initrd.as_ref();
            console.field("initrd", initrd.map_or_else(|| "none".into(), part));
            console.field("command line", format_args!("{:?}", boot.command_line));
        }
        None => console.field(
            "kernel",
            "not measured: the firmware starts what it finds on the guest's disk",
        ),
    }
    console.field("vmm", record.vmm);
    console.field("vcpus", record.vcpus);
    let signature = record.vcpu_signature;
    if record.vmm.measures_signature() {
        let model = signature.model().unwrap_or("of an unknown type");
        console.field("vcpu type", format_args!("{model} ({:#x})", signature.0));
    }
    console.field(
        "guest features",
        format_args!("{:#x}", record.guest_features),
    );
    if let Some(path) = &arguments.record {
        console.field("record", format_args!("written to {}", path.display()));
    }
}
