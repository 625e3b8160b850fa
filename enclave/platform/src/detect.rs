//! What a machine has that can prove what it runs, found by looking.
//!
//! Looking opens a device's file and, for configfs-tsm, makes an entry and removes it again; no
//! report is asked for. The order of the list is the order of preference.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::chip_socket::ChipSocket;
use crate::nitro::{NSM_DEVICE, NitroModule};
use crate::snp::tsm::Entry;
use crate::snp::{SEV_GUEST_DEVICE, SevGuest, TSM_REPORT_DIRECTORY, TsmReport};
use crate::{EvidenceKind, EvidenceSource, PlatformError};

/// The name of the configfs-tsm entry that a program uses.
const TSM_ENTRY: &str = "boop";

/// A source of evidence that may be on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A simulated chip, which counts only where the caller names its socket.
    ChipSocket,
    /// A Nitro security module.
    NitroModule,
    /// configfs-tsm of a SEV-SNP guest.
    TsmReport,
    /// The device of a SEV-SNP guest.
    SevGuest,
}

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is looked for there.
    pub kind: SourceKind,
    /// The place.
    pub path: PathBuf,
    /// Whether evidence can be had there, or why not.
    pub usable: Result<(), Unusable>,
}

/// Why a place gives no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is nothing.
    #[error("not there")]
    Absent,
    /// The program may not use it.
    #[error("permission denied")]
    Denied,
    /// A file of that name is no device.
    #[error("not a device")]
    NotADevice,
    /// It failed, or belongs to something else.
    #[error("{0}")]
    Failed(PlatformError),
}

/// No source of the wanted kind of evidence can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no source of evidence{}", Reasons(.found))]
pub struct NoSourceError {
    /// What was looked at.
    pub found: Vec<Found>,
}

/// A source of evidence that was opened by its kind.
pub type AnySource = Box<dyn EvidenceSource + Send + Sync>;

/// Looks at this machine.
#[must_use]
pub fn detect() -> Vec<Found> {
    detect_in(Path::new("/"), None)
}

/// Looks at the machine whose files lie under `root`, and at a simulated chip if one is named.
#[must_use]
pub fn detect_in(root: &Path, chip_socket: Option<&Path>) -> Vec<Found> {
    let chip = chip_socket.map(|path| (SourceKind::ChipSocket, path.to_path_buf()));
    let places = [
        (SourceKind::NitroModule, NSM_DEVICE),
        (SourceKind::TsmReport, TSM_REPORT_DIRECTORY),
        (SourceKind::SevGuest, SEV_GUEST_DEVICE),
    ];
    let places = places.map(|(kind, path)| (kind, root.join(path.trim_start_matches('/'))));
    let places = chip.into_iter().chain(places);
    places.map(|(kind, path)| look(kind, path)).collect()
}

/// Opens the best source of SEV-SNP evidence under `root`.
///
/// # Errors
/// [`NoSourceError`] says what was looked at.
pub fn open_snp(root: &Path) -> Result<AnySource, NoSourceError> {
    let mut found = detect_in(root, None);
    found.retain(|found| found.kind.evidence() == Some(EvidenceKind::Snp));
    for candidate in found.iter_mut().filter(|found| found.usable.is_ok()) {
        let opened: Result<AnySource, PlatformError> = match candidate.kind {
            SourceKind::TsmReport => {
                TsmReport::open(&candidate.path, TSM_ENTRY).map(|source| Box::new(source) as _)
            }
            SourceKind::SevGuest => {
                SevGuest::open(&candidate.path).map(|source| Box::new(source) as _)
            }
            SourceKind::ChipSocket | SourceKind::NitroModule => continue,
        };
        match opened {
            Ok(source) => return Ok(source),
            Err(error) => candidate.usable = Err(error.into()),
        }
    }
    Err(NoSourceError { found })
}

