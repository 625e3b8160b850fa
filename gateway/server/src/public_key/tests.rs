//! Keys and chains: what is shown, and what is not taken.

use boop_channel::LocalKeys;
use rcgen::{Issuer, KeyUsagePurpose};

use super::*;

const NOW_MS: u64 = 1_795_478_400_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn public() -> PublicKey {
    PublicKey::generate(&["localhost".into()], NOW_MS).unwrap()
}

/// Returns what a CA makes of a gateway's key, for so many days from now.
fn signed(public: &PublicKey, days: i64) -> String {
    let key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = Issuer::new(ca, key);
    let mut params = params(&public.names).unwrap();
    let now = OffsetDateTime::from_unix_timestamp((NOW_MS / 1000).cast_signed()).unwrap();
    params.not_before = now - Duration::days(2);
    params.not_after = now + Duration::days(days);
    params.signed_by(&public.key, &issuer).unwrap().pem()
}

fn shown(public: &PublicKey) -> CertificateDer<'static> {
    let shown = public.shown.0.read().unwrap();
    shown.cert[0].clone()
}

#[test]
fn evidence_binds_the_key_that_is_in_the_certificate() {
    let public = public();

    let keys = LocalKeys::with_tls_key(public.expose_pkcs8(), &mut |b| b.fill(7)).unwrap();

    assert_eq!(keys.bound().tls_spki, public.spki_digest());
    let spki = public.key.subject_public_key_info();
    let certificate = shown(&public);
    assert!(certificate.windows(spki.len()).any(|part| part == spki));
}

#[test]
fn the_hybrid_group_comes_first() {
    let tls = public().tls().unwrap();

    let group = tls.crypto_provider().kx_groups[0].name();

    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

#[test]
fn a_name_that_no_certificate_may_hold_is_refused() {
    assert!(PublicKey::generate(&["nä me".into()], NOW_MS).is_err());
}

#[test]
fn a_certificate_of_ones_own_is_good_for_a_year() {
    let certificate = shown(&public());

    assert_eq!(is_good(&certificate, NOW_MS), Some(true));
    assert_eq!(is_good(&certificate, NOW_MS + 366 * DAY_MS), Some(false));
    assert_eq!(is_good(&certificate, NOW_MS - 2 * DAY_MS), Some(false));
    assert_eq!(is_good(b"none", NOW_MS), None);
}

#[test]
fn a_chain_of_a_ca_is_shown_from_then_on() {
    let public = public();
    let before = shown(&public);
    let pem = signed(&public, 90);

    public.show(&pem, NOW_MS).unwrap();

    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    assert_eq!(shown(&public), der);
    assert_ne!(shown(&public), before);
}

#[test]
fn a_chain_that_is_not_for_this_key_these_names_and_this_time_is_refused() {
    let public = public();
    let before = shown(&public);
    let request = public.request().unwrap();
    let other = PublicKey::generate(&["localhost".into()], NOW_MS).unwrap();
    let named = PublicKey::generate(&["elsewhere.test".into()], NOW_MS).unwrap();
    let long = signed(&public, 90).repeat(CHAIN_MAX + 1);
    for (pem, error) in [
        (String::new(), ChainError::Shape),
        ("certificate".into(), ChainError::Shape),
        (request.clone(), ChainError::Shape),
        (long, ChainError::Shape),
        (signed(&public, -1), ChainError::Time),
        (signed(&other, 90), ChainError::Key),
        (signed(&named, 90), ChainError::Name("localhost".into())),
    ] {
        assert_eq!(public.show(&pem, NOW_MS), Err(error));
    }
    assert_eq!(shown(&public), before);
}
