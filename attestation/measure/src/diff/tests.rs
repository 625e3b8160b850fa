//! Records that differ in known ways, and digests made by known changes.

use super::*;
use crate::eif::Image;
use crate::record::tests::{image, nitro, snp};
use crate::record::{Boot, Machine};
use crate::snp::{LaunchError, Vmm};

/// Measures the recorded launch with a change.
fn changed(change: impl FnOnce(&mut SnpRecord)) -> SnpRecord {
    let mut record = snp();
    change(&mut record);
    let machine = Machine {
        firmware: record.firmware,
        vmm: record.vmm,
        vcpus: record.vcpus,
        signature: record.vcpu_signature,
        guest_features: record.guest_features,
    };
    SnpRecord::measure(machine, record.boot).unwrap()
}

fn boot(record: &mut SnpRecord) -> &mut Boot {
    record.boot.as_mut().unwrap()
}

fn difference(input: Input, first: &str, second: &str) -> Difference {
    let (first, second) = (first.into(), second.into());
    Difference {
        input,
        first,
        second,
    }
}

#[test]
fn each_input_of_a_launch_is_named_when_it_differs() {
    let inputs = |other: SnpRecord| {
        let all = compare(&Record::Snp(snp()), &Record::Snp(other)).unwrap();
        all.into_iter().map(|it| it.input).collect::<Vec<_>>()
    };
    let other = || crate::record::Part::of(b"other");

    assert_eq!(inputs(snp()), []);
    assert_eq!(inputs(changed(|it| it.vcpus = 4)), [Input::Vcpus]);
    assert_eq!(inputs(changed(|it| it.vmm = Vmm::Gce)), [Input::Vmm]);
    assert_eq!(
        inputs(changed(|it| it.guest_features = 0)),
        [Input::GuestFeatures]
    );
    assert_eq!(
        inputs(changed(|it| it.vcpu_signature.0 = 0)),
        [Input::VcpuType]
    );
    assert_eq!(
        inputs(changed(|it| it.firmware.reset_address = Some(4))),
        [Input::Firmware]
    );
    assert_eq!(inputs(changed(|it| it.boot = None)), [Input::KernelHashes]);
    assert_eq!(
        inputs(changed(|it| boot(it).kernel = other())),
        [Input::Kernel]
    );
    assert_eq!(
        inputs(changed(|it| boot(it).initrd = None)),
        [Input::Initrd]
    );
    assert_eq!(
        inputs(changed(|it| boot(it).command_line.push(' '))),
        [Input::CommandLine]
    );
    let both = changed(|it| {
        it.vcpus = 1;
        boot(it).initrd = Some(other());
    });
    assert_eq!(inputs(both), [Input::Initrd, Input::Vcpus]);
}

#[test]
fn inputs_that_are_not_measured_do_not_count() {
    let gce = |signature| changed(|it| (it.vmm, it.vcpu_signature.0) = (Vmm::Gce, signature));
    let empty = |initrd| changed(|it| boot(it).initrd = initrd);
    let nothing = Some(crate::record::Part::of(b""));

    for (first, second) in [(gce(1), gce(2)), (empty(None), empty(nothing))] {
        let (first, second) = (Record::Snp(first), Record::Snp(second));
        assert_eq!(compare(&first, &second), Ok(vec![]));
        assert!(same_digests(&first, &second));
    }
}

#[test]
fn each_input_of_an_image_is_named_when_it_differs() {
    let differences = |change: &dyn Fn(&mut Image<'static>), certificate: Option<&[u8]>| {
        let mut image = image();
        change(&mut image);
        let other = NitroRecord::of_parts(&image, certificate);
        compare(&Record::Nitro(nitro()), &Record::Nitro(other)).unwrap()
    };
    let inputs = |change: &dyn Fn(&mut Image<'static>)| {
        let all = differences(change, Some(b"certificate"));
        all.into_iter().map(|it| it.input).collect::<Vec<_>>()
    };

    assert_eq!(inputs(&|_| {}), []);
    assert_eq!(inputs(&|it| it.kernel = b"x"), [Input::Kernel]);
    assert_eq!(inputs(&|it| it.command_line = b"x"), [Input::CommandLine]);
    assert_eq!(inputs(&|it| it.ramdisks[1] = b"x"), [Input::Ramdisk(2)]);
    assert_eq!(inputs(&|it| it.ramdisks.push(b"x")), [Input::Ramdisk(3)]);
    assert_eq!(
        inputs(&|it| it.ramdisks.swap(0, 1)),
        [Input::Ramdisk(1), Input::Ramdisk(2)]
    );
    assert_eq!(inputs(&|it| it.metadata = b"other"), []);
    let unsigned = differences(&|_| {}, None);
    assert_eq!(unsigned[0].input, Input::SigningCertificate);
    assert_eq!(unsigned[0].second, "none: not signed");
}

