//! The client of the key server.

use std::fs;
use std::time::Duration;

use crate::fake;
use crate::fake::{Answer, FakeClock, FakeKds};
use crate::support::{
    ARK, ASK, BERGAMO, GENOA, LEAF, NOW, TURIN, chain, crl, fetch, fetch_within, genoa, leaf_url,
    options, report,
};
use boop_appraisal::collateral::{
    COLLATERAL_BYTES_MAX, CollateralError, Fetch, FetchError, HttpsFetch, HttpsOptions, Kds,
    KdsOptions, Provider as _, Wanted, WantedKey,
};
use boop_verifier::Product;
use tempfile::TempDir;

#[test]
fn addresses_are_those_of_amd() {
    let report = report(5, GENOA, [10, 0, 0, 0, 0, 0, 23, 84]);
    let bergamo = self::report(5, BERGAMO, [10, 0, 0, 0, 0, 0, 5, 25]);
    let turin = self::report(5, TURIN, [1, 2, 3, 4, 0, 0, 0, 181]);
    let server = FakeKds::start(vec![
        Answer::ok(LEAF),
        Answer::ok(LEAF),
        Answer::ok(LEAF),
        Answer::ok(chain(&[ASK, ARK])),
        Answer::ok(crl(NOW)),
    ]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));
    let wanted = Wanted::of(&report).expect("the report names what it wants");

    for evidence in [&report, &bergamo, &turin] {
        let wanted = Wanted::of(evidence).expect("the report names what it wants");
        assert_eq!(kds.leaf(&wanted), Ok(LEAF.to_vec()));
    }
    assert_eq!(kds.intermediate(&wanted), Ok(ASK.to_vec()));
    assert_eq!(kds.crl(&wanted), Ok(crl(NOW)));

    let id = "ab".repeat(64);
    assert_eq!(
        server.requests(),
        [
            format!("GET /vcek/v1/Genoa/{id}?blSPL=10&teeSPL=00&snpSPL=23&ucodeSPL=84 HTTP/1.1"),
            format!("GET /vcek/v1/Genoa/{id}?blSPL=10&teeSPL=00&snpSPL=05&ucodeSPL=25 HTTP/1.1"),
            "GET /vcek/v1/Turin/abababababababab?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04\
             &ucodeSPL=181 HTTP/1.1"
                .to_owned(),
            "GET /vcek/v1/Genoa/cert_chain HTTP/1.1".to_owned(),
            "GET /vcek/v1/Genoa/crl HTTP/1.1".to_owned(),
        ]
    );
}

#[test]
fn fleet_keys_have_their_own_chain_and_no_certificate_to_download() {
    let server = FakeKds::start(vec![Answer::ok(chain(&[LEAF, ARK])), Answer::ok(crl(NOW))]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));
    let wanted = Wanted {
        product: Product::Milan,
        key: WantedKey::Vlek,
    };

    assert_eq!(kds.leaf(&wanted), Err(CollateralError::VlekNotServed));
    assert_eq!(kds.intermediate(&wanted), Ok(LEAF.to_vec()));
    assert_eq!(kds.crl(&wanted), Ok(crl(NOW)));
    assert_eq!(
        server.requests(),
        [
            "GET /vlek/v1/Milan/cert_chain HTTP/1.1",
            "GET /vlek/v1/Milan/crl HTTP/1.1"
        ]
    );
}

#[test]
fn a_busy_server_is_asked_again_after_the_pause_it_wants() {
    let server = FakeKds::start(vec![
        Answer::status(429).header("Retry-After: 7"),
        Answer::status(500),
        Answer::status(503).header("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT"),
        Answer::ok(LEAF),
    ]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));

    assert_eq!(kds.leaf(&genoa()), Ok(LEAF.to_vec()));
    assert_eq!(clock.pauses(), [7, 4, 8].map(Duration::from_secs));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_server_that_stays_busy_is_given_up() {
    let server = FakeKds::start(vec![Answer::status(429); 5]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));

    let refused = kds.leaf(&genoa());

    let url = leaf_url(&server);
    assert_eq!(refused, Err(CollateralError::Status { url, status: 429 }));
    assert_eq!(clock.pauses(), [2, 4, 8, 10].map(Duration::from_secs));
}

#[test]
fn a_pause_beyond_the_limit_is_not_waited_for() {
    let server = FakeKds::start(vec![Answer::status(429).header("Retry-After: 3600")]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));

    let refused = kds.leaf(&genoa());

    let (url, seconds) = (leaf_url(&server), 3600);
    assert_eq!(refused, Err(CollateralError::WaitTooLong { url, seconds }));
    assert!(clock.pauses().is_empty());
}

