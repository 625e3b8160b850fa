//! Processors as a guest sees them, and the hypervisors that set their first state.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The CPUID signature of a processor: family, model and stepping in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuSignature(pub u32);

/// Processor models of QEMU with their signatures. Versions of a model (`-v1`, `-v2`, ..) share it.
pub const MODELS: [(&str, CpuSignature); 6] = [
    ("EPYC", CpuSignature::of(23, 1, 2)),
    ("EPYC-IBPB", CpuSignature::of(23, 1, 2)),
    ("EPYC-Rome", CpuSignature::of(23, 49, 0)),
    ("EPYC-Milan", CpuSignature::of(25, 1, 1)),
    ("EPYC-Genoa", CpuSignature::of(25, 17, 0)),
    ("EPYC-Turin", CpuSignature::of(26, 0, 0)),
];

impl CpuSignature {
    /// Puts family, model and stepping together as CPUID function 1 returns them in EAX
    /// (AMD publication 25481).
    pub const fn of(family: u8, model: u8, stepping: u8) -> Self {
        let (base, extended) = match family.checked_sub(15) {
            Some(extended) => (15, extended as u32),
            None => (family as u32, 0),
        };
        let (model_high, model_low) = ((model >> 4) as u32, (model & 15) as u32);
        let stepping = (stepping & 15) as u32;
        Self(extended << 20 | model_high << 16 | base << 8 | model_low << 4 | stepping)
    }

    /// Returns the signature of a model of QEMU, with or without its version.
    pub fn of_model(name: &str) -> Option<Self> {
        let model = match name.rsplit_once("-v") {
            Some((model, version)) if is_version(version) => model,
            Some(_) | None => name,
        };
        let mut models = MODELS.iter();
        models
            .find(|(known, _)| *known == model)
            .map(|(_, signature)| *signature)
    }

    /// Returns the first model of QEMU that has this signature.
    pub fn model(self) -> Option<&'static str> {
        let mut models = MODELS.iter();
        models
            .find(|(_, signature)| *signature == self)
            .map(|(name, _)| *name)
    }
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Who starts the guest. Hypervisors differ in the first state of a processor and in the order and
/// kind of some pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vmm {
    /// QEMU with KVM.
    Qemu,
    /// Amazon EC2.
    Ec2,
    /// Amazon EC2 as it was before April 2026, when a processor began with 0 in RDX.
    #[serde(rename = "ec2-before-2026-04")]
    Ec2Before202604,
    /// Google Compute Engine.
    Gce,
}

impl Vmm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Qemu, Self::Ec2, Self::Ec2Before202604, Self::Gce];

    /// Returns the name that a command line takes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Ec2 => "ec2",
            Self::Ec2Before202604 => "ec2-before-2026-04",
            Self::Gce => "gce",
        }
    }

    /// Says whether the processor's signature is part of its measured state.
    pub const fn measures_signature(self) -> bool {
        match self {
            Self::Qemu => true,
            Self::Ec2 | Self::Ec2Before202604 | Self::Gce => false,
        }
    }
}

impl fmt::Display for Vmm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Vmm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|vmm| vmm.as_str() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("no hypervisor {text:?}; known are {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_its_signature_in_any_version() {
        for (name, signature) in [
            ("EPYC", 0x80_0f12),
            ("EPYC-v4", 0x80_0f12),
            ("EPYC-IBPB", 0x80_0f12),
            ("EPYC-Rome-v3", 0x83_0f10),
            ("EPYC-Milan-v2", 0xa0_0f11),
            ("EPYC-Genoa", 0xa1_0f10),
            ("EPYC-Genoa-v1", 0xa1_0f10),
            ("EPYC-Turin", 0xb0_0f00),
        ] {
            assert_eq!(
                CpuSignature::of_model(name),
                Some(CpuSignature(signature)),
                "{name}"
            );
        }
        for name in [
            "",
            "epyc",
            "EPYC-v",
            "EPYC-vx",
            "EPYC-v123",
            "EPYC-Naples",
            "-v1",
        ] {
            assert_eq!(CpuSignature::of_model(name), None, "{name}");
        }
        assert_eq!(CpuSignature(0xa0_0f11).model(), Some("EPYC-Milan"));
        assert_eq!(CpuSignature(0).model(), None);
    }

    #[test]
    fn small_families_have_no_extended_part() {
        assert_eq!(CpuSignature::of(6, 0x3a, 9), CpuSignature(0x3_06a9));
        assert_eq!(CpuSignature::of(15, 1, 2), CpuSignature(0xf12));
    }

    #[test]
    fn a_hypervisor_is_known_by_name() {
        for vmm in Vmm::ALL {
            assert_eq!(vmm.as_str().parse(), Ok(vmm));
            let json = serde_json::to_string(&vmm).unwrap();
            assert_eq!(json, format!("\"{vmm}\""));
        }
        assert_eq!(
            "xen".parse::<Vmm>(),
            Err("no hypervisor \"xen\"; known are qemu, ec2, ec2-before-2026-04, gce".into())
        );
    }
}
