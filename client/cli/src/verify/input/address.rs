//! Evidence from an address: a boop gateway, which proves itself on the connection, or anything
//! else that answers with evidence, whose connection then proves nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, bail};
use boop_appraisal::collateral::{Fetch as _, HttpsFetch, HttpsOptions};
use boop_sdk::{ATTESTATION_PATH, fetch_evidence};

use super::{Input, Source, classify, of_bundle};

/// Status of an answer that holds what was asked for.
const STATUS_OK: u16 = 200;

/// Fetches evidence.
pub(super) fn read(address: &str) -> anyhow::Result<Input> {
    if let Some(gateway) = gateway(address) {
        return from_gateway(gateway);
    }
    if let Some(rest) = address.strip_prefix("http://") {
        if !is_loopback(rest) {
            bail!("http:// is taken from this machine alone; fetch {address} over https://");
        }
    } else if !address.starts_with("https://") {
        bail!("{address} is neither an https:// address nor an http:// one of this machine");
    }
    let answer = HttpsFetch::new(&HttpsOptions::default())
        .and_then(|client| client.get(address))
        .with_context(|| format!("cannot get {address}"))?;
    if answer.status != STATUS_OK {
        bail!("{address} answers with status {}", answer.status);
    }
    let mut input = classify(address, "evidence as fetched", &answer.body)?;
    input.notes.push(
        "the connection that it came over proves nothing: whoever answered may have copied it, \
         unless it is bound to a nonce of yours"
            .into(),
    );
    Ok(input)
}

/// Returns host and port if the address is that of a gateway: no path, or the one where a gateway
/// answers.
fn gateway(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("https://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (path.is_empty() || path == &ATTESTATION_PATH[1..]).then_some(host)
}

fn from_gateway(address: &str) -> anyhow::Result<Input> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let evidence = runtime.block_on(fetch_evidence(address))?;
    let origin = format!("https://{address}{ATTESTATION_PATH}");
    let mut input = of_bundle(evidence.bundle.clone());
    input.sources.push(Source::of(
        "evidence as fetched",
        origin.clone(),
        &input.bytes,
    ));
    input.origin = origin;
    input.gateway = Some(evidence);
    Ok(input)
}

/// Says whether the host of `host:port/path` is this machine.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').map_or("", |(host, _)| host),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if authority.contains('@') {
        return false;
    }
    host == "localhost"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|ip| IpAddr::V4(ip).is_loopback())
        || host
            .parse::<Ipv6Addr>()
            .is_ok_and(|ip| ip == Ipv6Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_an_address_without_a_path_or_with_its_own() {
        assert_eq!(gateway("https://h:1"), Some("h:1"));
        assert_eq!(gateway("https://h:1/"), Some("h:1"));
        assert_eq!(
            gateway(&format!("https://h:1{ATTESTATION_PATH}")),
            Some("h:1")
        );
        assert_eq!(gateway("https://h:1/evidence"), None);
        assert_eq!(gateway("http://h:1"), None);
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for here in [
            "localhost",
            "127.0.0.1:80/x",
            "127.8.0.1",
            "[::1]:80/x",
            "localhost:1?a=b",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "",
            "10.0.0.1",
            "localhost.example",
            "127.0.0.1.example",
            "127.0.0.1@example/",
            "[::2]",
            "example#127.0.0.1",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn other_addresses_are_refused_before_anything_is_sent() {
        let refused = |address| read(address).unwrap_err().to_string();

        assert_eq!(
            refused("http://example.com/x"),
            "http:// is taken from this machine alone; fetch http://example.com/x over https://"
        );
        assert_eq!(
            refused("ftp://example.com/x"),
            "ftp://example.com/x is neither an https:// address nor an http:// one of this machine"
        );
    }
}
