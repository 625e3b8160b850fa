//! The custodian's process never holds a data key.
//!
//! A module in software runs inside the process that loads it, and its keys with it. So the module
//! runs in a process of its own here, as a device would, and ours has the client's half alone.
//! The released key is opened by the process that watches, which then looks for its bytes in
//! everything that the custodian's process can write to, while that goes on releasing.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::super::*;
use super::harness::{Kind, Stage, on_each_module};
use super::{context, name};
use crate::token::{FileToken, Token};
use boop_channel::setup::{Floor, SetupKey, SetupPublic};

/// Says which part the process of a custodian plays.
const PART_VARIABLE: &str = "BOOP_TEST_PART";
/// Times that the custodian's memory is searched while it releases.
const SEARCHES: usize = 4;

#[test]
fn the_custodians_memory_never_holds_a_released_key() {
    on_each_module(|stage| {
        if let Some(part) = std::env::var_os(PART_VARIABLE) {
            return match part.to_str() {
                Some("apart") => serve_apart(&stage.open_apart()),
                Some("inside") => serve_vault(&stage.open().unwrap()),
                Some("file") => serve_file(stage),
                other => panic!("no part is called {other:?}"),
            };
        }
        stage.make_token();
        let Some(server) = stage.serve() else { return };

        // The claim: nowhere, at any time, whole or by half.
        let mut custodian = Custodian::start("apart");
        let (key, wrapped) = custodian.released();
        for _ in 0..SEARCHES {
            custodian.release_on();
            assert!(!holds_part(custodian.id(), &key), "the key is in memory");
        }
        // The search sees what is there: the wrapped key, which the custodian just answered.
        assert!(
            holds(custodian.id(), &wrapped),
            "the search finds nothing at all"
        );
        custodian.stop();
        drop(server);

        // The control: the same code and search, with the module inside. kryoptic keeps keys
        // open in its memory; SoftHSM2 seals them, and opens them for moments.
        let mut custodian = Custodian::start("inside");
        let (key, _) = custodian.released();
        let found = (0..SEARCHES).any(|_| {
            custodian.release_on();
            holds_part(custodian.id(), &key)
        });
        println!("module inside the process: key found = {found}");
        assert!(found || stage.kind == Kind::SoftHsm);
        custodian.stop();

        // Another: a token of ours in software keeps its root secret in this memory.
        let mut custodian = Custodian::start("file");
        let root = custodian.line();
        assert!(holds(custodian.id(), &hex::decode(root).unwrap()));
        custodian.stop();
    });
}

/// A custodian in a process of its own.
struct Custodian {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Custodian {
    fn start(part: &str) -> Self {
        let test = "token::pkcs11::tests::canary::\
                    the_custodians_memory_never_holds_a_released_key";
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(PART_VARIABLE, part)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self {
            process,
            stdin,
            stdout,
        }
    }

    fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the next line that the custodian says to us.
    fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "it ended");
            // The test runner writes what it does on the same line as the first of ours.
            if let Some((_, said)) = line.split_once("say ") {
                return said.trim_end().to_owned();
            }
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// Gives the custodian a setup key; returns the released key and its wrapped form.
    fn released(&mut self) -> ([u8; 32], Vec<u8>) {
        let mechanism = self.line();
        let mut all = WrapMechanism::OF_TOKENS.into_iter();
        let mechanism = all.find(|each| each.name() == mechanism).unwrap();
        let setup = super::setup_key(mechanism.setup_kind(), 7);
        self.say(&hex::encode(setup.public().as_bytes()));
        let [ephemeral, ciphertext] = [self.line(), self.line()].map(|l| hex::decode(l).unwrap());
        let wrapped = WrappedKey {
            mechanism,
            ephemeral,
            ciphertext,
        };
        let key = open(&setup, &wrapped);
        (key, wrapped.ciphertext)
    }

    /// Lets it release a few times more, and returns while it does.
    fn release_on(&mut self) {
        self.say("on");
        assert_eq!(self.line(), "releasing");
    }

