//! `@sd-jwt/core` and `@sd-jwt/sd-jwt-vc` take our credentials, and we theirs. `.ci/tokens`
//! installs them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;

#[test]
fn another_implementation_takes_our_credentials_and_we_take_theirs() {
    let Some(folder) = installed() else {
        return;
    };
    let (issuer, holder) = (ecdsa(), ecdsa());
    let mut all = claims(&holder);
    all.insert("vct".into(), "https://boop.example/person".into());
    let issue = Issue {
        typ: "dc+sd-jwt",
        claims: all,
        disclosable: &[
            "/name",
            "/address",
            "/address/street",
            "/sides/0",
            "/sides/1",
        ],
        decoys: 3,
    };
    let mut count = 0;
    let salt = || {
        count += 1;
        [count; 16]
    };
    let ours = issue.sign(&issuer, salt).unwrap();
    let ours = ours.present(&["/address/street", "/sides/0"]).unwrap();
    let ours = ours.bind(&BINDING, NOW_S, &holder).unwrap();
    let verified = ours.verify(&required(&issuer.key)).unwrap();

    let asked = json!({
        "presentation": ours.to_string(),
        "issuer": issuer.jwk,
        "nonce": BINDING.nonce,
        "time_s": NOW_S,
    });
    let said = run(&folder, &asked);
    assert_eq!(said["read"], json!([verified.claims, verified.claims]));

    let theirs = Key::from_jwk(&said["issuer"]).unwrap();
    let token = |name: &str| SdJwt::parse(said[name].as_str().unwrap()).unwrap();
    let issued = token("issued").receive(&options(&theirs)).unwrap().claims;
    assert_eq!(issued["born"], json!({ "year": 1906, "month": 12 }));
    assert_eq!(
        (&issued["name"], &issued["sides"]),
        (&json!("Grace"), &json!(["left", "right"]))
    );
    let shown = token("presentation")
        .verify(&required(&theirs))
        .unwrap()
        .claims;
    assert_eq!(shown["born"], json!({ "year": 1906 }));
    assert_eq!(
        (shown.get("name"), &shown["sides"]),
        (None, &json!(["right"]))
    );
    // Their credential in our hands is presented and taken like one of ours.
    let ours = token("issued").present(&["/name"]).unwrap();
    let ours = ours.verify(&options(&theirs)).unwrap().claims;
    assert_eq!((&ours["name"], ours.get("born")), (&json!("Grace"), None));

    // They refuse what we refuse: another nonce, another issuer.
    for (name, wrong) in [("nonce", json!("n-0")), ("issuer", ecdsa().jwk)] {
        let mut asked = asked.clone();
        asked[name] = wrong;
        assert!(!output(&folder, &asked).status.success(), "{name}");
    }
}

fn run(folder: &Path, asked: &Value) -> Value {
    let output = output(folder, asked);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn output(folder: &Path, asked: &Value) -> std::process::Output {
    // Node looks for packages beside the program.
    let program = folder.join("check.mjs");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/check.mjs");
    std::fs::copy(source, &program).unwrap();
    let mut node = Command::new("node")
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node is installed with its packages");
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(asked.to_string().as_bytes()).unwrap();
    drop(stdin);
    node.wait_with_output().unwrap()
}

/// Returns where the packages are: target/sd-jwt-js. They must be there where `CI` is set.
fn installed() -> Option<PathBuf> {
    // target/PROFILE/deps/TEST
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(3).unwrap().join("sd-jwt-js");
    let there = folder.join("node_modules/@sd-jwt/core").is_dir();
    if !there {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing",
            folder.display()
        );
        println!("{} is missing (.ci/tokens installs it)", folder.display());
    }
    there.then_some(folder)
}
