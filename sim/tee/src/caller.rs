//! Who holds the other end of a socket, as the kernel tells it.
//!
//! A real chip measures what it starts. A simulated one comes too late for that and reads the
//! running process instead: its binary, its arguments, and the file that is its standard
//! input. An environment would be input that nobody measured, so it must be empty.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256, SHA384};
use boop_platform::chip_socket::ChipRefusal;
use rustix::net::sockopt::socket_peercred;

use crate::measure::{Launch, config_hash, fixed, measure_digest};

/// The longest argument list that is measured.
const ARGUMENTS_BYTES_MAX: u64 = 128 * 1024;

/// The longest configuration that is measured.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// The most binaries whose digests are remembered.
const BINARIES_MAX: usize = 64;

/// Device number of `/dev/null`: major 1, minor 3.
const NULL_DEVICE: u64 = 0x103;

/// A process that connected.
#[derive(Debug)]
pub(crate) struct Caller {
    process: PathBuf,
    started: String,
    pid: i32,
}

impl Caller {
    /// Asks the kernel who connected.
    pub(crate) fn of(stream: &UnixStream) -> Result<Self, ChipRefusal> {
        let credentials = socket_peercred(stream).map_err(|_| ChipRefusal::PeerGone)?;
        let pid = credentials.pid.as_raw_nonzero().get();
        let process = PathBuf::from(format!("/proc/{pid}"));
        let started = start_time(&process)?;
        Ok(Self {
            process,
            started,
            pid,
        })
    }

    /// Reads what the process runs, and makes sure that it is still the same process.
    pub(crate) fn launch(&self, binaries: &Binaries) -> Result<Launch, ChipRefusal> {
        let measured = self.measure(binaries);
        if start_time(&self.process)? != self.started {
            return Err(ChipRefusal::PeerGone);
        }
        measured
    }

    fn measure(&self, binaries: &Binaries) -> Result<Launch, ChipRefusal> {
        if self.open("environ")?.read(&mut [0]).map_err(refused)? != 0 {
            return Err(ChipRefusal::EnvironmentNotEmpty);
        }
        let binary = binaries.digest(&self.open("exe")?)?;
        let command_line = self.read("cmdline", ARGUMENTS_BYTES_MAX)?;
        Ok(Launch {
            measurement: measure_digest(&binary, arguments(&command_line)),
            config_hash: config_hash(&self.config()?),
            instance: self.instance(),
        })
    }

    /// Returns the configuration: the whole file that is open as standard input.
    fn config(&self) -> Result<Vec<u8>, ChipRefusal> {
        let path = self.process.join("fd/0");
        let kind = fs::metadata(&path).map_err(refused)?;
        if kind.file_type().is_char_device() && kind.rdev() == NULL_DEVICE {
            return Ok(Vec::new());
        }
        if !kind.is_file() {
            return Err(ChipRefusal::ConfigNotAFile);
        }
        self.read("fd/0", CONFIG_BYTES_MAX)
    }

    fn open(&self, name: &str) -> Result<File, ChipRefusal> {
        File::open(self.process.join(name)).map_err(refused)
    }

    fn read(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, ChipRefusal> {
        let mut bytes = Vec::new();
        self.open(name)?
            .take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(refused)?;
        if bytes.len() as u64 > bytes_max {
            return Err(ChipRefusal::TooLarge);
        }
        Ok(bytes)
    }

    /// Returns a value of its own for each start of a process.
    fn instance(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(b"boop/sim-instance-start/v1");
        context.update(&self.pid.to_le_bytes());
        context.update(self.started.as_bytes());
        fixed(&context.finish())
    }
}

/// Digests of binaries that were read before.
#[derive(Debug, Default)]
pub(crate) struct Binaries {
    known: Mutex<BTreeMap<FileVersion, [u8; 48]>>,
}

/// What changes when a file's content does, as far as the kernel notices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct FileVersion {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Binaries {
    fn digest(&self, file: &File) -> Result<[u8; 48], ChipRefusal> {
        let version = FileVersion::of(file)?;
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&version).copied();
        if let Some(digest) = known {
            return Ok(digest);
        }
        let digest = digest_of(file)?;
        if FileVersion::of(file)? != version {
            return Err(ChipRefusal::PeerChanged);
        }
        let mut known = lock();
        if known.len() >= BINARIES_MAX {
            known.clear();
        }
        known.insert(version, digest);
        Ok(digest)
    }
}

impl FileVersion {
    fn of(file: &File) -> Result<Self, ChipRefusal> {
        let metadata = file.metadata().map_err(refused)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

fn digest_of(mut file: &File) -> Result<[u8; 48], ChipRefusal> {
    let mut context = Context::new(&SHA384);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(fixed(&context.finish())),
            Ok(count) => context.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(refused(error)),
        }
    }
}