/// Opens the Nitro security module under `root`.
///
/// # Errors
/// [`NoSourceError`] says what was looked at.
pub fn open_nitro(root: &Path) -> Result<NitroModule, NoSourceError> {
    let mut found = detect_in(root, None);
    found.retain(|found| found.kind == SourceKind::NitroModule);
    for candidate in found.iter_mut().filter(|found| found.usable.is_ok()) {
        match NitroModule::open(&candidate.path) {
            Ok(module) => return Ok(module),
            Err(error) => candidate.usable = Err(error.into()),
        }
    }
    Err(NoSourceError { found })
}

impl SourceKind {
    /// Returns what evidence comes from it, where that is certain: a simulated chip imitates
    /// either.
    #[must_use]
    pub const fn evidence(self) -> Option<EvidenceKind> {
        match self {
            Self::ChipSocket => None,
            Self::NitroModule => Some(EvidenceKind::Nitro),
            Self::TsmReport | Self::SevGuest => Some(EvidenceKind::Snp),
        }
    }

    /// Returns its name in machine-readable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChipSocket => "chip-socket",
            Self::NitroModule => "nitro-module",
            Self::TsmReport => "tsm-report",
            Self::SevGuest => "sev-guest",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ChipSocket => "simulated chip",
            Self::NitroModule => "AWS Nitro security module",
            Self::TsmReport => "AMD SEV-SNP by configfs-tsm",
            Self::SevGuest => "AMD SEV-SNP by its guest device",
        })
    }
}

impl From<PlatformError> for Unusable {
    fn from(error: PlatformError) -> Self {
        match error {
            PlatformError::Io { kind, .. } => match kind {
                ErrorKind::NotFound => Self::Absent,
                ErrorKind::PermissionDenied => Self::Denied,
                _ => Self::Failed(error),
            },
            other => Self::Failed(other),
        }
    }
}

fn look(kind: SourceKind, path: PathBuf) -> Found {
    let usable = match kind {
        SourceKind::ChipSocket => ChipSocket::connect(&path).map(|_| ()).map_err(Into::into),
        SourceKind::NitroModule => device(&path, |path| NitroModule::open(path).map(|_| ())),
        SourceKind::SevGuest => device(&path, |path| SevGuest::open(path).map(|_| ())),
        SourceKind::TsmReport => tsm(&path),
    };
    Found { kind, path, usable }
}

fn device(
    path: &Path,
    open: impl FnOnce(&Path) -> Result<(), PlatformError>,
) -> Result<(), Unusable> {
    let metadata = fs::metadata(path).map_err(PlatformError::io("look at a device"))?;
    if !metadata.file_type().is_char_device() {
        return Err(Unusable::NotADevice);
    }
    Ok(open(path)?)
}

/// Looks at an entry, which is removed again if it was made for this.
fn tsm(directory: &Path) -> Result<(), Unusable> {
    let (entry, is_new) =
        Entry::make(directory, TSM_ENTRY).map_err(PlatformError::io("make a report entry"))?;
    let answer = TsmReport::new(entry).map(|_| ());
    if is_new {
        fs::remove_dir(directory.join(TSM_ENTRY))
            .map_err(PlatformError::io("remove a report entry"))?;
    }
    Ok(answer?)
}

