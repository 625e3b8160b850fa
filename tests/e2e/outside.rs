//! A running ledger, checked by somebody else's libraries: those of Go's checksum database
//! (`sumdb/note`, `sumdb/tlog`). `.ci/tokens` installs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use boop_proof::key::KeyType;
use boop_proof::{Checkpoint, KeyName, SignerKey, leaf_hash};

use crate::bench::Bench;
use crate::raw::ledger_get;
use crate::shop::Shop;
use crate::tokens::is_there;

/// Where Debian keeps Go's packages.
const PACKAGES: &str = "/usr/share/gocode";
const LIBRARY: &str = "/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog";

#[tokio::test(flavor = "multi_thread")]
async fn gos_own_libraries_verify_our_log_and_refuse_another() {
    if !is_there(&Path::new(LIBRARY).join("tlog.go")) {
        return;
    }
    let bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let older = ledger_get(&bench, "/checkpoint").await;
    shop.check_payment(&bench, &customer).await;
    let checker = Checker::build(&bench);
    let key = String::from_utf8(ledger_get(&bench, "/key").await).unwrap();
    let key = key.trim();

    let checked = checker.check(&bench, key, &older);
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{checked:?}");
    let entries: u64 = said.split(' ').next().unwrap().parse().unwrap();
    assert!(entries >= 4 && said.contains("which grew from"), "{said}");

    // A checkpoint that nobody signed, one of another log, and another key.
    let mut changed = older.clone();
    let root = changed.iter().position(|byte| *byte == b'\n').unwrap() + 3;
    changed[root] ^= 1;
    let name = key.split('+').next().unwrap();
    let name = KeyName::new(name).unwrap();
    let other = SignerKey::from_seed(name.clone(), KeyType::Ed25519, &[7; 32]);
    let forked = Checkpoint {
        origin: name.clone(),
        size: 1,
        root: leaf_hash(b"another beginning"),
    };
    let seed = fs::read_to_string(bench.layout().path("ledger/ledger.key")).unwrap();
    let seed = hex::decode(seed.trim()).unwrap().try_into().unwrap();
    let ours = SignerKey::from_seed(name, KeyType::Ed25519, &seed);
    assert_eq!(ours.verifier().to_string(), key);
    let [forged, forked] = [&other, &ours].map(|key| forked.sign(key).to_string().into_bytes());
    let stranger = other.verifier().to_string();
    for (key, older) in [
        (key, &changed),
        (key, &forged),
        // By the log itself, which had another beginning then.
        (key, &forked),
        (stranger.as_str(), &older),
    ] {
        let refused = checker.check(&bench, key, older);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    }
}

/// The program, built once.
struct Checker(PathBuf);

impl Checker {
    fn build(bench: &Bench) -> Self {
        let program = bench.folder().join("verify");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/outside/verify.go");
        let built = Command::new("go")
            .args(["build", "-o"])
            .args([&program, &source])
            .env("GO111MODULE", "off")
            .env("GOPATH", PACKAGES)
            .env("GOCACHE", bench.folder().join("go-cache"))
            .output()
            .expect("Go is installed with its libraries");
        assert!(built.status.success(), "{built:?}");
        Self(program)
    }

    fn check(&self, bench: &Bench, key: &str, older: &[u8]) -> Output {
        let file = bench.folder().join("older");
        fs::write(&file, older).unwrap();
        let url = format!("http://127.0.0.1:{}", bench.ports().ledger_public);
        Command::new(&self.0)
            .args([&url, key])
            .arg(file)
            .output()
            .unwrap()
    }
}
