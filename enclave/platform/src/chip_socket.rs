//! A simulated chip, reached over a Unix socket.
//!
//! Real evidence comes out of a device that sees its caller; the simulated chip plays that
//! part from another process. The caller sends what is to be bound and never what it is: the
//! chip finds that out from the kernel. [`message`] is the wire format, shared with the chip.

pub mod message;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use message::{ChipRefusal, ChipReply, ChipRequest, FRAME_BYTES_MAX, FrameError};

use crate::{EvidenceSource, NONCE_BYTES, PlatformError, RawEvidence, USER_DATA_BYTES};

/// How long one answer may take; the chip reads the caller's whole binary for the first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to a simulated chip, made again when it breaks.
#[derive(Debug)]
pub struct ChipSocket {
    path: PathBuf,
    stream: Mutex<Option<UnixStream>>,
}

impl ChipSocket {
    /// Connects to the chip that listens at `path`.
    ///
    /// # Errors
    /// [`PlatformError::Io`] when nobody listens there.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, PlatformError> {
        let path = path.as_ref().to_path_buf();
        let stream = open(&path)?;
        Ok(Self {
            path,
            stream: Mutex::new(Some(stream)),
        })
    }

    fn evidence(&self, request: &ChipRequest) -> Result<RawEvidence, PlatformError> {
        match self.exchange(request)? {
            ChipReply::Evidence(evidence) => Ok(evidence),
            ChipReply::Refused(ChipRefusal::NoPublicKey) => Err(PlatformError::NoPublicKey),
            ChipReply::Refused(refusal) => Err(PlatformError::Refused(refusal)),
        }
    }

    /// Exchanges one frame, over the open connection or else over a new one.
    fn exchange(&self, request: &ChipRequest) -> Result<ChipReply, PlatformError> {
        let mut held = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = held.take()
            && let Ok(reply) = ask(&stream, request)
        {
            *held = Some(stream);
            return Ok(reply);
        }
        let stream = open(&self.path)?;
        let reply = ask(&stream, request)?;
        *held = Some(stream);
        Ok(reply)
    }
}

impl EvidenceSource for ChipSocket {
    fn attest(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<RawEvidence, PlatformError> {
        self.evidence(&ChipRequest::Attest {
            user_data: *user_data,
            nonce: *nonce,
            public_key: None,
        })
    }

    fn attest_to(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
        public_key: &[u8],
    ) -> Result<RawEvidence, PlatformError> {
        self.evidence(&ChipRequest::Attest {
            user_data: *user_data,
            nonce: *nonce,
            public_key: Some(public_key.to_vec()),
        })
    }
}

fn open(path: &Path) -> Result<UnixStream, PlatformError> {
    let stream = UnixStream::connect(path).map_err(PlatformError::io("connect to the chip"))?;
    let limit = Some(ANSWER_TIMEOUT);
    stream
        .set_read_timeout(limit)
        .map_err(PlatformError::io("limit the chip's time"))?;
    stream
        .set_write_timeout(limit)
        .map_err(PlatformError::io("limit the chip's time"))?;
    Ok(stream)
}

fn ask(mut stream: &UnixStream, request: &ChipRequest) -> Result<ChipReply, PlatformError> {
    message::write_frame(&mut stream, &request.to_bytes())?;
    let frame = message::read_frame(&mut stream)?.ok_or(FrameError::Closed)?;
    Ok(ChipReply::from_bytes(&frame)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread::{self, JoinHandle};

    use super::*;
    use crate::EvidenceKind;

    #[test]
    fn client_returns_the_evidence_that_the_chip_sends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chip.sock");
        let chip = serve(&path, vec![vec![ChipReply::Evidence(evidence())]]);

        let answer = ChipSocket::connect(&path)
            .unwrap()
            .attest(&[1; 64], &[2; 32]);

        assert_eq!(answer, Ok(evidence()));
        let seen = chip.join().unwrap();
        assert_eq!(
            seen,
            [ChipRequest::Attest {
                user_data: [1; 64],
                nonce: [2; 32],
                public_key: None,
            }]
        );
    }

    #[test]
    fn client_reports_a_refusal_as_the_chip_gave_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chip.sock");
        let refusal = ChipRefusal::EnvironmentNotEmpty;
        let _chip = serve(&path, vec![vec![ChipReply::Refused(refusal)]]);

        let answer = ChipSocket::connect(&path)
            .unwrap()
            .attest(&[1; 64], &[2; 32]);

        assert_eq!(answer, Err(PlatformError::Refused(refusal)));
    }

    #[test]
    fn client_connects_again_after_the_chip_was_restarted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chip.sock");
        let reply = || vec![ChipReply::Evidence(evidence())];
        let _chip = serve(&path, vec![reply(), reply()]);
        let socket = ChipSocket::connect(&path).unwrap();

        let before = socket.attest(&[1; 64], &[2; 32]);
        let after = socket.attest(&[3; 64], &[4; 32]);

        assert_eq!((before, after), (Ok(evidence()), Ok(evidence())));
    }

    #[test]
    fn client_reports_a_missing_chip() {
        let directory = tempfile::tempdir().unwrap();

        let error = ChipSocket::connect(directory.path().join("none.sock")).err();

        let kind = std::io::ErrorKind::NotFound;
        assert_eq!(
            error,
            Some(PlatformError::Io {
                step: "connect to the chip",
                kind
            })
        );
    }

    #[test]
    fn client_reports_a_chip_that_hangs_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chip.sock");
        let _chip = serve(&path, vec![vec![], vec![]]);

        let answer = ChipSocket::connect(&path)
            .unwrap()
            .attest(&[1; 64], &[2; 32]);

        assert!(matches!(answer, Err(PlatformError::Frame(_))), "{answer:?}");
    }

    fn evidence() -> RawEvidence {
        let endorsements = vec![vec![7; 5], vec![8; 6]];
        RawEvidence {
            kind: EvidenceKind::Snp,
            evidence: vec![9; 1184],
            endorsements,
        }
    }

    /// Answers each connection with its list of replies, then closes it.
    fn serve(path: &Path, connections: Vec<Vec<ChipReply>>) -> JoinHandle<Vec<ChipRequest>> {
        let listener = UnixListener::bind(path).unwrap();
        thread::spawn(move || {
            let mut seen = Vec::new();
            for replies in connections {
                let (mut stream, _) = listener.accept().unwrap();
                for reply in replies {
                    let frame = message::read_frame(&mut stream).unwrap().unwrap();
                    seen.push(ChipRequest::from_bytes(&frame).unwrap());
                    message::write_frame(&mut stream, &reply.to_bytes()).unwrap();
                }
            }
            seen
        })
    }
}
