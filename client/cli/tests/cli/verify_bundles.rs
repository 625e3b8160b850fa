//! Bundles of simulated hardware: what they show by themselves, and what a nonce adds.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use boop_appraisal::results::{EarKey, verify_ear_jwt};
use boop_tee::{Authority, Chip, ChipModel, Launch};
use boop_wire::binding::{Binding, BoundKeys, PlatformKind, Purpose, Role};
use boop_wire::codec::to_canonical;
use boop_wire::evidence::{Certificate, EvidenceBundle};
use boop_wire::{Digest, InstanceId, NetworkId};
use rcgen::KeyPair;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::run::{Run, boop};

/// 2026-06-01T12:00:00Z.
const NOW_MS: u64 = 1_780_315_200_000;
const NOW: &str = "2026-06-01T12:00:00Z";
const MODELS: [ChipModel; 2] = [ChipModel::GenoaV5, ChipModel::Nitro];
/// The challenge of every bundle.
const CHALLENGE: [u8; 32] = [8; 32];

#[test]
fn a_recorded_bundle_does_not_answer_a_demand_for_a_binding_by_itself() {
    for model in MODELS {
        let desk = Desk::new(model);
        let demanding = desk.demanding_policy();

        let open = desk.verify(&["--json"]);
        let demanded = desk.verify(&["--json", "--policy", &demanding]);
        let words = desk.verify(&["--explain", "--policy", &demanding]);

        assert_eq!(open.code, Some(0), "{open:?}");
        assert_eq!(open.json()["bound"], false);
        assert_eq!(outcome(&open, "binding-consistent"), "pass");
        assert_eq!(outcome(&open, "report-data"), "not-checked");
        assert_eq!(
            open.json()["summary"],
            "accepted, simulated: authentic and allowed, bound to nothing"
        );
        assert_eq!(demanded.code, Some(1), "{demanded:?}");
        let verdict = demanded.json();
        assert_eq!(verdict["bound"], false);
        assert_eq!(verdict["tier"], Value::Null);
        assert_eq!(verdict["reasons"], json!(["binding-missing"]));
        let words = one_line(&words.out);
        assert!(words.contains("says of itself is no such thing"), "{words}");
        assert!(!words.contains("made for this occasion"), "{words}");
    }
}

#[test]
fn a_bundle_that_answers_the_nonce_is_bound() {
    for model in MODELS {
        let desk = Desk::new(model);
        let demanding = desk.demanding_policy();
        let nonce = hex::encode(CHALLENGE);

        let run = desk.verify(&["--json", "--nonce", &nonce, "--policy", &demanding]);
        let words = desk.verify(&["--explain", "--nonce", &nonce]);

        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(run.json()["bound"], true);
        for step in ["binding-consistent", "challenge", "report-data"] {
            assert_eq!(outcome(&run, step), "pass", "{step}");
        }
        let words = one_line(&words.out);
        assert!(words.contains("its binding answers your nonce"), "{words}");
    }
}

#[test]
fn a_bundle_that_answers_another_nonce_is_refused_and_nothing_says_otherwise() {
    for model in MODELS {
        let desk = Desk::new(model);
        let other = ["--nonce", "0011223344556677"];

        desk.is_refused_throughout(&other, &["challenge"], "another occasion");
    }
}

#[test]
fn a_bundle_with_an_exchanged_binding_is_refused_and_nothing_says_otherwise() {
    for model in MODELS {
        let mut desk = Desk::new(model);
        let mut binding = desk.bundle.binding().expect("a binding");
        binding.keys.tls_spki = Digest::new([9; 32]);
        desk.bundle.binding = to_canonical(&binding);
        desk.write();
        let nonce = hex::encode(CHALLENGE);

        desk.is_refused_throughout(&[], &["binding-consistent"], "do not belong together");
        let run = desk.verify(&["--json", "--nonce", &nonce]);

        let reasons = json!(["report-data-mismatch", "binding-consistent"]);
        assert_eq!((run.code, &run.json()["reasons"]), (Some(1), &reasons));
    }
}

#[test]
fn a_document_with_another_nonce_than_its_bindings_challenge_is_refused() {
    let mut desk = Desk::new(ChipModel::Nitro);
    let binding = desk.bundle.binding().expect("a binding");
    desk.bundle.evidence = signed(ChipModel::Nitro, &to_canonical(&binding), &[7; 32]).0;
    desk.write();

    let run = desk.verify(&["--json"]);

    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.json()["reasons"], json!(["binding-consistent"]));
}

