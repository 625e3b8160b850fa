//! The claims on the gateway's doors: tests of whole networks, which other people's tools and
//! clients try as well, one or more for each claim.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::workspace;

/// Tells the tests to take fewer of everything.
const QUICK: &str = "BOOP_QUICK";

/// A claim and the tests that try to break it.
struct Claim {
    id: &'static str,
    claim: &'static str,
    tests: &'static [&'static str],
}

/// The claims, in the order of the table.
const CLAIMS: [Claim; 11] = [
    Claim {
        id: "document",
        claim: "the REST API does what its OpenAPI document says",
        tests: &[
            "doors::schemathesis_finds_nothing_in_the_openapi_document",
            "doors::the_openapi_document_lints_clean",
        ],
    },
    Claim {
        id: "websocket",
        claim: "the WebSocket endpoint conforms to RFC 6455",
        tests: &["doors::the_websocket_passes_the_autobahn_cases"],
    },
    Claim {
        id: "dialects",
        claim: "each published dialect pays, and is answered in itself",
        tests: &[
            "row_1_the_first_dialect_pays",
            "row_1_the_second_dialect_pays",
            "row_1_the_third_dialect_pays",
        ],
    },
    Claim {
        id: "tokens",
        claim: "a token goes to who proves itself and is of no use to others",
        tests: &["oauth::clients_of_other_people_get_tokens_and_are_refused_as_the_rfcs_say"],
    },
    Claim {
        id: "tls",
        claim: "TLS 1.3 alone, and no weakness that two scanners know",
        tests: &["tls::two_scanners_find_tls_1_3_alone_and_no_weakness"],
    },
    Claim {
        id: "slow",
        claim: "slow clients at most double the p99 of another",
        tests: &["tls::clients_that_are_slow_on_purpose_do_not_slow_down_another"],
    },
    Claim {
        id: "death",
        claim: "a gateway that dies in a burst, and Redis away, lose and double nothing",
        tests: &["gateways::a_thousand_sockets_lose_nothing_when_a_gateway_dies_and_redis_is_away"],
    },
    Claim {
        id: "alone",
        claim: "a result reaches a vendor over the death of the only gateway",
        tests: &[
            "streams::a_result_reaches_a_vendor_that_was_away_over_the_death_of_the_gateway",
            "streams::a_vendor_client_waits_over_the_death_of_the_gateway",
        ],
    },
    Claim {
        id: "stores",
        claim: "both databases keep one contract, also with writers at a time",
        tests: &[
            "the_sqlite_store_keeps_the_contract",
            "the_postgresql_store_keeps_the_contract",
            "writers_at_a_time_leave_no_hole_in_a_stream_and_change_a_thing_once",
        ],
    },
    Claim {
        id: "first-hour",
        claim: "a vendor who follows the page is paid with curl, the SDK and each dialect",
        tests: &[
            "vendor_page::a_vendor_who_follows_the_page_is_paid_with_curl_the_sdk_and_each_dialect",
        ],
    },
    Claim {
        id: "intrusion",
        claim: "every listed attack is found, busy days and who shares an address are left alone",
        tests: &[
            "every_attack_on_a_busy_day_is_found_in_time_and_nothing_else_is",
            "with_its_rules_threshold_lifted_no_attack_is_found",
            "thirty_busy_days_have_no_finding",
            "intrusion::guesses_close_the_door_to_strangers_and_who_follows_the_page_opens_it",
        ],
    },
];

/// Builds the programs and tries the claims.
///
/// # Errors
/// If something does not build, or a claim did not hold.
pub(super) fn run(quick: bool, json: Option<&Path>) -> Result<()> {
    let mut build = workspace::cargo();
    workspace::run(build.args(["build", "--locked", "--workspace", "--bins"]))?;
    let seen = try_all(quick)?;
    let held = |claim: &Claim| {
        let passed = |test: &&str| seen.get(*test).copied();
        claim.tests.iter().all(|test| passed(test) == Some(true))
    };
    println!("\n{:<6} {:<12} claim", "held", "id");
    for claim in &CLAIMS {
        let word = if held(claim) { "yes" } else { "NO" };
        println!("{word:<6} {:<12} {}", claim.id, claim.claim);
    }
    if let Some(file) = json {
        let rows = CLAIMS.iter().map(|claim| {
            json!({
                "id": claim.id, "claim": claim.claim, "tests": claim.tests, "held": held(claim),
            })
        });
        let sheet = json!({ "area": "doors", "quick": quick, "claims": rows.collect::<Vec<_>>() });
        std::fs::write(file, serde_json::to_string_pretty(&sheet)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let broken = CLAIMS.iter().filter(|claim| !held(claim)).count();
    ensure!(
        broken == 0,
        "{broken} of {} claims did not hold",
        CLAIMS.len()
    );
    Ok(())
}

/// Runs the tests of all claims, and returns which passed.
fn try_all(quick: bool) -> Result<BTreeMap<&'static str, bool>> {
    let tests = CLAIMS.iter().flat_map(|claim| claim.tests);
    let wanted: Vec<String> = tests
        .clone()
        .map(|test| format!("test(/{test}$/)"))
        .collect();
    let mut command = workspace::cargo();
    command
        .args([
            "nextest",
            "run",
            "--locked",
            "--no-fail-fast",
            "--color",
            "never",
        ])
        .args(["boop-tests", "boop-server", "boop-watch"].map(|name| format!("--package={name}")))
        .args(["--filterset", &wanted.join(" | ")])
        // What is not installed is not tried, and then the claim is not made.
        .env("CI", "1")
        .stderr(Stdio::piped());
    if quick {
        command.env(QUICK, "1");
    }
    let mut running = command.spawn().context("cargo-nextest is needed")?;
    let said = running.stderr.take().context("it says nothing")?;
    let mut seen = BTreeMap::new();
    for line in BufReader::new(said).lines() {
        let line = line?;
        eprintln!("{line}");
        if let Some((test, passed)) = tests.clone().find_map(|test| verdict(&line, test)) {
            seen.insert(test, passed);
        }
    }
    running.wait()?;
    Ok(seen)
}

/// Reads a line of nextest about a test.
fn verdict<'a>(line: &str, test: &'a str) -> Option<(&'a str, bool)> {
    let line = line.trim();
    let named = line.strip_suffix(test)?;
    let whole = named.ends_with(' ') || named.ends_with("::");
    let passed = line.starts_with("PASS ");
    (whole && (passed || line.starts_with("FAIL "))).then_some((test, passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_the_test_that_it_ends_with() {
        let line = "        PASS [   4.458s] (36/40) boop-tests::e2e streams::it_lives";
        assert_eq!(
            verdict(line, "streams::it_lives"),
            Some(("streams::it_lives", true))
        );
        assert_eq!(verdict(line, "it_lives"), Some(("it_lives", true)));
        assert_eq!(verdict(line, "lives"), None);
        let line = "        FAIL [   4.458s] (36/40) boop-tests::e2e streams::it_lives";
        assert_eq!(
            verdict(line, "streams::it_lives"),
            Some(("streams::it_lives", false))
        );
        let line = "        SLOW [> 60.000s] (───) boop-tests::e2e streams::it_lives";
        assert_eq!(verdict(line, "streams::it_lives"), None);
    }
}
