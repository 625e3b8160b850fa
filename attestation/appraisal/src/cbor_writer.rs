//! A writer of CBOR that cannot fail: shortest heads, stated lengths.

/// CBOR that is being written.
#[derive(Debug, Default)]
pub(crate) struct CborWriter(Vec<u8>);

impl CborWriter {
    /// Gives the bytes written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Begins an array of so many items.
    pub(crate) fn array(&mut self, items: usize) -> &mut Self {
        self.head(4, items as u64)
    }

    /// Begins a map of so many pairs.
    pub(crate) fn map(&mut self, pairs: usize) -> &mut Self {
        self.head(5, pairs as u64)
    }

    /// Writes the tag of the item that follows.
    pub(crate) fn tag(&mut self, tag: u64) -> &mut Self {
        self.head(6, tag)
    }

    /// Writes a byte string.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.head(2, bytes.len() as u64).0.extend_from_slice(bytes);
        self
    }

    /// Writes a text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let bytes = text.as_bytes();
        self.head(3, bytes.len() as u64).0.extend_from_slice(bytes);
        self
    }

    /// Writes a number from 0 on.
    pub(crate) fn unsigned(&mut self, number: u64) -> &mut Self {
        self.head(0, number)
    }

    /// Writes a number.
    pub(crate) fn int(&mut self, number: i64) -> &mut Self {
        match u64::try_from(number) {
            Ok(number) => self.head(0, number),
            // The negative number n is written as -1 - n.
            Err(_) => self.head(1, !number.cast_unsigned()),
        }
    }

    /// Writes a truth value.
    pub(crate) fn bool(&mut self, value: bool) -> &mut Self {
        self.0.push(if value { 0xf5 } else { 0xf4 });
        self
    }

    fn head(&mut self, major: u8, number: u64) -> &mut Self {
        let major = major << 5;
        let bytes = number.to_be_bytes();
        match number {
            0..24 => self.0.push(major | bytes[7]),
            24..0x100 => self.0.extend_from_slice(&[major | 24, bytes[7]]),
            0x100..0x1_0000 => {
                self.0.push(major | 25);
                self.0.extend_from_slice(&bytes[6..]);
            }
            0x1_0000..0x1_0000_0000 => {
                self.0.push(major | 26);
                self.0.extend_from_slice(&bytes[4..]);
            }
            _ => {
                self.0.push(major | 27);
                self.0.extend_from_slice(&bytes);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_the_shortest_and_a_reader_gets_the_values_back() {
        let numbers = [0, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_296, i64::MAX];
        for number in numbers.into_iter().flat_map(|number| [number, -1 - number]) {
            let mut writer = CborWriter::default();
            writer.int(number);
            let bytes = writer.into_bytes();

            let mut other = minicbor::Encoder::new(Vec::new());
            other.i64(number).unwrap();

            assert_eq!(bytes, other.into_writer(), "{number}");
        }
    }

    #[test]
    fn items_of_each_kind_are_written() {
        let mut writer = CborWriter::default();
        writer.tag(18).array(2).bytes(b"\x01\x02");
        writer.map(1).text("a").bool(true);

        let expected = b"\xd2\x82\x42\x01\x02\xa1\x61a\xf5";
        assert_eq!(writer.into_bytes(), expected);
    }
}