#[test]
fn records_of_different_kinds_are_not_compared() {
    let (snp, nitro) = (Record::Snp(snp()), Record::Nitro(nitro()));

    assert_eq!(compare(&snp, &nitro), Err(OtherKind));
    assert_eq!(compare(&nitro, &snp), Err(OtherKind));
}

#[test]
fn a_digest_that_does_not_follow_from_its_inputs_is_doubted() {
    let computed = snp().measurement;
    let mut forged = snp();
    forged.measurement = Hex([1; 48]);
    let name = "measurement";
    assert_eq!(doubts(&Record::Snp(snp())), []);
    assert_eq!(
        doubts(&Record::Snp(forged.clone())),
        [Doubt::Other { name, computed }]
    );
    forged.vcpus = 0;
    let impossible = Doubt::Impossible(LaunchError::Vcpus { vcpus: 0 });
    assert_eq!(doubts(&Record::Snp(forged)), [impossible]);
}

#[test]
fn registers_that_do_not_fit_their_inputs_are_doubted() {
    let doubted = |change: &dyn Fn(&mut NitroRecord)| {
        let mut record = nitro();
        change(&mut record);
        doubts(&Record::Nitro(record))
    };
    let recorded = nitro();

    assert_eq!(doubted(&|_| {}), []);
    let computed = recorded.pcr8.unwrap();
    let name = "PCR8";
    assert_eq!(
        doubted(&|it| it.pcr8 = Some(Hex([1; 48]))),
        [Doubt::Other { name, computed }]
    );
    assert_eq!(doubted(&|it| it.pcr8 = None), [Doubt::Certificate]);
    assert_eq!(
        doubted(&|it| it.signing_certificate = None),
        [Doubt::Certificate]
    );
    assert_eq!(doubted(&|it| it.pcr1 = it.pcr0), [Doubt::Ramdisks]);
    assert_eq!(
        doubted(&|it| it.command_line.push('x')),
        [Doubt::CommandLine]
    );
    let (name, computed) = ("PCR2", crate::eif::pcr([]));
    assert_eq!(
        doubted(&|it| it.ramdisks.truncate(1)),
        [Doubt::Other { name, computed }, Doubt::Ramdisks]
    );
}

#[test]
fn the_usual_suspects_are_found() {
    let explained = |other: SnpRecord| explain_launch(&snp(), &other.measurement);
    let one = |input, first: &str, second: &str| {
        Explanation::Changed("measurement", vec![difference(input, first, second)])
    };
    let line = "\"console=ttyS0\"";

    assert_eq!(explained(snp()), Explanation::Same("measurement"));
    assert_eq!(
        explained(changed(|it| it.vcpus = 4)),
        one(Input::Vcpus, "2", "4")
    );
    assert_eq!(
        explained(changed(|it| it.vcpus = 64)),
        one(Input::Vcpus, "2", "64")
    );
    assert_eq!(
        explained(changed(|it| it.vcpu_signature = CpuSignature::of(25, 17, 0))),
        one(
            Input::VcpuType,
            "EPYC-Milan (0xa00f11)",
            "EPYC-Genoa (0xa10f10)"
        )
    );
    assert_eq!(
        explained(changed(|it| it.guest_features = 0x21)),
        one(Input::GuestFeatures, "0x1", "0x21")
    );
    assert_eq!(
        explained(changed(|it| it.guest_features = 0xc1d1)),
        one(Input::GuestFeatures, "0x1", "0xc1d1")
    );
    assert_eq!(
        explained(changed(|it| it.vmm = Vmm::Ec2)),
        one(Input::Vmm, "qemu", "ec2")
    );
    assert_eq!(
        explained(changed(|it| boot(it).command_line.push('\n'))),
        one(Input::CommandLine, line, "\"console=ttyS0\\n\"")
    );
    assert_eq!(
        explained(changed(|it| it.boot = None)),
        one(Input::KernelHashes, "measured", "not measured")
    );
    let no_initrd = explained(changed(|it| boot(it).initrd = None));
    let Explanation::Changed(_, changes) = no_initrd else {
        panic!("{no_initrd:?}");
    };
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].input, Input::Initrd);
}

