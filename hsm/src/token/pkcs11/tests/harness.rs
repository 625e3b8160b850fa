//! Software tokens for tests. A module and its configuration belong to a process, so that each
//! test runs in a process of its own for each module: its own program, called again. `.ci/tokens`
//! installs what is needed.

use std::any::type_name;
use std::env::var_os;
use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::super::*;

pub(super) const LABEL: &str = "boop test";
pub(super) const PIN: &str = "24681357";
const SO_PIN: &str = "13572468";
/// Says which module a process of a test is for.
const MODULE_VARIABLE: &str = "BOOP_TEST_MODULE";
/// Says where it keeps its files.
const FOLDER_VARIABLE: &str = "BOOP_TEST_FOLDER";
const P11_KIT: &str = "/usr/bin/p11-kit";
const P11_KIT_CLIENT: &str = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so";
const SERVER_SOCKET: &str = "p11-kit/token";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    SoftHsm,
    Kryoptic,
}

/// One module with an empty folder, in a process of its own.
pub(super) struct Stage {
    pub(super) kind: Kind,
    pub(super) folder: PathBuf,
}

/// Runs a test on each module that is installed. All must be where the variable `CI` is set.
pub(super) fn on_each_module<F: Fn(&Stage)>(body: F) {
    if let (Some(kind), Some(folder)) = (var_os(MODULE_VARIABLE), var_os(FOLDER_VARIABLE)) {
        let kind = Kind::ALL.into_iter().find(|each| *each.name() == *kind);
        let kind = kind.expect("the variable names a module");
        return body(&Stage {
            kind,
            folder: folder.into(),
        });
    }
    let closure = type_name::<F>();
    let name = closure.split("::").skip(1).collect::<Vec<_>>().join("::");
    let name = name.trim_end_matches("::{{closure}}");
    for kind in Kind::ALL {
        if kind.module().is_file() {
            run_apart(kind, name);
        } else {
            assert!(var_os("CI").is_none(), "{} is not installed", kind.name());
            println!(
                "{} is not installed (.ci/tokens does it): not run on it",
                kind.name()
            );
        }
    }
}

fn run_apart(kind: Kind, test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let [softhsm, kryoptic] = ["softhsm2.conf", "kryoptic.conf"].map(|f| folder.path().join(f));
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&softhsm, text).unwrap();
    let slots = [1, 2].map(|slot| {
        let file = tokens.join(format!("{slot}.sql"));
        format!(
            "[[slots]]\nslot = {slot}\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
            file.display()
        )
    });
    std::fs::write(&kryoptic, slots.concat()).unwrap();
    let socket = folder.path().join(SERVER_SOCKET);

    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(MODULE_VARIABLE, kind.name())
        .env(FOLDER_VARIABLE, folder.path())
        .env("SOFTHSM2_CONF", softhsm)
        .env("KRYOPTIC_CONF", kryoptic)
        .env("XDG_RUNTIME_DIR", folder.path())
        .env(
            "P11_KIT_SERVER_ADDRESS",
            format!("unix:path={}", socket.display()),
        )
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let text = String::from_utf8_lossy(&output.stdout);
    print!("{}: {text}", kind.name());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "on {}: {errors}", kind.name());
    assert!(text.contains("1 passed"), "no test is called {test}");
}

impl Kind {
    const ALL: [Self; 2] = [Self::SoftHsm, Self::Kryoptic];

    fn name(self) -> &'static str {
        match self {
            Self::SoftHsm => "SoftHSM2",
            Self::Kryoptic => "kryoptic",
        }
    }

    pub(super) fn module(self) -> PathBuf {
        match self {
            Self::SoftHsm => PathBuf::from("/usr/lib/softhsm/libsofthsm2.so"),
            // target/PROFILE/deps/TEST
            Self::Kryoptic => std::env::current_exe()
                .unwrap()
                .ancestors()
                .nth(3)
                .unwrap()
                .join("kryoptic/libkryoptic_pkcs11.so"),
        }
    }
}

impl Stage {
    /// Makes a token in an empty slot.
    pub(super) fn make_token(&self) {
        self.make_token_labelled(LABEL);
    }

    /// Makes a token of this label in an empty slot.
    pub(super) fn make_token_labelled(&self, label: &str) {
        self.with_module(|pkcs11| {
            let slot = self.make_bare_token_labelled(pkcs11, label);
            let session = pkcs11.open_rw_session(slot).unwrap();
            session.login(UserType::So, Some(&pin(SO_PIN))).unwrap();
            session.init_pin(&pin(PIN)).unwrap();
            session.logout().unwrap();
        });
    }

    /// Makes a token that has no user yet.
    pub(super) fn make_bare_token(&self, pkcs11: &Pkcs11) -> Slot {
        self.make_bare_token_labelled(pkcs11, LABEL)
    }

