//! Firmware levels. They are compared component by component, never as one number.

use core::fmt;

use super::product::Product;

/// A firmware level as eight bytes, whose order depends on the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcbBytes(pub [u8; 8]);

/// A firmware level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcb {
    /// FMC, which only Turin has.
    pub fmc: Option<u8>,
    /// Boot loader of the secure processor.
    pub bootloader: u8,
    /// Operating system of the secure processor.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// CPU microcode.
    pub microcode: u8,
}

impl TcbBytes {
    /// Reads the components in the order of the product; reserved bytes are left aside.
    pub fn read(self, product: Product) -> Tcb {
        let Self([b0, b1, b2, b3, _, _, b6, b7]) = self;
        match product.chain() {
            Product::Turin => Tcb {
                fmc: Some(b0),
                bootloader: b1,
                tee: b2,
                snp: b3,
                microcode: b7,
            },
            Product::Milan | Product::Genoa | Product::SienaBergamo => Tcb {
                fmc: None,
                bootloader: b0,
                tee: b1,
                snp: b6,
                microcode: b7,
            },
        }
    }
}

impl Tcb {
    /// Writes the components in the order of the product, reserved bytes zero.
    pub fn to_bytes(self) -> TcbBytes {
        let Self {
            fmc,
            bootloader,
            tee,
            snp,
            microcode,
        } = self;
        match fmc {
            Some(fmc) => TcbBytes([fmc, bootloader, tee, snp, 0, 0, 0, microcode]),
            None => TcbBytes([bootloader, tee, 0, 0, 0, 0, snp, microcode]),
        }
    }

    /// Says whether any component is above the one of `other`.
    pub fn exceeds(self, other: Self) -> bool {
        self.fmc > other.fmc
            || self.bootloader > other.bootloader
            || self.tee > other.tee
            || self.snp > other.snp
            || self.microcode > other.microcode
    }
}

impl fmt::Display for Tcb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fmc) = self.fmc {
            write!(f, "fmc {fmc} ")?;
        }
        let Self {
            bootloader,
            tee,
            snp,
            microcode,
            ..
        } = self;
        write!(
            f,
            "boot loader {bootloader} tee {tee} snp {snp} microcode {microcode}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_higher_component_exceeds_whatever_the_others_are() {
        let low = TcbBytes([4, 0, 0, 0, 0, 0, 24, 219]).read(Product::Milan);
        let mixed = TcbBytes([3, 0, 0, 0, 0, 0, 25, 10]).read(Product::Milan);

        assert!(mixed.exceeds(low));
        assert!(low.exceeds(mixed));
        assert!(!low.exceeds(low));
    }

    #[test]
    fn turin_has_its_own_order() {
        let bytes = TcbBytes([1, 2, 3, 4, 0, 0, 0, 81]);

        let tcb = bytes.read(Product::Turin);

        assert_eq!(
            tcb,
            Tcb {
                fmc: Some(1),
                bootloader: 2,
                tee: 3,
                snp: 4,
                microcode: 81
            }
        );
        assert_eq!(tcb.to_bytes(), bytes);
        assert_ne!(bytes.read(Product::Genoa).to_bytes(), bytes);
    }
}