#[test]
fn suspects_are_found_together() {
    let other = changed(|it| {
        it.vcpus = 8;
        it.vmm = Vmm::Gce;
        it.guest_features = 0;
        boot(it).command_line.push(' ');
    });

    let Explanation::Changed(_, changes) = explain_launch(&snp(), &other.measurement) else {
        panic!("not found");
    };

    let inputs: Vec<_> = changes.iter().map(|it| it.input).collect();
    let expected = [
        Input::CommandLine,
        Input::Vmm,
        Input::Vcpus,
        Input::GuestFeatures,
    ];
    assert_eq!(inputs, expected);
}

#[test]
fn a_digest_of_something_else_stays_unknown() {
    let other = changed(|it| boot(it).kernel = crate::record::Part::of(b"other"));

    let explanation = explain_launch(&snp(), &other.measurement);

    let Explanation::Unknown { tried } = explanation else {
        panic!("{explanation:?}");
    };
    assert!(tried > 100_000, "{tried}");
}

#[test]
fn a_register_is_known_again() {
    let image = image();
    let record = NitroRecord::measure(&image).unwrap();
    let explained = |value: Hex<48>| explain_image(&image, &record, &value);
    let with = |change: &dyn Fn(&mut Image<'static>)| {
        let mut image = image.clone();
        change(&mut image);
        image.measured()
    };
    let one = |name, input, first: &str, second: &str| {
        Explanation::Changed(name, vec![difference(input, first, second)])
    };

    assert_eq!(explained(record.pcr2), Explanation::Same("PCR2"));
    assert_eq!(explained(Hex([0; 48])), Explanation::Zero);
    let newline = with(&|it| it.command_line = b"console=ttyS0\n");
    let lines = ("\"console=ttyS0\"", "\"console=ttyS0\\n\"");
    assert_eq!(
        explained(newline.pcr0),
        one("PCR0", Input::CommandLine, lines.0, lines.1)
    );
    assert_eq!(
        explained(newline.pcr1),
        one("PCR1", Input::CommandLine, lines.0, lines.1)
    );
    let swapped = with(&|it| it.ramdisks.swap(0, 1));
    assert_eq!(
        explained(swapped.pcr0),
        one("PCR0", Input::RamdiskOrder, "as in the image", "2, 1")
    );
    let shorter = with(&|it| it.ramdisks.truncate(1));
    assert_eq!(
        explained(shorter.pcr0),
        Explanation::Same("PCR1"),
        "with one ramdisk less PCR0 is PCR1"
    );
    assert_eq!(
        explained(shorter.pcr2),
        one("PCR2", Input::Ramdisk(2), "there", "none")
    );
    let other = with(&|it| it.kernel = b"other");
    assert_eq!(explained(other.pcr0), Explanation::Unknown { tried: 20 });
}

#[test]
fn one_firmware_file_with_two_sets_of_facts_is_named_and_doubted() {
    let between = |change: &dyn Fn(&mut crate::snp::Firmware)| {
        let other = changed(|it| change(&mut it.firmware));
        let (first, second) = (Record::Snp(snp()), Record::Snp(other));
        let differences = compare(&first, &second).unwrap();
        (differences, doubts_between(&first, &second))
    };
    let (recorded, doubt) = (snp().firmware, |members| vec![Doubt::Firmware { members }]);
    let digests = [recorded.pages_digest, Hex([1; 48])].map(|it| format!("pages_digest {it}"));

    assert_eq!(between(&|_| {}), (vec![], vec![]));
    assert_eq!(
        between(&|it| it.pages_digest = Hex([1; 48])),
        (
            vec![difference(Input::Firmware, &digests[0], &digests[1])],
            doubt("page digests")
        )
    );
    let addresses = doubt("sets of addresses or sections");
    let (differences, doubts) = between(&|it| it.reset_address = Some(0x40));
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].second, "reset_address 0x40");
    assert_ne!(differences[0].first, differences[0].second);
    assert_eq!(doubts, addresses);
    let (differences, doubts) = between(&|it| {
        it.sections.as_mut().unwrap()[0].address += 0x1000;
    });
    assert_eq!(differences.len(), 1);
    assert!(differences[0].first.starts_with("sections ["));
    assert_ne!(differences[0].first, differences[0].second);
    assert_eq!(doubts, addresses);
    let (_, doubts) = between(&|it| it.bytes += 1);
    assert_eq!(doubts, doubt("sizes"));
    let (differences, doubts) = between(&|it| {
        it.sha256 = Hex([1; 32]);
        it.pages_digest = Hex([1; 48]);
    });
    assert!(differences[0].second.ends_with(&Hex([1; 32]).to_string()));
    assert_eq!((differences.len(), doubts), (1, vec![]));
    assert_eq!(
        doubt("page digests")[0].to_string(),
        "the same firmware file cannot have two page digests: one record was altered"
    );
}
