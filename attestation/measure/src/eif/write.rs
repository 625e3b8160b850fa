//! Writing an image, in the order in which AWS's own tools write it.

use super::Image;
use super::crc::Crc;
use super::layout::{
    CRC_AT, HEADER_BYTES, MAGIC, SECTION_HEADER_BYTES, SECTIONS_MAX, SIGNATURE_BYTES_MAX,
    SectionType, VERSION,
};

/// Why parts make no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EifWriteError {
    /// The format has no room for so many sections.
    #[error("{sections} sections: an image has at most {SECTIONS_MAX}")]
    TooManySections {
        /// How many there would be.
        sections: usize,
    },
    /// The signature section is beyond its limit.
    #[error("a signature section of {bytes} bytes: more than {SIGNATURE_BYTES_MAX}")]
    SignatureSize {
        /// Its size.
        bytes: usize,
    },
}

impl Image<'_> {
    /// Writes the image: kernel, command line, metadata, ramdisks, signature.
    ///
    /// # Errors
    /// If there are too many ramdisks or the signature section is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EifWriteError> {
        let sections = self.sections();
        if sections.len() > SECTIONS_MAX {
            let sections = sections.len();
            return Err(EifWriteError::TooManySections { sections });
        }
        match self.signature.map(<[u8]>::len) {
            Some(bytes) if bytes > SIGNATURE_BYTES_MAX => {
                return Err(EifWriteError::SignatureSize { bytes });
            }
            Some(_) | None => {}
        }
        let mut file = self.header(&sections);
        for (kind, data) in sections {
            file.extend((kind as u16).to_be_bytes());
            file.extend(0_u16.to_be_bytes());
            file.extend((data.len() as u64).to_be_bytes());
            file.extend_from_slice(data);
        }
        let crc = Crc::new().update(&file[..CRC_AT]);
        let crc = crc.update(&file[HEADER_BYTES..]).finish();
        file[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_be_bytes());
        Ok(file)
    }

    fn sections(&self) -> Vec<(SectionType, &[u8])> {
        let mut sections = vec![
            (SectionType::Kernel, self.kernel),
            (SectionType::CommandLine, self.command_line),
            (SectionType::Metadata, self.metadata),
        ];
        let ramdisks = self.ramdisks.iter();
        sections.extend(ramdisks.map(|data| (SectionType::Ramdisk, *data)));
        sections.extend(self.signature.map(|data| (SectionType::Signature, data)));
        sections
    }

    fn header(&self, sections: &[(SectionType, &[u8])]) -> Vec<u8> {
        let mut offsets = [0; SECTIONS_MAX];
        let mut sizes = [0; SECTIONS_MAX];
        let mut end = HEADER_BYTES as u64;
        for ((offset, size), (_, data)) in offsets.iter_mut().zip(&mut sizes).zip(sections) {
            *offset = end;
            *size = data.len() as u64;
            end += SECTION_HEADER_BYTES as u64 + *size;
        }
        let count = u16::try_from(sections.len()).expect("the caller counted at most 32");
        let mut header = MAGIC.to_vec();
        header.extend(VERSION.to_be_bytes());
        header.extend(self.architecture.flags().to_be_bytes());
        header.extend(self.default_memory_bytes.to_be_bytes());
        header.extend(self.default_cpus.to_be_bytes());
        header.extend(0_u16.to_be_bytes());
        header.extend(count.to_be_bytes());
        header.extend(offsets.into_iter().chain(sizes).flat_map(u64::to_be_bytes));
        // Reserved, and the checksum, which is not known yet.
        header.resize(HEADER_BYTES, 0);
        header
    }
}