/// Returns what follows argv\[0\] in a command line, without its closing zero byte.
fn arguments(command_line: &[u8]) -> &[u8] {
    let ended = command_line.strip_suffix(&[0]).unwrap_or(command_line);
    match ended.iter().position(|byte| *byte == 0) {
        Some(first_end) => ended.get(first_end + 1..).unwrap_or_default(),
        None => &[],
    }
}

/// Returns the start time of a process, field 22 of its `stat`, counted after the name, which
/// alone may contain spaces and brackets.
fn start_time(process: &std::path::Path) -> Result<String, ChipRefusal> {
    let stat = fs::read_to_string(process.join("stat")).map_err(|_| ChipRefusal::PeerGone)?;
    let (_, after_name) = stat.rsplit_once(')').ok_or(ChipRefusal::Unreadable)?;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next().ok_or(ChipRefusal::Unreadable)?;
    if matches!(state, "Z" | "X") {
        return Err(ChipRefusal::PeerGone);
    }
    fields
        .nth(18)
        .map(str::to_owned)
        .ok_or(ChipRefusal::Unreadable)
}

fn refused(error: io::Error) -> ChipRefusal {
    match error.kind() {
        io::ErrorKind::NotFound => ChipRefusal::PeerGone,
        _ => ChipRefusal::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    #[test]
    fn arguments_are_what_follows_the_programs_name() {
        assert_eq!(arguments(b"party\0--index\x001\0"), b"--index\x001");
        assert_eq!(arguments(b"party\0\0"), b"");
        assert_eq!(arguments(b"party\0"), b"");
        assert_eq!(arguments(b""), b"");
    }

    #[test]
    fn process_that_ended_is_gone() {
        let mut child = sleeper(Stdio::null());
        let caller = caller(&child);
        child.kill().unwrap();
        wait_for_the_end(&caller);

        let ended = caller.launch(&Binaries::default());
        child.wait().unwrap();
        let reaped = caller.launch(&Binaries::default());

        assert_eq!(
            (ended, reaped),
            (Err(ChipRefusal::PeerGone), Err(ChipRefusal::PeerGone))
        );
    }

    #[test]
    fn another_process_under_the_same_id_is_not_the_caller() {
        let mut child = sleeper(Stdio::null());
        let other = Caller {
            started: "1".to_owned(),
            ..caller(&child)
        };

        let launch = other.launch(&Binaries::default());
        child.kill().unwrap();
        child.wait().unwrap();

        assert_eq!(launch, Err(ChipRefusal::PeerGone));
    }

    #[test]
    fn configuration_has_a_limit() {
        let config = tempfile::tempfile().unwrap();
        for (bytes, expected) in [
            (CONFIG_BYTES_MAX, Ok(config_hash(&vec![0; 1024 * 1024]))),
            (CONFIG_BYTES_MAX + 1, Err(ChipRefusal::TooLarge)),
        ] {
            config.set_len(bytes).unwrap();
            let mut child = sleeper(config.try_clone().unwrap().into());

            let launch = caller(&child).launch(&Binaries::default());
            child.kill().unwrap();
            child.wait().unwrap();

            assert_eq!(launch.map(|launch| launch.config_hash), expected);
        }
    }

    #[test]
    fn process_of_another_user_cannot_be_read() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);

        assert_eq!(refused(denied), ChipRefusal::Unreadable);
    }

    #[test]
    fn start_time_of_a_running_process_is_a_number_and_stays() {
        let process = PathBuf::from(format!("/proc/{}", std::process::id()));

        let first = start_time(&process).unwrap();

        assert!(first.parse::<u64>().is_ok(), "{first}");
        assert_eq!(start_time(&process), Ok(first));
    }

    #[test]
    fn changed_binary_has_another_digest_although_its_name_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("binary");
        let binaries = Binaries::default();
        let digest = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            binaries.digest(&File::open(&path).unwrap()).unwrap()
        };

        let first = digest(b"one");
        let second = digest(b"two!");

        assert_eq!(first, crate::measure::sha384(&[b"one"]));
        assert_eq!(second, crate::measure::sha384(&[b"two!"]));
    }

    /// Starts a process that waits, with an empty environment.
    fn sleeper(input: Stdio) -> Child {
        Command::new("/bin/sleep")
            .arg("60")
            .env_clear()
            .stdin(input)
            .spawn()
            .unwrap()
    }

    /// Waits until a killed process is a zombie, for five seconds at most.
    fn wait_for_the_end(caller: &Caller) {
        for _ in 0..5000 {
            if start_time(&caller.process).is_err() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn caller(child: &Child) -> Caller {
        let pid = i32::try_from(child.id()).unwrap();
        let process = PathBuf::from(format!("/proc/{pid}"));
        let started = start_time(&process).unwrap();
        Caller {
            process,
            started,
            pid,
        }
    }
}
