//! Arguments and files of the mock scanner, good and bad.

use boop_sdk::TrustError;
use boop_wire::job::AuthContext;
use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    options: ScannerOptions,
}

fn parse(more: &[&str]) -> Result<ScannerOptions, clap::error::ErrorKind> {
    let least = ["scanner", "--network", "network.toml", "--login", "s.json"];
    let all = least.iter().chain(more);
    let command = Command::try_parse_from(all).map_err(|error| error.kind())?;
    Ok(command.options)
}

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

fn folder(name: &str) -> PathBuf {
    let folder = format!("boop-mock-{}-{name}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_scanner_shows_the_first_persons_palm_until_it_is_stopped() {
    let options = parse(&[]).unwrap();

    let expected = ScannerOptions {
        network: "network.toml".into(),
        login: "s.json".into(),
        person: 0,
        seed: 2026,
        enrol: false,
        credit: None,
        currency: "EUR".into(),
        admin_token_file: None,
        visits: 0,
    };
    assert_eq!(options, expected);
}

#[test]
fn only_a_user_who_is_enrolled_now_is_credited_and_by_the_administrator() {
    let missing = clap::error::ErrorKind::MissingRequiredArgument;
    let credit = ["--credit", "5000"];
    let token = ["--admin-token-file", "token"];

    assert_eq!(parse(&credit), Err(missing));
    assert_eq!(parse(&[&credit[..], &["--enrol"]].concat()), Err(missing));
    assert_eq!(parse(&[&credit[..], &token].concat()), Err(missing));
    let options = parse(&[&credit[..], &token, &["--enrol"]].concat()).unwrap();
    assert_eq!(options.credit, Some(5_000));
}

#[test]
fn a_scanner_logs_in_with_what_the_gateway_answered_and_nothing_less() {
    let folder = folder("login");
    let answer = r#"{"scanner_id": "scn_0123456789ab", "scanner_key": "pk_test_abc"}"#;
    let good = written(&folder, "good.json", answer);
    let error = r#"{"success": false, "code": "conflict"}"#;
    let bad = written(&folder, "bad.json", error);

    let login = read_login(&good).unwrap();
    assert_eq!(login.scanner_id.as_str(), "scn_0123456789ab");
    assert_eq!(login.scanner_key.as_str(), "pk_test_abc");
    let said = read_login(&bad).err().unwrap().to_string();
    assert!(
        said.ends_with("bad.json is not what POST /api/v1/admin/scanners answered"),
        "{said}"
    );
    let said = read_login(&folder.join("none")).err().unwrap().to_string();
    assert!(said.starts_with("cannot read "), "{said}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_network_without_simulated_hardware_is_refused_before_anything_is_sent() {
    let folder = folder("network");
    let text = format!(
        "network_id = \"{}\"\napprovers = []\napprovals_needed = 1\ngateway = \"127.0.0.1:9\"\n",
        "07".repeat(32)
    );
    let real = written(&folder, "network.toml", &text);

    let said = simulated(&real).await.err().unwrap().to_string();
    let expected = format!(
        "{} names no simulated hardware; this scanner serves simulated networks alone",
        real.display()
    );
    assert_eq!(said, expected);
    let none = folder.join("none");
    let error = simulated(&none).await.err().unwrap();
    let kind = std::io::ErrorKind::NotFound;
    let expected = TrustError::Read { path: none, kind };
    assert_eq!(error.downcast_ref::<TrustError>(), Some(&expected));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_context_is_told_with_its_payee_and_what_it_asks() {
    let context = AuthContext {
        vendor: "ven_0123456789ab".parse().unwrap(),
        context: "order-1".parse().unwrap(),
        terminal: "till-1".parse().unwrap(),
        kind: ContextKind::Payment {
            amount: 420,
            currency: Currency::new("EUR").unwrap(),
        },
        payee: "Corner shop".into(),
        attributes_required: vec![],
        attributes_optional: vec![],
        expires_at_ms: 0,
    };
    let id = context.context.clone();
    let mut open = OpenContext { id, context };

    assert_eq!(told(&open), "order-1, Corner shop, 420 EUR");
    open.context.kind = ContextKind::Entrance;
    assert_eq!(told(&open), "order-1, Corner shop, entrance");
    open.context.kind = ContextKind::Membership;
    assert_eq!(told(&open), "order-1, Corner shop, membership");
}