    fn stop(mut self) {
        self.say("stop");
        drop(self.stdin);
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert!(self.process.wait().unwrap().success(), "{rest}");
    }
}

fn open(setup: &SetupKey, wrapped: &WrappedKey) -> [u8; 32] {
    let key = setup.unwrap_key(wrapped, &context(1), Floor::DangerAny);
    *key.unwrap()
}

/// The custodian as it is: makes a key, and releases it from its place of rest again and again.
fn serve_vault(vault: &Pkcs11Vault) {
    let stored = vault.create(&name(0)).unwrap();
    converse(vault.mechanism(), |setup| {
        vault
            .release(&name(0), &stored, &Recipient::by_key(setup), &context(1))
            .unwrap()
    });
}

/// The custodian without a place of rest: makes a key in the session, and wraps it again and again.
fn serve_apart(vault: &Pkcs11Vault) {
    let digest = context_digest(&context(1));
    let served = vault.with_session(|session| {
        let key = release::make_data_key(session)?;
        converse(vault.mechanism, |setup| {
            release::wrap_to(session, vault.mechanism, &key, setup, &digest).unwrap()
        });
        Ok(())
    });
    served.unwrap();
}

/// Says its mechanism, hears a setup key, says the answer, and releases on whenever it is told.
fn converse(mechanism: WrapMechanism, release: impl Fn(&SetupPublic) -> WrappedKey) {
    println!("say {}", mechanism.name());
    let mut lines = std::io::stdin().lines().map(Result::unwrap);
    let public = hex::decode(lines.next().unwrap()).unwrap();
    let setup = SetupPublic::parse(mechanism.setup_kind(), &public).unwrap();
    let answer = release(&setup);
    println!("say {}", hex::encode(&answer.ephemeral));
    println!("say {}", hex::encode(&answer.ciphertext));
    for line in lines {
        if line == "stop" {
            break;
        }
        println!("say releasing");
        for _ in 0..20 {
            release(&setup);
        }
    }
    drop(answer);
}

/// A custodian of the old kind; it says its root secret, as no custodian would.
fn serve_file(stage: &Stage) {
    let path = stage.folder.join("file-token");
    let token = FileToken::create(&path).unwrap();
    let epoch = 3;
    let setup = SetupKey::x25519(&[7; 32]);
    token
        .wrap_data_key(epoch, &Recipient::by_key(setup.public()), &context(1))
        .unwrap();
    println!("say {}", hex::encode(token.root_for_the_canary()));
    let _ = std::io::stdin().lines().next();
    drop(token);
}

/// Tells whether a process has either half of these bytes in memory that it can write.
fn holds_part(process: u32, secret: &[u8]) -> bool {
    let (front, back) = secret.split_at(secret.len() / 2);
    search(process, &[front, back])
}

/// Tells whether a process has these bytes in memory that it can write.
fn holds(process: u32, bytes: &[u8]) -> bool {
    search(process, &[bytes])
}

fn search(process: u32, wanted: &[&[u8]]) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let writable = maps.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (range, rights) = (words.next()?, words.next()?);
        let (start, end) = range.split_once('-')?;
        let address = |text| u64::from_str_radix(text, 16).ok();
        rights
            .starts_with("rw")
            .then_some((address(start)?, address(end)?))
    });
    let mut searched = 0;
    let mut found = false;
    for (start, end) in writable {
        let mut content = vec![0; usize::try_from(end - start).unwrap()];
        // What the kernel keeps to itself cannot be read, by the process neither.
        let Ok(length) = memory.read_at(&mut content, start) else {
            continue;
        };
        searched += length;
        let content = &content[..length];
        found |= wanted.iter().any(|bytes| contains(content, bytes));
    }
    assert!(searched > 1 << 18, "only {searched} bytes were read");
    found
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let last = haystack.len().saturating_sub(needle.len());
    let mut at = 0;
    while let Some(next) = haystack[at..].iter().position(|byte| *byte == needle[0]) {
        at += next;
        if at > last {
            return false;
        }
        if &haystack[at..at + needle.len()] == needle {
            return true;
        }
        at += 1;
    }
    false
}