#[test]
fn a_binding_of_another_platform_is_refused() {
    for (model, other) in [
        (ChipModel::GenoaV5, PlatformKind::Nitro),
        (ChipModel::Nitro, PlatformKind::Snp),
    ] {
        let mut desk = Desk::new(model);
        let bytes = to_canonical(&binding(other));
        let (evidence, endorsements) = signed(model, &bytes, &CHALLENGE);
        desk.bundle.evidence = evidence;
        desk.bundle.endorsements = endorsements.into_iter().map(Certificate).collect();
        desk.bundle.binding = bytes;
        desk.write();

        let run = desk.verify(&["--json"]);

        assert_eq!(run.code, Some(1), "{run:?}");
        assert_eq!(run.json()["reasons"], json!(["binding-consistent"]));
    }
}

#[test]
fn p0_with_simulated_evidence_is_a_policy_of_its_own_name_and_digest() {
    let desk = Desk::new(ChipModel::Nitro);
    let roots = desk.path("roots.toml");
    let show = ["verify", "--show-policy"];
    let flags = ["--danger-simulated-tee", "--roots", &roots];

    let plain = boop(show);
    let shown = boop([&show[..], &flags].concat());
    let verdict = desk.verify(&["--json"]).json();

    assert!(plain.out.contains("simulated = \"refuse\""), "{plain:?}");
    assert!(shown.out.contains("simulated = \"accept\""), "{shown:?}");
    assert!(shown.out.contains("name = \"p0-simulated\""), "{shown:?}");
    assert_eq!(verdict["policy"], "p0-simulated");
    let digest = hex::encode(Sha256::digest(&shown.out));
    assert_eq!(verdict["policy_sha256"], digest);
}

#[test]
fn a_signed_result_of_a_bundle_says_bound_only_with_the_nonce() {
    let desk = Desk::new(ChipModel::GenoaV5);
    let nonce = hex::encode(CHALLENGE);
    let (key, public) = desk.key();
    let ear = |more: &[&str]| {
        let run = desk.verify(&[&["--ear", "--ear-key", &key], more].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        verify_ear_jwt(run.out.trim_end(), &public).expect("it verifies")
    };

    let (alone, answered) = (ear(&[]), ear(&["--nonce", &nonce]));

    assert!(!alone.submodule.findings.bound);
    assert!(answered.submodule.findings.bound);
    assert_eq!(answered.nonce, Some(CHALLENGE.to_vec()));
}

/// A folder with a bundle, roots and what a verification needs.
struct Desk {
    folder: TempDir,
    bundle: EvidenceBundle,
}

impl Desk {
    fn new(model: ChipModel) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let roots = authority().roots();
        let of = |index: usize| hex::encode(&roots.snp[index].1);
        let products: Vec<&str> = roots
            .snp
            .iter()
            .map(|(product, _)| product.as_str())
            .collect();
        let at = |name| products.iter().position(|product| *product == name);
        let text = format!(
            "genoa = \"{}\"\nturin = \"{}\"\nnitro = \"{}\"\n",
            of(at("Genoa").expect("a root of Genoa")),
            of(at("Turin").expect("a root of Turin")),
            hex::encode(&roots.nitro[0])
        );
        fs::write(folder.path().join("roots.toml"), text).expect("written");
        let platform = match model {
            ChipModel::Nitro => PlatformKind::Nitro,
            _ => PlatformKind::Snp,
        };
        let binding = to_canonical(&binding(platform));
        let (evidence, endorsements) = signed(model, &binding, &CHALLENGE);
        let bundle = EvidenceBundle {
            platform,
            evidence,
            endorsements: endorsements.into_iter().map(Certificate).collect(),
            binding,
        };
        let desk = Self { folder, bundle };
        desk.write();
        desk
    }

    fn write(&self) {
        fs::write(self.path("bundle"), to_canonical(&self.bundle)).expect("written");
    }

    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name))
    }

    fn verify(&self, more: &[&str]) -> Run {
        let (bundle, roots) = (self.path("bundle"), self.path("roots.toml"));
        let simulated = ["--danger-simulated-tee", "--roots", &roots];
        boop([&["verify", &bundle, "--at", NOW], &simulated[..], more].concat())
    }

    /// Writes a policy that demands a binding.
    fn demanding_policy(&self) -> String {
        let shown = boop(["verify", "--show-policy", "--policy", "development"]).out;
        let demanding = shown.replace("\nbinding = \"any\"", "\nbinding = \"required\"");
        assert_ne!(demanding, shown);
        let path = self.path("demanding.toml");
        fs::write(&path, demanding).expect("written");
        path
    }

    fn key(&self) -> (String, boop_appraisal::results::EarPublicKey) {
        let pem = KeyPair::generate().expect("a key on p-256").serialize_pem();
        let path = self.path("key.pem");
        fs::write(&path, &pem).expect("written");
        let public = EarKey::from_pkcs8_pem(&pem).expect("a key").public_key();
        (path, public)
    }

    /// Checks that JSON, words and page all refuse, and that nothing is signed.
    fn is_refused_throughout(&self, more: &[&str], reasons: &[&str], words: &str) {
        let page = self.path("page.html");
        let (key, _) = self.key();

        let run = self.verify(&[more, &["--json", "--html", &page]].concat());
        let summary = self.verify(more);
        let explained = self.verify(&[more, &["--explain"]].concat());
        let signed = self.verify(&[more, &["--ear", "--ear-key", &key]].concat());

        assert_eq!(run.code, Some(1), "{run:?}");
        let verdict = run.json();
        for field in ["accepted", "bound"] {
            assert_eq!(verdict[field], false, "{field}");
        }
        assert_eq!(verdict["tier"], Value::Null);
        assert_eq!(verdict["reasons"], json!(reasons));
        for reason in reasons {
            assert!(verdict["meanings"][*reason].is_string(), "{verdict}");
            assert_eq!(outcome(&run, reason), "fail");
        }
        let page = fs::read_to_string(page).expect("written");
        for shown in [&summary.out, &explained.out, &page] {
            assert!(!shown.to_lowercase().contains("trust tier"), "{shown}");
            assert!(!shown.contains("It was made for this occasion"), "{shown}");
        }
        assert!(summary.out.starts_with("refused"), "{summary:?}");
        assert!(page.contains("<h1>Refused</h1>"));
        for shown in [&explained.out, &page] {
            assert!(one_line(shown).contains(words), "{shown}");
        }
        assert_eq!((signed.code, signed.out.as_str()), (Some(2), ""));
        assert!(
            signed
                .err
                .contains("an attestation result has no word for that"),
            "{signed:?}"
        );
    }
}

