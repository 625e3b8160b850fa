//! The words between a party and its simulated chip, and the frames that carry them.
//!
//! A frame is a length of four bytes, most significant first, and that many bytes of CBOR:
//!
//! ```text
//! request  [0, user_data: bytes 64, nonce: bytes 32]
//!        | [1, user_data: bytes 64, nonce: bytes 32, public key: bytes]
//! reply    [0, kind: 0 SEV-SNP | 1 Nitro, evidence: bytes, [endorsement: bytes, ...]]
//!        | [1, refusal code]
//! ```
//!
//! Both sides accept exactly these forms: definite lengths, and nothing after the end.

use std::io::{self, Read, Write};

use minicbor::{Decoder, Encoder};

use crate::{EvidenceKind, NONCE_BYTES, RawEvidence, USER_DATA_BYTES};

/// The longest frame that either side sends or reads.
pub const FRAME_BYTES_MAX: usize = 65_536;

/// The most certificates in one reply.
const ENDORSEMENTS_MAX: u64 = 8;

/// What a party asks of its chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChipRequest {
    /// Evidence over these bytes for whoever holds the other end of the socket.
    Attest {
        /// The bytes that the evidence is to bind.
        user_data: [u8; USER_DATA_BYTES],
        /// The challenge that the evidence answers.
        nonce: [u8; NONCE_BYTES],
        /// A key that the evidence is to name.
        public_key: Option<Vec<u8>>,
    },
}

/// What a chip answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChipReply {
    /// Signed evidence and its certificates.
    Evidence(RawEvidence),
    /// No evidence, and why.
    Refused(ChipRefusal),
}

/// Why a simulated chip gives no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChipRefusal {
    /// The request is not one of the chip's.
    #[error("malformed request")]
    Malformed,
    /// The caller has environment variables, which would be unmeasured input.
    #[error("the caller's environment is not empty")]
    EnvironmentNotEmpty,
    /// The caller ended, or its process id passed to another process.
    #[error("the caller is gone")]
    PeerGone,
    /// The caller's program, arguments or configuration changed on this connection.
    #[error("the caller became another program")]
    PeerChanged,
    /// The caller's standard input is neither a regular file nor `/dev/null`.
    #[error("the caller's configuration is not a file")]
    ConfigNotAFile,
    /// The caller's configuration or argument list exceeds the chip's limit.
    #[error("the caller's configuration or arguments are too large")]
    TooLarge,
    /// The caller's process cannot be read.
    #[error("the caller cannot be read")]
    Unreadable,
    /// The chip serves as many callers as it can.
    #[error("the chip has too many callers")]
    Busy,
    /// The evidence of this chip has no place for a public key.
    #[error("evidence of this chip has no place for a public key")]
    NoPublicKey,
    /// The chip could not sign.
    #[error("the chip failed")]
    Internal,
}

/// Why a frame or its content could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The other side closed the connection.
    #[error("connection closed")]
    Closed,
    /// The frame exceeds [`FRAME_BYTES_MAX`].
    #[error("a frame of {bytes} bytes")]
    TooLong {
        /// The announced length.
        bytes: usize,
    },
    /// The content is not a message of this protocol.
    #[error("malformed message")]
    Malformed,
    /// Reading or writing failed.
    #[error("socket: {0}")]
    Io(io::ErrorKind),
}

impl ChipRequest {
    /// Returns the content of the frame that carries this request.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self::Attest {
            user_data,
            nonce,
            public_key,
        } = self;
        encoded(|encoder| {
            match public_key {
                None => encoder.array(3)?.u8(0)?.bytes(user_data)?.bytes(nonce)?,
                Some(key) => {
                    encoder.array(4)?.u8(1)?.bytes(user_data)?.bytes(nonce)?;
                    encoder.bytes(key)?
                }
            };
            Ok(())
        })
    }

    /// Reads the content of a frame.
    ///
    /// # Errors
    /// [`FrameError::Malformed`] for anything but a request in its one form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        decoded(bytes, |decoder| {
            let names_key = match (decoder.array()?, decoder.u8()?) {
                (Some(3), 0) => false,
                (Some(4), 1) => true,
                _ => return Ok(None),
            };
            let user_data = decoder.bytes()?.try_into();
            let nonce = decoder.bytes()?.try_into();
            let public_key = match names_key {
                true => Some(decoder.bytes()?.to_vec()),
                false => None,
            };
            Ok(match (user_data, nonce) {
                (Ok(user_data), Ok(nonce)) => Some(Self::Attest {
                    user_data,
                    nonce,
                    public_key,
                }),
                (Err(_), _) | (_, Err(_)) => None,
            })
        })
    }
}

