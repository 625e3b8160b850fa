//! Length-prefixed frames over a byte stream: a 4-byte big-endian length, then the bytes.

use alloc::vec::Vec;

/// A frame announced itself longer than this stream allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("frame of {announced} bytes where at most {max} may come")]
pub struct FrameTooLarge {
    /// The length that was announced.
    pub announced: usize,
    /// The limit.
    pub max: usize,
}

/// Collects bytes of a stream and gives back whole frames.
#[derive(Debug)]
pub struct FrameBuffer {
    max: usize,
    bytes: Vec<u8>,
    read: usize,
}

impl FrameBuffer {
    /// Returns an empty buffer that refuses frames longer than `max` bytes.
    pub const fn new(max: usize) -> Self {
        Self {
            max,
            bytes: Vec::new(),
            read: 0,
        }
    }

    /// Adds bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.read > 0 && self.read >= self.bytes.len() / 2 {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next whole frame, if it has arrived.
    ///
    /// # Errors
    /// If the next frame announces more than the limit; the stream is of no more use.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, FrameTooLarge> {
        let pending = &self.bytes[self.read..];
        let Some((prefix, rest)) = pending.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let announced = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        if announced > self.max {
            return Err(FrameTooLarge {
                announced,
                max: self.max,
            });
        }
        let Some(frame) = rest.get(..announced) else {
            return Ok(None);
        };
        let frame = frame.to_vec();
        self.read += 4 + announced;
        Ok(Some(frame))
    }
}

/// Appends `frame` with its length to `out`.
///
/// # Errors
/// If the frame is longer than `max` bytes.
pub fn put_frame(out: &mut Vec<u8>, frame: &[u8], max: usize) -> Result<(), FrameTooLarge> {
    let too_large = FrameTooLarge {
        announced: frame.len(),
        max,
    };
    if frame.len() > max {
        return Err(too_large);
    }
    let length = u32::try_from(frame.len()).map_err(|_| too_large)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(frame);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_however_the_bytes_are_cut() {
        let mut stream = Vec::new();
        for frame in [&b"one"[..], b"", b"three"] {
            put_frame(&mut stream, frame, 16).unwrap();
        }
        let mut buffer = FrameBuffer::new(16);
        let mut frames = Vec::new();

        for byte in stream {
            buffer.push(&[byte]);
            while let Some(frame) = buffer.take().unwrap() {
                frames.push(frame);
            }
        }

        assert_eq!(frames, [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
    }

    #[test]
    fn an_announced_length_above_the_limit_is_refused_before_the_bytes_come() {
        let mut buffer = FrameBuffer::new(16);

        buffer.push(&17_u32.to_be_bytes());

        assert_eq!(
            buffer.take(),
            Err(FrameTooLarge {
                announced: 17,
                max: 16
            })
        );
        assert_eq!(
            put_frame(&mut Vec::new(), &[0; 17], 16),
            Err(FrameTooLarge {
                announced: 17,
                max: 16
            })
        );
    }
}
