//! The two bit fields of a report, one line a bit.

use boop_verifier::snp::{GuestPolicy, PlatformInfo};

use super::super::{Tone, toned};
use super::{Field, Group, field};

/// Words for a bit: its name, and its meaning when it is set and when it is not.
struct Bit {
    name: &'static str,
    set: bool,
    yes: &'static str,
    no: &'static str,
}

impl Bit {
    fn field(&self) -> Field {
        let (value, meaning) = if self.set {
            ("yes", self.yes)
        } else {
            ("no", self.no)
        };
        field(self.name, value, meaning)
    }
}

/// Decodes the guest policy.
pub(super) fn guest_policy(policy: GuestPolicy) -> Group {
    let dangerous = [
        Bit {
            name: "Debug allowed (bit 19)",
            set: policy.debug(),
            yes: "The host may read and change the guest's memory. Nothing in it is secret.",
            no: "The host cannot read the guest's memory.",
        },
        Bit {
            name: "Migration agent allowed (bit 18)",
            set: policy.migration_agent(),
            yes: "An agent may take the guest's memory to another machine.",
            no: "The guest stays on this machine.",
        },
    ];
    let mut fields = vec![field(
        "Guest policy (POLICY)",
        format!("{:#x}", policy.0),
        format!(
            "Demands SEV-SNP firmware interface {}.{} or newer.",
            (policy.0 >> 8) & 0xff,
            policy.0 & 0xff
        ),
    )];
    fields.extend(dangerous.iter().map(|bit| {
        let tone = if bit.set { Tone::Bad } else { Tone::Plain };
        toned(bit.field(), tone)
    }));
    fields.extend(demands(policy).iter().map(Bit::field));
    Group {
        title: "What the host may do to the guest",
        about: "Fixed at launch and enforced by the secure processor.",
        fields,
    }
}

/// Lists what the guest's owner asked of the machine.
fn demands(policy: GuestPolicy) -> [Bit; 7] {
    [
        Bit {
            name: "Two threads per core allowed (bit 16)",
            set: policy.smt_allowed(),
            yes: "Another guest's thread may share a core and watch its timing.",
            no: "The guest starts only where threads are off.",
        },
        Bit {
            name: "One socket only (bit 20)",
            set: policy.single_socket(),
            yes: "The guest's memory stays on one processor.",
            no: "The guest may spread over several processors.",
        },
        Bit {
            name: "CXL memory allowed (bit 21)",
            set: policy.cxl_allowed(),
            yes: "Memory behind a CXL link may be used.",
            no: "Memory is the processor's own.",
        },
        Bit {
            name: "AES-256 XTS demanded (bit 22)",
            set: policy.mem_aes_256_xts(),
            yes: "Memory is encrypted with AES-256 XTS.",
            no: "Memory may be encrypted with AES-128.",
        },
        Bit {
            name: "Power readings off demanded (bit 23)",
            set: policy.rapl_disabled(),
            yes: "The host cannot guess secrets from power readings.",
            no: "The host may read how much power the processor draws.",
        },
        Bit {
            name: "Ciphertext hiding demanded (bit 24)",
            set: policy.ciphertext_hiding(),
            yes: "The host cannot even watch encrypted memory change.",
            no: "The host may watch encrypted memory change, which can give keys away.",
        },
        Bit {
            name: "Page swapping off demanded (bit 25)",
            set: policy.page_swap_disabled(),
            yes: "The host cannot move pages about.",
            no: "The host may move encrypted pages about.",
        },
    ]
}

/// Decodes the platform information.
pub(super) fn platform(info: PlatformInfo) -> Group {
    let bits = [
        Bit {
            name: "Two threads per core on (bit 0)",
            set: info.smt_enabled(),
            yes: "Threads of other guests may share a core.",
            no: "Each core runs one thread.",
        },
        Bit {
            name: "All memory encrypted (TSME, bit 1)",
            set: info.tsme_enabled(),
            yes: "Memory outside guests is encrypted as well.",
            no: "Only guests' memory is encrypted.",
        },
        Bit {
            name: "Error correcting memory on (bit 2)",
            set: info.ecc_enabled(),
            yes: "Flipped bits are noticed.",
            no: "Flipped bits may go unnoticed (or the report is older than this bit).",
        },
        Bit {
            name: "Power readings off (bit 3)",
            set: info.rapl_disabled(),
            yes: "The host cannot guess secrets from power readings.",
            no: "The host may read how much power the processor draws.",
        },
        Bit {
            name: "Ciphertext hiding on (bit 4)",
            set: info.ciphertext_hiding_enabled(),
            yes: "The host cannot watch encrypted memory change.",
            no: "The host may watch encrypted memory change.",
        },
        Bit {
            name: "Trusted input and output on (bit 7)",
            set: info.tio_enabled(),
            yes: "Devices can be attached under protection.",
            no: "Devices are outside the protection.",
        },
    ];
    let alias = Bit {
        name: "Memory checked for aliases (bit 5)",
        set: info.alias_check_complete(),
        yes: "A memory module that lies about its size would have been noticed (BadRAM).",
        no: "A memory module could lie about its size (BadRAM, CVE-2024-21944), or the firmware \
             is too old to say.",
    };
    let mut fields = vec![field(
        "Platform information (PLATFORM_INFO)",
        format!("{:#x}", info.0),
        "Settings of the machine when the report was made.",
    )];
    fields.extend(bits.iter().map(Bit::field));
    let tone = if alias.set { Tone::Plain } else { Tone::Open };
    fields.push(toned(alias.field(), tone));
    fields.extend(unpublished(info));
    Group {
        title: "How the machine is set",
        about: "Settings of the whole machine, which the host's owner chose.",
        fields,
    }
}

/// Tells of bits whose meaning nobody outside the vendor knows.
fn unpublished(info: PlatformInfo) -> Option<Field> {
    let found = match (info.bit6(), info.unknown_bits()) {
        (true, _) => "yes, bit 6 among them",
        (false, 0) => return None,
        (false, _) => "yes",
    };
    Some(field(
        "Bits without a published meaning",
        found,
        "The vendor has not said what they mean.",
    ))
}