impl ChipReply {
    /// Returns the content of the frame that carries this reply.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(|encoder| match self {
            Self::Evidence(RawEvidence {
                kind,
                evidence,
                endorsements,
            }) => {
                encoder
                    .array(4)?
                    .u8(0)?
                    .u8(kind_code(*kind))?
                    .bytes(evidence)?;
                encoder.array(endorsements.len() as u64)?;
                for endorsement in endorsements {
                    encoder.bytes(endorsement)?;
                }
                Ok(())
            }
            Self::Refused(refusal) => {
                encoder.array(2)?.u8(1)?.u8(refusal.code())?;
                Ok(())
            }
        })
    }

    /// Reads the content of a frame.
    ///
    /// # Errors
    /// [`FrameError::Malformed`] for anything but a reply in its one form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        decoded(bytes, |decoder| match (decoder.array()?, decoder.u8()?) {
            (Some(4), 0) => Ok(read_evidence(decoder)?.map(Self::Evidence)),
            (Some(2), 1) => Ok(ChipRefusal::from_code(decoder.u8()?).map(Self::Refused)),
            _ => Ok(None),
        })
    }
}

impl ChipRefusal {
    const ALL: [Self; 10] = [
        Self::Malformed,
        Self::EnvironmentNotEmpty,
        Self::PeerGone,
        Self::PeerChanged,
        Self::ConfigNotAFile,
        Self::TooLarge,
        Self::Unreadable,
        Self::Busy,
        Self::Internal,
        Self::NoPublicKey,
    ];

    fn code(self) -> u8 {
        match self {
            Self::Malformed => 0,
            Self::EnvironmentNotEmpty => 1,
            Self::PeerGone => 2,
            Self::PeerChanged => 3,
            Self::ConfigNotAFile => 4,
            Self::TooLarge => 5,
            Self::Unreadable => 6,
            Self::Busy => 7,
            Self::Internal => 8,
            Self::NoPublicKey => 9,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}

/// Reads one frame, or nothing when the other side closed between frames.
///
/// # Errors
/// [`FrameError`] when the frame is too long, cut short, or the socket fails.
pub fn read_frame(reader: &mut impl Read) -> Result<Option<Vec<u8>>, FrameError> {
    let mut first = [0];
    if read_some(reader, &mut first)? == 0 {
        return Ok(None);
    }
    let mut rest = [0; 3];
    reader.read_exact(&mut rest).map_err(failed)?;
    let bytes = u32::from_be_bytes([first[0], rest[0], rest[1], rest[2]]) as usize;
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong { bytes });
    }
    let mut content = vec![0; bytes];
    reader.read_exact(&mut content).map_err(failed)?;
    Ok(Some(content))
}

/// Writes one frame.
///
/// # Errors
/// [`FrameError`] when the content is too long or the socket fails.
pub fn write_frame(writer: &mut impl Write, content: &[u8]) -> Result<(), FrameError> {
    let bytes = content.len();
    let length = u32::try_from(bytes).map_err(|_| FrameError::TooLong { bytes })?;
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong { bytes });
    }
    let mut frame = Vec::with_capacity(4 + bytes);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(content);
    writer
        .write_all(&frame)
        .and_then(|()| writer.flush())
        .map_err(failed)
}

fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, FrameError> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(failed),
        }
    }
}

fn failed(error: io::Error) -> FrameError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Closed,
        kind => FrameError::Io(kind),
    }
}

fn read_evidence(
    decoder: &mut Decoder<'_>,
) -> Result<Option<RawEvidence>, minicbor::decode::Error> {
    let kind = match decoder.u8()? {
        0 => EvidenceKind::Snp,
        1 => EvidenceKind::Nitro,
        _ => return Ok(None),
    };
    let evidence = decoder.bytes()?.to_vec();
    let Some(count) = decoder.array()?.filter(|count| *count <= ENDORSEMENTS_MAX) else {
        return Ok(None);
    };
    let endorsements = (0..count)
        .map(|_| Ok(decoder.bytes()?.to_vec()))
        .collect::<Result<Vec<_>, minicbor::decode::Error>>()?;
    Ok(Some(RawEvidence {
        kind,
        evidence,
        endorsements,
    }))
}

