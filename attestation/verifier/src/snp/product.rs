//! Products: which processor signs, and which root stands above it.

use core::fmt;

/// AMD EPYC products with SEV-SNP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    /// Third generation.
    Milan,
    /// Fourth generation.
    Genoa,
    /// Fourth generation with dense or small cores; it uses the chain of Genoa.
    SienaBergamo,
    /// Fifth generation.
    Turin,
}

impl Product {
    /// Every product.
    pub const ALL: [Self; 4] = [Self::Milan, Self::Genoa, Self::SienaBergamo, Self::Turin];

    /// Gives the product whose root stands above this one.
    pub fn chain(self) -> Self {
        match self {
            Self::Milan => Self::Milan,
            Self::Genoa | Self::SienaBergamo => Self::Genoa,
            Self::Turin => Self::Turin,
        }
    }

    /// Gives the name as AMD writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::SienaBergamo => "Siena/Bergamo",
            Self::Turin => "Turin",
        }
    }

    /// Recognises the CPU family, model and stepping of a report.
    pub(crate) fn from_cpuid([family, model, _stepping]: [u8; 3]) -> Option<Self> {
        match (family, model) {
            (0x19, 0x00..=0x0f) => Some(Self::Milan),
            (0x19, 0x10..=0x1f) => Some(Self::Genoa),
            (0x19, 0xa0..=0xaf) => Some(Self::SienaBergamo),
            (0x1a, 0x00..=0x11) => Some(Self::Turin),
            _ => None,
        }
    }

    /// Recognises the product name of a leaf certificate, such as `Milan-B0`.
    pub(crate) fn from_certificate_name(name: &str) -> Option<Self> {
        match name.split('-').next() {
            Some("Milan") => Some(Self::Milan),
            Some("Genoa") => Some(Self::Genoa),
            Some("Turin") => Some(Self::Turin),
            _ => None,
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_outside_the_known_ranges_are_unknown() {
        assert_eq!(Product::from_cpuid([0x19, 0x01, 1]), Some(Product::Milan));
        assert_eq!(Product::from_cpuid([0x19, 0x11, 1]), Some(Product::Genoa));
        assert_eq!(
            Product::from_cpuid([0x19, 0xa0, 2]),
            Some(Product::SienaBergamo)
        );
        assert_eq!(Product::from_cpuid([0x1a, 0x02, 1]), Some(Product::Turin));
        for cpuid in [
            [0x19, 0x20, 0],
            [0x19, 0xb0, 0],
            [0x1a, 0x12, 0],
            [0x1b, 0, 0],
            [0; 3],
        ] {
            assert_eq!(Product::from_cpuid(cpuid), None);
        }
    }

    #[test]
    fn certificate_names_must_match_whole() {
        assert_eq!(
            Product::from_certificate_name("Milan-B0"),
            Some(Product::Milan)
        );
        assert_eq!(Product::from_certificate_name("Milano"), None);
        assert_eq!(Product::from_certificate_name(""), None);
    }
}
