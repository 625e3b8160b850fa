//! Networks whose custodians release from PKCS#11 tokens: people enrol and pay, a party comes back
//! and they still pay, also under new key-encryption keys. `.ci/tokens` installs the modules.

use std::env::var_os;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use boop_hsm::backup::Identity;
use boop_tests::program;
use boop_wire::PartyIndex;
use boop_world::Layout;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use serde_json::Value;

use crate::bench::Bench;
use crate::shop::Shop;

const PIN: &str = "24681357";
const SO_PIN: &str = "13572468";
pub(crate) const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// Tells a process of these tests to make the token of kryoptic and end.
const MAKE_VARIABLE: &str = "BOOP_TEST_MAKE_TOKEN";

#[tokio::test(flavor = "multi_thread")]
async fn three_custodians_release_from_softhsm_and_people_pay_over_restart_and_rotation() {
    if !is_there(Path::new(SOFTHSM)) {
        return;
    }
    let prepare = |layout: &Layout| {
        for party in PartyIndex::ALL {
            make_softhsm(&layout.machine(party, ""), party);
        }
    };
    let mut bench = Bench::start_in(prepare).await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    shop.check_payment(&bench, &customer).await;

    let party = PartyIndex::ALL[1];
    let starts = bench.kill_party(party);
    bench.wait_recovered(party, starts).await;
    shop.check_payment(&bench, &customer).await;

    // New key-encryption keys, while the custodian does not run.
    bench.network.process("custodian-1").unwrap().stop();
    let rotated = custodian(&bench, party, &["rotate"]);
    assert!(rotated.status.success(), "{rotated:?}");
    back_up_and_rehearse(&bench, party);
    bench.network.start_custodian(party).unwrap();
    let starts = bench.kill_party(party);
    bench.wait_recovered(party, starts).await;
    shop.check_payment(&bench, &customer).await;

    for party in PartyIndex::ALL {
        let audit = fs::read_to_string(bench.layout().machine(party, "audit.jsonl")).unwrap();
        let released = audit
            .lines()
            .filter(|line| line.contains(r#""event":"released""#));
        let by = r#""mechanism":"ecdh-p256-aes-kw""#;
        assert!(released.clone().count() > 0 && released.clone().all(|line| line.contains(by)));
        assert!(!bench.layout().machine(party, "token").exists());
    }
    // A look at a token changes nothing, also while its custodian runs.
    let status = custodian(&bench, party, &["status"]);
    let text = String::from_utf8(status.stdout).unwrap();
    assert!(status.status.success(), "{text}");
    for part in [
        "lease  3",
        "head  version 1",
        "key-encryption key of generation 1",
        "releases by  ecdh-p256-aes-kw",
        "aes-kw-at-rest                 works",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    // A wrong PIN: no custodian, and no second try.
    bench.network.process("custodian-1").unwrap().stop();
    write_pin(&bench.layout().machine(party, ""), "99999999");
    for why in ["the token refused the PIN", "a wrong PIN was given"] {
        let refused = custodian(&bench, party, &["rotate"]);
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && text.contains(why), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custodian_with_kryoptic_releases_by_rsa_beside_two_with_files() {
    let module = kryoptic();
    if var_os(MAKE_VARIABLE).is_some() {
        return make_token_of_kryoptic(&module);
    }
    if !is_there(&module) {
        return;
    }
    let party = PartyIndex::ALL[0];
    let prepare = |layout: &Layout| make_kryoptic(&layout.machine(party, ""), &module);
    let mut bench = Bench::start_in(prepare).await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let starts = bench.kill_party(party);
    bench.wait_recovered(party, starts).await;
    shop.check_payment(&bench, &customer).await;

    let audit = fs::read_to_string(bench.layout().machine(party, "audit.jsonl")).unwrap();
    assert_eq!(audit.matches(r#""mechanism":"rsa-oaep-sha256""#).count(), 2);
    let log = fs::read_to_string(bench.layout().log("custodian-0")).unwrap();
    assert!(log.contains("the signing key of party 0's custodian lies in a file"));
}

/// A custodian's backup, and what three holders opened of it.
pub(crate) struct BackedUp {
    network: String,
    /// Key of the custodian that made it.
    signer: String,
    shares: [String; 3],
}

impl BackedUp {
    /// Backs up the keys that a custodian released; it does not run meanwhile.
    pub(crate) fn of(bench: &Bench, party: PartyIndex) -> Self {
        let manifest = bench.layout().path("manifest.cbor");
        let trust = bench.client.admit_file(&manifest).unwrap();
        let manifest = trust.manifest();
        let signer = manifest.manifest().party(party).unwrap().custodian;
        let mut made = Self {
            network: manifest.network().to_string(),
            signer: hex::encode(signer),
            shares: [1, 3, 5].map(|share| format!("share-{share}")),
        };
        made.make(bench, party);
        made
    }

    fn make(&mut self, bench: &Bench, party: PartyIndex) {
        let machine = |name: &str| bench.layout().machine(party, name);
        let holders = [1, 2, 3, 4, 5].map(|holder| Identity::from_seed([holder; 32]));
        let recipients = holders
            .each_ref()
            .map(|holder| holder.recipient().to_string());
        let mut arguments = vec!["--out", "ceremony"];
        for recipient in &recipients {
            arguments.extend(["--holder", recipient]);
        }
        self.run(bench, party, "backup-key", &arguments);
        let key = "ceremony/backup-key.cbor";
        let arguments = ["--backup-key", key, "--out", "backup.cbor"];
        self.run(bench, party, "backup", &arguments);
        for (name, share) in self.shares.iter().zip([1, 3, 5]) {
            let sealed = fs::read(machine(&format!("ceremony/share-{share}.age"))).unwrap();
            let opened = holders[share - 1].open(&sealed).unwrap();
            fs::write(machine(name), &*opened).unwrap();
        }
    }

    /// Brings it back with three shares, for `drill` or `restore`.
    pub(crate) fn bring_back(&self, bench: &Bench, party: PartyIndex, command: &str) -> Value {
        let mut arguments = vec!["--custodian", &self.signer, "--backup", "backup.cbor"];
        for share in &self.shares {
            arguments.extend(["--share", share]);
        }
        self.run(bench, party, command, &arguments)
    }

    fn run(&self, bench: &Bench, party: PartyIndex, command: &str, rest: &[&str]) -> Value {
        let arguments = [&[command, "--network", &self.network, "--json"], rest].concat();
        let output = custodian(bench, party, &arguments);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Backs up the key that a custodian released, and has it come back into a throw-away token.
fn back_up_and_rehearse(bench: &Bench, party: PartyIndex) {
    let backup = BackedUp::of(bench, party);
    let drill = backup.bring_back(bench, party, "drill");
    // The custodian has this key already, and says the same of it.
    let check = backup.run(bench, party, "create-key", &[])["check_value"].clone();
    let same = format!("epoch 0, {}, the same", check.as_str().unwrap());
    assert_eq!(drill["key"], same);
    for nothing in ["epochs_lost", "records_lost", "heads_not_guarded"] {
        assert_eq!(drill[nothing], "0", "{nothing}");
    }
    let audit = fs::read_to_string(bench.layout().machine(party, "audit.jsonl")).unwrap();
    for event in ["rotated", "backed-up"] {
        let event = format!("\"event\":\"{event}\"");
        let line = audit.lines().find(|line| line.contains(&event)).unwrap();
        assert!(line.contains("\"keys\":1"), "{line}");
    }
    assert!(!audit.contains("\"event\":\"created\""));
}

/// Runs a command of a custodian as its operator does.
fn custodian(bench: &Bench, party: PartyIndex, arguments: &[&str]) -> Output {
    Command::new(program::path("boop-custodian"))
        .args(arguments)
        .args(["--config", "custodian.toml"])
        .current_dir(bench.layout().machine(party, ""))
        .env("SOFTHSM2_CONF", "softhsm2.conf")
        .output()
        .unwrap()
}

/// Tells whether a module is installed. It must be where the variable `CI` is set.
pub(crate) fn is_there(module: &Path) -> bool {
    let there = module.is_file();
    if !there {
        assert!(var_os("CI").is_none(), "{} is missing", module.display());
        println!("{} is missing (.ci/tokens installs it)", module.display());
    }
    there
}

/// Makes a token of SoftHSM2 for a custodian that is not there yet, or that lost its own.
pub(crate) fn make_softhsm(machine: &Path, party: PartyIndex) {
    fs::create_dir_all(machine.join("tokens")).unwrap();
    let config = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        machine.join("tokens").display()
    );
    fs::write(machine.join("softhsm2.conf"), config).unwrap();
    write_pin(machine, PIN);
    let label = format!("boop {party}");
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", &label])
        .args(["--so-pin", SO_PIN, "--pin", PIN])
        .env("SOFTHSM2_CONF", machine.join("softhsm2.conf"))
        .output()
        .expect("softhsm2-util comes with SoftHSM2");
    assert!(made.status.success(), "{made:?}");
    let table = token_table(Path::new(SOFTHSM), &label, "ecdh-p256-aes-kw", "token");
    let environment = "[environment]\nSOFTHSM2_CONF = \"softhsm2.conf\"\n";
    fs::write(machine.join("token.toml"), table + environment).unwrap();
}

fn make_kryoptic(machine: &Path, module: &Path) {
    fs::create_dir_all(machine).unwrap();
    let config = machine.join("kryoptic.conf");
    let database = machine.join("kryoptic.sql");
    let slot = format!(
        "[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
        database.display()
    );
    fs::write(&config, slot).unwrap();
    write_pin(machine, PIN);
    let test = "tokens::a_custodian_with_kryoptic_releases_by_rsa_beside_two_with_files";
    let made = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(MAKE_VARIABLE, "1")
        .env("KRYOPTIC_CONF", &config)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let table = token_table(module, "boop", "rsa-oaep-sha256", "file");
    let environment = "[environment]\nKRYOPTIC_CONF = \"kryoptic.conf\"\n";
    fs::write(machine.join("token.toml"), table + environment).unwrap();
}

/// Makes a token in the one slot of kryoptic's configuration, which belongs to a process.
fn make_token_of_kryoptic(module: &Path) {
    let pin = |text: &str| AuthPin::from(Box::<str>::from(text));
    let pkcs11 = Pkcs11::new(module).unwrap();
    pkcs11
        .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        .unwrap();
    let slot = *pkcs11.get_all_slots().unwrap().first().unwrap();
    pkcs11.init_token(slot, &pin(SO_PIN), "boop").unwrap();
    let session = pkcs11.open_rw_session(slot).unwrap();
    session.login(UserType::So, Some(&pin(SO_PIN))).unwrap();
    session.init_pin(&pin(PIN)).unwrap();
    session.logout().unwrap();
}

fn token_table(module: &Path, label: &str, mechanism: &str, identity: &str) -> String {
    format!(
        "[token]\nkind = \"pkcs11\"\nmodule = \"{}\"\nlabel = \"{label}\"\npin_file = \"pin\"\n\
         mechanism = \"{mechanism}\"\nidentity = \"{identity}\"\nstate = \"token-state\"\n",
        module.display()
    )
}

fn write_pin(machine: &Path, pin: &str) {
    let file = machine.join("pin");
    fs::write(&file, pin).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// target/PROFILE/deps/TEST
fn kryoptic() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(3).unwrap();
    target.join("kryoptic/libkryoptic_pkcs11.so")
}
