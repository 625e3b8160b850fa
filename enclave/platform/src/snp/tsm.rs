//! SEV-SNP evidence through configfs-tsm, the kernel's report interface.
//!
//! Under `/sys/kernel/config/tsm/report` a guest makes a directory; the kernel fills it with
//! files, its *attributes*. Writing 64 bytes to `inblob` sets REPORT_DATA; reading `outblob`
//! then gives the report and `auxblob` the host's certificate table. The `service_` attributes
//! ask for the report of a service module instead, and stay untouched.
//!
//! An entry belongs to whoever writes to it, and two processes may use the same one. The kernel
//! counts the writes in `generation`: a report counts only if nobody but us wrote between the
//! first look and the last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Answer;
use crate::{EvidenceSource, NONCE_BYTES, PlatformError, RawEvidence, USER_DATA_BYTES};

/// Where Linux shows configfs-tsm.
pub const TSM_REPORT_DIRECTORY: &str = "/sys/kernel/config/tsm/report";

/// What the kernel calls SEV-SNP.
const PROVIDER: &str = "sev_guest";

/// How often a report is asked for again because someone else wrote to the entry.
const TRIES_MAX: u32 = 8;

const FILE_BYTES_MAX: u64 = 65_536;

/// The attributes of one entry: the kernel's, or a test's.
pub trait Attributes {
    /// Reads a whole attribute.
    ///
    /// # Errors
    /// As the kernel says; [`ErrorKind::NotFound`] when there is no such attribute.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Writes an attribute in one piece.
    ///
    /// # Errors
    /// As the kernel says; [`ErrorKind::NotFound`] when there is no such attribute.
    fn write(&self, name: &str, value: &[u8]) -> io::Result<()>;
}

/// One entry of configfs-tsm, used for one report at a time.
#[derive(Debug)]
pub struct TsmReport<A = Entry> {
    attributes: A,
    turn: Mutex<()>,
}

impl TsmReport {
    /// Opens the entry `name` under `directory`, making it when it is not there.
    ///
    /// # Errors
    /// [`PlatformError::Io`] without configfs-tsm, and as [`TsmReport::new`].
    pub fn open(directory: impl AsRef<Path>, name: &str) -> Result<Self, PlatformError> {
        let (entry, _) = Entry::make(directory.as_ref(), name)
            .map_err(PlatformError::io("make a report entry"))?;
        Self::new(entry)
    }
}

impl<A: Attributes> TsmReport<A> {
    /// Takes an entry whose reports are those of SEV-SNP, asked for at privilege level 0.
    ///
    /// # Errors
    /// [`PlatformError::WrongProvider`] or [`PlatformError::PrivilegeLevel`] for others.
    pub fn new(attributes: A) -> Result<Self, PlatformError> {
        let report = Self {
            attributes,
            turn: Mutex::new(()),
        };
        let provider = report.text("provider", "read the report provider")?;
        if provider != PROVIDER {
            return Err(PlatformError::WrongProvider { provider });
        }
        let floor = optional(report.text("privlevel_floor", "read the privilege level"))?;
        match floor.map(|floor| floor.parse::<u32>()) {
            None | Some(Ok(0)) => Ok(report),
            Some(Ok(floor)) => Err(PlatformError::PrivilegeLevel { floor }),
            Some(Err(_)) => Err(malformed("read the privilege level")),
        }
    }

    /// Asks once. `None`: someone else wrote to the entry meanwhile.
    fn ask(&self, user_data: &[u8; USER_DATA_BYTES]) -> Result<Option<Answer>, PlatformError> {
        let before = self.generation()?;
        let level = self.write("privlevel", b"0", "set the privilege level");
        let writes = 1 + i32::from(optional(level)?.is_some());
        self.write("inblob", user_data, "write the report data")?;
        let report = self.read("outblob", "read the report")?;
        let table = optional(self.read("auxblob", "read the certificate table"))?;
        let table = table.unwrap_or_default();
        // The kernel's counter is an int that starts again from below.
        let alone = self.generation()? == before.wrapping_add(writes);
        Ok(alone.then_some(Answer { report, table }))
    }

    fn generation(&self) -> Result<i32, PlatformError> {
        let step = "read the entry's generation";
        let text = self.text("generation", step)?;
        text.parse().map_err(|_| malformed(step))
    }

    fn text(&self, name: &str, step: &'static str) -> Result<String, PlatformError> {
        let bytes = self.read(name, step)?;
        let text = core::str::from_utf8(bytes.trim_ascii()).map_err(|_| malformed(step))?;
        Ok(text.to_owned())
    }

    fn read(&self, name: &str, step: &'static str) -> Result<Vec<u8>, PlatformError> {
        self.attributes.read(name).map_err(PlatformError::io(step))
    }

    fn write(&self, name: &str, value: &[u8], step: &'static str) -> Result<(), PlatformError> {
        let written = self.attributes.write(name, value);
        written.map_err(PlatformError::io(step))
    }
}

impl<A: Attributes> EvidenceSource for TsmReport<A> {
    fn attest(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        _nonce: &[u8; NONCE_BYTES],
    ) -> Result<RawEvidence, PlatformError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..TRIES_MAX {
            if let Some(answer) = self.ask(user_data)? {
                return super::evidence(answer, user_data);
            }
        }
        Err(PlatformError::Contended { tries: TRIES_MAX })
    }
}

/// An entry's directory.
#[derive(Debug)]
pub struct Entry(PathBuf);

impl Entry {
    /// Makes the entry `name` under `directory`, and says whether it was not there before.
    pub(crate) fn make(directory: &Path, name: &str) -> io::Result<(Self, bool)> {
        let path = directory.join(name);
        match fs::create_dir(&path) {
            Ok(()) => Ok((Self(path), true)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok((Self(path), false)),
            Err(error) => Err(error),
        }
    }
}

impl Attributes for Entry {
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.0.join(name))?;
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&self, name: &str, value: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(self.0.join(name))?;
        file.write_all(value)
    }
}

/// Takes an attribute that older kernels do not have.
fn optional<T>(result: Result<T, PlatformError>) -> Result<Option<T>, PlatformError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(PlatformError::Io {
            kind: ErrorKind::NotFound,
            ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

const fn malformed(step: &'static str) -> PlatformError {
    PlatformError::Io {
        step,
        kind: ErrorKind::InvalidData,
    }
}

#[cfg(test)]
mod tests;