    fn make_bare_token_labelled(&self, pkcs11: &Pkcs11, label: &str) -> Slot {
        let token = |slot: &Slot| pkcs11.get_token_info(*slot).unwrap();
        let slots = pkcs11.get_all_slots().unwrap();
        let mut empty = slots.iter().filter(|slot| !token(slot).token_initialized());
        let empty = *empty.next().expect("a slot is empty");
        pkcs11.init_token(empty, &pin(SO_PIN), label).unwrap();
        // SoftHSM2 moves a token to another slot when it is made.
        let slots = pkcs11.get_all_slots().unwrap();
        let mut fresh = slots.into_iter().filter(|slot| {
            let token = token(slot);
            token.token_initialized() && !token.user_pin_initialized()
        });
        fresh.next().expect("the token is there")
    }

    /// Starts the module for `body` alone.
    pub(super) fn with_module(&self, body: impl FnOnce(&Pkcs11)) {
        let pkcs11 = self.loaded();
        pkcs11.initialize(initialize_arguments()).unwrap();
        body(&pkcs11);
        pkcs11.finalize().unwrap();
    }

    /// Returns the module that this process has loaded already, for use beside a vault.
    pub(super) fn loaded(&self) -> Pkcs11 {
        Pkcs11::new(self.kind.module()).unwrap()
    }

    pub(super) fn slot(&self, pkcs11: &Pkcs11) -> Slot {
        let slots = pkcs11.get_slots_with_initialized_token().unwrap();
        *slots.first().expect("the token is there")
    }

    /// Returns settings for the module in this process.
    pub(super) fn settings(&self) -> Pkcs11Settings {
        Pkcs11Settings {
            module: self.kind.module(),
            label: String::from(LABEL),
            pin_file: self.write_pin(PIN),
            retry_after_wrong_pin: false,
            danger_oaep_sha1: false,
        }
    }

    /// Returns the strongest mechanism that the module has.
    pub(super) const fn mechanism(&self) -> WrapMechanism {
        match self.kind {
            Kind::SoftHsm => WrapMechanism::EcdhPlain,
            Kind::Kryoptic => WrapMechanism::RsaOaepSha256,
        }
    }

    /// Opens a vault that wraps by that.
    pub(super) fn open(&self) -> Result<Pkcs11Vault, VaultError> {
        Pkcs11Vault::open(self.settings(), self.mechanism())
    }

    /// Writes the PIN file.
    pub(super) fn write_pin(&self, pin: &str) -> PathBuf {
        let path = self.folder.join("pin");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&path)
            .unwrap()
            .write_all(pin.as_bytes())
            .unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Returns settings for the module in the process of [`Self::serve`].
    pub(super) fn settings_apart(&self) -> Pkcs11Settings {
        Pkcs11Settings {
            module: PathBuf::from(P11_KIT_CLIENT),
            ..self.settings()
        }
    }

    /// Opens a vault over [`Self::serve`]. The p11-kit of Debian 12 passes on neither AES key wrap
    /// nor ECDH, so that this is a vault without keys at rest, by RSA alone.
    pub(super) fn open_apart(&self) -> Pkcs11Vault {
        let settings = self.settings_apart();
        let (state, findings) = State::probed(&settings).unwrap();
        let works = |each: &WrapMechanism| findings.has(Capability::Release(*each));
        let mechanism = WrapMechanism::OF_TOKENS.into_iter().find(works);
        Pkcs11Vault {
            mechanism: mechanism.unwrap_or_else(|| panic!("no mechanism: {findings}")),
            settings,
            findings,
            state: Mutex::new(state),
        }
    }

    /// Starts the module in another process, which this one reaches by a socket; needs p11-kit,
    /// which must be there where the variable `CI` is set.
    pub(super) fn serve(&self) -> Option<Server> {
        if !Path::new(P11_KIT_CLIENT).is_file() || !Path::new(P11_KIT).is_file() {
            assert!(var_os("CI").is_none(), "p11-kit is not installed");
            println!("p11-kit is not installed (.ci/tokens does it): not run");
            return None;
        }
        let socket = self.folder.join(SERVER_SOCKET);
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&socket);
        let process = Command::new(P11_KIT)
            .args(["server", "--foreground", "--name"])
            .arg(&socket)
            .arg("--provider")
            .arg(self.kind.module())
            .arg("pkcs11:")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("p11-kit is installed");
        let mut server = Server { process };
        for _ in 0..500 {
            if socket.exists() {
                return Some(server);
            }
            assert_eq!(server.process.try_wait().unwrap(), None, "the server ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server does not listen at {}", socket.display());
    }
}

/// A process that holds the module.
pub(super) struct Server {
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has a process of its own for each caller.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}

pub(super) fn initialize_arguments() -> CInitializeArgs {
    CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)
}

pub(super) fn pin(text: &str) -> AuthPin {
    AuthPin::from(Box::<str>::from(text))
}