#[test]
fn a_chip_or_level_that_is_not_there_is_not_asked_for_again() {
    let server = FakeKds::start(vec![Answer::status(404)]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));

    let refused = kds.leaf(&genoa());

    let url = leaf_url(&server);
    assert_eq!(refused, Err(CollateralError::NotThere { url }));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn other_answers_are_refused_at_once_and_no_redirection_is_followed() {
    for status in [204, 302, 400, 403] {
        let answer = Answer::status(status).header("Location: http://127.0.0.1:1/");
        let server = FakeKds::start(vec![answer]);
        let (clock, fetch) = (FakeClock::default(), fetch());
        let kds = Kds::new(&fetch, &clock, options(&server));

        let refused = kds.leaf(&genoa());

        let url = leaf_url(&server);
        assert_eq!(refused, Err(CollateralError::Status { url, status }));
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_body_that_is_something_else_is_refused() {
    let server = FakeKds::start(vec![
        Answer::ok(b"<html>maintenance</html>"),
        Answer::ok(chain(&[ARK, ASK])),
        Answer::ok(LEAF),
    ]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));
    let base = server.base_url();

    assert_eq!(
        kds.leaf(&genoa()),
        Err(CollateralError::Malformed {
            url: leaf_url(&server),
            expected: "a certificate in der",
        })
    );
    assert_eq!(
        kds.intermediate(&genoa()),
        Err(CollateralError::Malformed {
            url: format!("{base}/vcek/v1/Genoa/cert_chain"),
            expected: "an intermediate and its root in pem",
        })
    );
    assert_eq!(
        kds.crl(&genoa()),
        Err(CollateralError::Malformed {
            url: format!("{base}/vcek/v1/Genoa/crl"),
            expected: "a revocation list in der",
        })
    );
}

#[test]
fn a_body_beyond_the_limit_is_refused_with_and_without_a_stated_length() {
    let body = vec![0x30; COLLATERAL_BYTES_MAX + 1];
    for answer in [Answer::ok(&body), Answer::ok(&body).without_length()] {
        let server = FakeKds::start(vec![answer]);
        let (clock, fetch) = (FakeClock::default(), fetch());
        let kds = Kds::new(&fetch, &clock, options(&server));

        let refused = kds.leaf(&genoa());

        let source = FetchError::TooLarge {
            bytes_max: COLLATERAL_BYTES_MAX,
        };
        let url = leaf_url(&server);
        assert_eq!(refused, Err(CollateralError::Fetch { url, source }));
    }
}

#[test]
fn a_server_that_stays_silent_or_hangs_up_is_asked_again() {
    let server = FakeKds::start(vec![
        Answer::Silence,
        Answer::HangUp,
        Answer::ok(LEAF),
        Answer::Silence,
        Answer::Silence,
    ]);
    let (clock, fetch) = (FakeClock::default(), fetch_within(Duration::from_secs(1)));
    let options = KdsOptions {
        attempts_max: 3,
        requests_max: 5,
        ..options(&server)
    };
    let kds = Kds::new(&fetch, &clock, options);

    assert_eq!(kds.leaf(&genoa()), Ok(LEAF.to_vec()));
    assert_eq!(
        kds.leaf(&genoa()),
        Err(CollateralError::RequestsSpent { requests: 5 })
    );
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn nobody_at_the_address_is_an_error_of_the_connection() {
    let server = FakeKds::start(vec![]);
    let base_url = server.base_url();
    drop(server);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let options = KdsOptions {
        base_url,
        ..KdsOptions::amd()
    };
    let kds = Kds::new(&fetch, &clock, options);

    let refused = kds.leaf(&genoa());

    let Err(CollateralError::Fetch { source, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        source,
        FetchError::Connection(std::io::ErrorKind::ConnectionRefused)
    );
    assert_eq!(clock.pauses().len(), 4);
}

#[test]
fn a_server_over_tls_is_believed_under_the_named_roots_and_for_its_name_alone() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]);
    let made = made.expect("a certificate can be made");
    let port = fake::serve_over_tls(made.cert.der().clone(), &made.signing_key, LEAF);
    let folder = TempDir::new().expect("a folder can be made");
    let (named, other) = (
        folder.path().join("named.pem"),
        folder.path().join("other.pem"),
    );
    fs::write(&named, fake::pem("CERTIFICATE", made.cert.der())).expect("a file can be written");
    fs::write(&other, fake::pem("CERTIFICATE", ARK)).expect("a file can be written");
    let get = |roots: &std::path::Path, host: &str| {
        let options = HttpsOptions {
            timeout: Duration::from_secs(5),
            tls_roots: Some(roots.to_owned()),
            proxy: None,
        };
        let fetch = HttpsFetch::new(&options).expect("a client can be made");
        fetch.get(&format!("https://{host}:{port}/leaf"))
    };

    let believed = get(&named, "localhost").map(|response| response.body);
    assert_eq!(believed, Ok(LEAF.to_vec()));
    for refused in [get(&other, "localhost"), get(&named, "127.0.0.1")] {
        let Err(error @ FetchError::Other(_)) = refused else {
            panic!("{refused:?}");
        };
        assert!(
            !error.may_pass(),
            "a server that is not believed is not asked again"
        );
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    let missing = folder.path().join("missing.pem");
    let options = HttpsOptions {
        tls_roots: Some(missing),
        ..HttpsOptions::default()
    };
    assert!(HttpsFetch::new(&options).is_err());
}

#[test]
fn requests_keep_their_distance_and_their_number() {
    let server = FakeKds::start(vec![Answer::ok(LEAF); 3]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let options = KdsOptions {
        spacing: Duration::from_secs(3),
        requests_max: 3,
        ..options(&server)
    };
    let kds = Kds::new(&fetch, &clock, options);

    assert!(kds.leaf(&genoa()).is_ok());
    clock.pass(Duration::from_secs(1));
    assert!(kds.leaf(&genoa()).is_ok());
    clock.pass(Duration::from_secs(10));
    assert!(kds.leaf(&genoa()).is_ok());
    assert_eq!(
        kds.leaf(&genoa()),
        Err(CollateralError::RequestsSpent { requests: 3 })
    );

    assert_eq!(clock.pauses(), [Duration::from_secs(2)]);
    assert_eq!(server.requests().len(), 3);
}
