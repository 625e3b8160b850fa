//! CRC-32 of IEEE 802.3, reflected, as zip and Ethernet use it.

const POLYNOMIAL: u32 = 0xedb8_8320;
const TABLE: [u32; 256] = table();

/// A checksum that grows with its data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc(u32);

impl Crc {
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    pub(super) fn update(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = TABLE[usize::from(low ^ byte)] ^ (self.0 >> 8);
        }
        self
    }

    pub(super) const fn finish(self) -> u32 {
        !self.0
    }
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index: u32 = 0;
    while index < 256 {
        let mut rest = index;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 1 {
                POLYNOMIAL ^ (rest >> 1)
            } else {
                rest >> 1
            };
            bit += 1;
        }
        table[index as usize] = rest;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_common_one() {
        let of = |bytes: &[u8]| Crc::new().update(bytes).finish();

        assert_eq!(of(b"123456789"), 0xcbf4_3926);
        assert_eq!(of(b""), 0);
        assert_eq!(
            Crc::new().update(b"1234").update(b"56789").finish(),
            of(b"123456789")
        );
    }
}