/// Returns the vendor that all tests share: its keys take seconds.
fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::generate(NOW_MS).expect("keys"))
}

/// Signs evidence over a binding; returns it with its certificates.
fn signed(model: ChipModel, binding: &[u8], nonce: &[u8; 32]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let chip = Chip::provision(authority(), model, "machine", NOW_MS).expect("a chip");
    let launch = Launch {
        measurement: [1; 48],
        config_hash: [2; 32],
        instance: [3; 32],
    };
    let data = Binding::report_data_of(binding);
    let raw = chip.attest(&launch, &data, nonce, NOW_MS).expect("signed");
    (raw.evidence, raw.endorsements)
}

fn binding(platform: PlatformKind) -> Binding {
    Binding {
        purpose: Purpose::Challenge,
        network: NetworkId::new([1; 32]),
        manifest: Digest::new([2; 32]),
        role: Role::Gateway,
        party: None,
        platform,
        config: Digest::new([3; 32]),
        instance: InstanceId::new([4; 16]),
        lease: 0,
        keys: BoundKeys {
            identity: [5; 32],
            tls_spki: Digest::new([6; 32]),
            hpke: [7; 32],
            setup: None,
        },
        challenge: CHALLENGE,
        made_at_ms: NOW_MS,
        checkpoint: None,
    }
}

/// Returns how a step ended.
fn outcome(run: &Run, name: &str) -> String {
    let verdict = run.json();
    let steps = verdict["steps"].as_array().expect("a list");
    let step = steps.iter().find(|step| step["name"] == name);
    let step = step.unwrap_or(&Value::Null);
    step["outcome"]
        .as_str()
        .unwrap_or("no such step")
        .to_owned()
}

/// Undoes the breaking of lines.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn text(path: &Path) -> String {
    PathBuf::from(path)
        .into_os_string()
        .into_string()
        .expect("text")
}