/// What was looked at and why it is of no use, one after the other.
struct Reasons<'a>(&'a [Found]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for found in self.0 {
            if let Err(reason) = &found.usable {
                write!(out, "; {}: {reason}", found.path.display())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn machine_without_anything_is_told_place_by_place() {
        let root = tempfile::tempdir().unwrap();

        let found = detect_in(root.path(), None);

        let expected = [
            (SourceKind::NitroModule, "dev/nsm"),
            (SourceKind::TsmReport, "sys/kernel/config/tsm/report"),
            (SourceKind::SevGuest, "dev/sev-guest"),
        ]
        .map(|(kind, path)| Found {
            kind,
            path: root.path().join(path),
            usable: Err(Unusable::Absent),
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn devices_and_entry_of_a_machine_are_found() {
        let root = machine(&["nsm", "sev-guest"], Some("sev_guest\n"));

        let found = detect_in(root.path(), None);

        let usable = found.iter().map(|found| found.usable.clone());
        assert_eq!(usable.collect::<Vec<_>>(), [Ok(()), Ok(()), Ok(())]);
    }

    #[test]
    fn file_in_the_place_of_a_device_is_none() {
        let root = machine(&[], None);
        fs::write(root.path().join("dev/nsm"), "").unwrap();

        let found = detect_in(root.path(), None);

        assert_eq!(found[0].usable, Err(Unusable::NotADevice));
    }

    #[test]
    fn reports_of_another_provider_are_named() {
        let root = machine(&["sev-guest"], Some("tdx_guest\n"));

        let found = detect_in(root.path(), None);

        let provider = "tdx_guest".to_owned();
        let reason = Unusable::Failed(PlatformError::WrongProvider { provider });
        assert_eq!(
            reason.to_string(),
            "the report provider is tdx_guest, not sev_guest"
        );
        assert_eq!(found[1].usable, Err(reason));
        assert_eq!(found[2].usable, Ok(()));
    }

    #[test]
    fn looking_leaves_no_entry_behind() {
        let root = machine(&[], None);
        let directory = root.path().join("sys/kernel/config/tsm/report");
        fs::create_dir_all(&directory).unwrap();

        let found = detect_in(root.path(), None);

        // A plain directory makes no attributes, as a kernel without a provider does not.
        assert_eq!(found[1].usable, Err(Unusable::Absent));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }

    #[test]
    fn denied_permission_is_told_from_absence() {
        let step = "open the nitro security module";
        let kind = ErrorKind::PermissionDenied;

        assert_eq!(
            Unusable::from(PlatformError::Io { step, kind }),
            Unusable::Denied
        );
    }

    #[test]
    fn simulated_chip_counts_only_where_it_is_named_and_comes_first() {
        let root = machine(&["nsm"], None);
        let socket = root.path().join("chip.sock");
        let listener = UnixListener::bind(&socket).unwrap();

        let found = detect_in(root.path(), Some(&socket));

        let chip = Found {
            kind: SourceKind::ChipSocket,
            path: socket.clone(),
            usable: Ok(()),
        };
        assert_eq!(found[0], chip);
        assert_eq!(found.len(), 4);
        drop(listener);
        let found = detect_in(root.path(), Some(&socket));
        assert!(
            matches!(found[0].usable, Err(Unusable::Failed(_))),
            "{found:?}"
        );
    }

    #[test]
    fn best_source_of_each_kind_is_opened() {
        let root = machine(&["nsm", "sev-guest"], None);

        assert!(open_snp(root.path()).is_ok());
        assert!(open_nitro(root.path()).is_ok());
    }

    #[test]
    fn machine_without_a_source_says_what_was_looked_at() {
        let root = machine(&["nsm"], Some("tdx_guest"));

        let error = open_snp(root.path()).err().unwrap();

        let root = root.path().display();
        assert_eq!(
            error.to_string(),
            format!(
                "no source of evidence; {root}/sys/kernel/config/tsm/report: the report provider \
                 is tdx_guest, not sev_guest; {root}/dev/sev-guest: not there"
            )
        );
        let empty = tempfile::tempdir().unwrap();
        let error = open_nitro(empty.path()).err().unwrap();
        assert_eq!(error.found.len(), 1);
    }

    /// Lays out a machine: `devices`, and configfs-tsm of one provider.
    fn machine(devices: &[&str], provider: Option<&str>) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("dev")).unwrap();
        for device in devices {
            symlink("/dev/null", root.path().join("dev").join(device)).unwrap();
        }
        if let Some(provider) = provider {
            let entry = root.path().join("sys/kernel/config/tsm/report/boop");
            fs::create_dir_all(&entry).unwrap();
            fs::write(entry.join("provider"), provider).unwrap();
        }
        root
    }
}