fn kind_code(kind: EvidenceKind) -> u8 {
    match kind {
        EvidenceKind::Snp => 0,
        EvidenceKind::Nitro => 1,
    }
}

type EncodeError = minicbor::encode::Error<core::convert::Infallible>;

fn encoded(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), EncodeError>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Encoder::new(&mut bytes)).expect("a Vec takes every write");
    bytes
}

fn decoded<'b, T>(
    bytes: &'b [u8],
    read: impl FnOnce(&mut Decoder<'b>) -> Result<Option<T>, minicbor::decode::Error>,
) -> Result<T, FrameError> {
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder)
        .ok()
        .flatten()
        .ok_or(FrameError::Malformed)?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(FrameError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_from_their_bytes() {
        for public_key in [None, Some(vec![6; 422])] {
            let request = ChipRequest::Attest {
                user_data: [3; 64],
                nonce: [4; 32],
                public_key,
            };
            assert_eq!(ChipRequest::from_bytes(&request.to_bytes()), Ok(request));
        }

        for kind in [EvidenceKind::Snp, EvidenceKind::Nitro] {
            let endorsements = vec![vec![1], vec![2, 3]];
            let reply = ChipReply::Evidence(RawEvidence {
                kind,
                evidence: vec![5; 300],
                endorsements,
            });
            assert_eq!(ChipReply::from_bytes(&reply.to_bytes()), Ok(reply));
        }
        for refusal in ChipRefusal::ALL {
            let reply = ChipReply::Refused(refusal);
            assert_eq!(ChipReply::from_bytes(&reply.to_bytes()), Ok(reply));
        }
    }

    #[test]
    fn request_is_refused_when_it_is_cut_extended_or_of_another_kind() {
        let good = ChipRequest::Attest {
            user_data: [3; 64],
            nonce: [4; 32],
            public_key: None,
        }
        .to_bytes();
        let cut = &good[..good.len() - 1];
        let extended = [good.as_slice(), &[0]].concat();
        let mut other_kind = good.clone();
        other_kind[1] = 1;
        let short_nonce = encoded(|encoder| {
            encoder.array(3)?.u8(0)?.bytes(&[3; 64])?.bytes(&[4; 31])?;
            Ok(())
        });

        for bytes in [&[], cut, &extended, &other_kind, &short_nonce] {
            assert_eq!(ChipRequest::from_bytes(bytes), Err(FrameError::Malformed));
        }
    }

    #[test]
    fn reply_is_refused_when_its_kind_refusal_or_count_is_unknown() {
        let kind = [0x84, 0, 2, 0x41, 9, 0x80];
        let refusal = [0x82, 1, 10];
        let count = [
            0x84, 0, 0, 0x41, 9, 0x89, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40,
        ];
        let indefinite = [0x84, 0, 0, 0x41, 9, 0x9f, 0xff];

        for bytes in [&kind[..], &refusal, &count, &indefinite] {
            assert_eq!(ChipReply::from_bytes(bytes), Err(FrameError::Malformed));
        }
    }

    #[test]
    fn frame_comes_back_and_the_end_of_the_stream_is_not_an_error() {
        let mut wire = Vec::new();
        write_frame(&mut wire, b"palm").unwrap();

        let mut reader = wire.as_slice();

        assert_eq!(wire, b"\x00\x00\x00\x04palm");
        assert_eq!(read_frame(&mut reader), Ok(Some(b"palm".to_vec())));
        assert_eq!(read_frame(&mut reader), Ok(None));
    }

    #[test]
    fn frame_is_refused_when_it_is_too_long_or_cut() {
        let long = [0, 1, 0, 1];
        let content = vec![0; FRAME_BYTES_MAX + 1];

        let bytes = FRAME_BYTES_MAX + 1;
        assert_eq!(
            read_frame(&mut long.as_slice()),
            Err(FrameError::TooLong { bytes })
        );
        assert_eq!(
            write_frame(&mut Vec::new(), &content),
            Err(FrameError::TooLong { bytes })
        );
        assert_eq!(read_frame(&mut [0, 0].as_slice()), Err(FrameError::Closed));
        assert_eq!(
            read_frame(&mut [0, 0, 0, 2, 7].as_slice()),
            Err(FrameError::Closed)
        );
    }
}
