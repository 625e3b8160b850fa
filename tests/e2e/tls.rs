//! TLS of the public endpoint under other people's eyes, `testssl.sh` and `sslyze`, with a
//! certificate that a CA signed for the gateway's request; and clients that are slow on purpose,
//! by `slowhttptest`, beside one that is not. `.ci/tokens` installs the three.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use boop_world::GatewayOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::doors::{said, tools};
use crate::raw::{gateway_request, tls_over};
use crate::tokens::is_there;

const TESTSSL: &str = "/usr/bin/testssl";
const SLOW: &str = "/usr/bin/slowhttptest";
/// What testssl.sh has to say of this machine and not of the gateway: its OpenSSL has no engine of
/// GOST, and no DNS answers on loopback.
const NOT_THE_GATEWAY: [&str; 2] = ["engine_problem", "DNS_CAArecord"];
/// What a CA puts into a certificate.
const EXTENSIONS: &str = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n\
    subjectAltName=DNS:localhost\nkeyUsage=critical,digitalSignature\n\
    extendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:false\n\
    crlDistributionPoints=URI:http://localhost/crl\n";

/// Connections that an address has in production.
const OF_ONE_ADDRESS: u32 = 256;
/// How long the slow ones take to be many.
const BEGUN: Duration = Duration::from_millis(1500);
/// Requests of the client that is not slow, in each part.
const REQUESTS: usize = 300;
/// Requests on one connection.
const KEPT: usize = 10;
/// How much longer its slowest hundredth may take while others are slow.
const RATIO_MAX: f64 = 2.0;
/// Times that a part is measured at most; this machine does other things too.
const ROUNDS_MAX: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn two_scanners_find_tls_1_3_alone_and_no_weakness() {
    let Some(tools) = tools() else {
        return;
    };
    if !is_there(Path::new(TESTSSL)) {
        return;
    }
    let bench = Bench::start().await;
    let folder = bench.folder().to_owned();
    certify(&bench).await;
    let address = format!("localhost:{}", bench.ports().gateway);

    let mut sslyze = Command::new(tools.join("sslyze"));
    sslyze
        .args([&address, "--mozilla_config", "modern"])
        .args(["--certinfo_ca_file", "ca.pem"])
        .current_dir(&folder);
    let mut testssl = Command::new(TESTSSL);
    testssl
        .args(["--quiet", "--warnings", "off", "--color", "0"])
        .args(["--ip", "one", "--add-ca", "ca.pem"])
        .args(["-p", "-s", "-f", "-S", "-U", "--jsonfile", "testssl.json"])
        .arg(&address)
        .current_dir(&folder)
        .stdin(Stdio::null());
    let scanned = tokio::task::spawn_blocking(move || [sslyze.output(), testssl.output()]);
    let [sslyze, testssl] = scanned.await.unwrap().map(Result::unwrap);

    assert!(sslyze.status.success(), "{}", said(&sslyze));
    assert!(
        said(&sslyze).contains("OK - Compliant"),
        "{}",
        said(&sslyze)
    );
    let found = fs::read_to_string(folder.join("testssl.json"));
    let found = found.unwrap_or_else(|_| panic!("{}", said(&testssl)));
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    let of = |id: &str| {
        let finding = found.iter().find(|finding| finding["id"] == id);
        finding.map(|finding| finding["finding"].as_str().unwrap().to_owned())
    };
    assert!(of("TLS1_3").unwrap().starts_with("offered"));
    for older in ["SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2"] {
        assert_eq!(of(older).as_deref(), Some("not offered"), "{older}");
    }
    let grave = found.iter().filter(|finding| {
        let id = finding["id"].as_str().unwrap();
        let severity = finding["severity"].as_str().unwrap();
        !["OK", "INFO"].contains(&severity) && !NOT_THE_GATEWAY.contains(&id)
    });
    let grave: Vec<_> = grave.collect();
    assert!(grave.is_empty(), "{grave:#?}");
}

/// Has a CA of OpenSSL sign the gateway's request, and the gateway show what comes of it.
async fn certify(bench: &Bench) {
    let folder = bench.folder();
    let token = format!("authorization: Bearer {}", bench.admin_token());
    let line = "GET /api/v1/admin/certificate/request";
    let asked = gateway_request(bench, line, &[&token], b"").await;
    let asked: Value = serde_json::from_slice(&asked.body).unwrap();
    fs::write(
        folder.join("gateway.csr"),
        asked["request"].as_str().unwrap(),
    )
    .unwrap();
    fs::write(folder.join("extensions"), EXTENSIONS).unwrap();
    for command in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
         -out ca.pem -subj /CN=CA -days 30 -addext basicConstraints=critical,CA:true \
         -addext keyUsage=critical,keyCertSign,cRLSign",
        "req -in gateway.csr -verify -noout",
        "x509 -req -in gateway.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 \
         -extfile extensions -out gateway.pem",
    ] {
        let ran = Command::new("openssl")
            .args(command.split_whitespace())
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{command}: {ran:?}");
    }
    let chain = fs::read_to_string(folder.join("gateway.pem")).unwrap();
    let body = json!({ "chain": chain }).to_string();
    let line = "PUT /api/v1/admin/certificate";
    let kind = "content-type: application/json";
    let shown = gateway_request(bench, line, &[&token, kind], body.as_bytes()).await;
    assert_eq!(shown.status, 204, "{:?}", shown.refusal());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_are_slow_on_purpose_do_not_slow_down_another() {
    if !is_there(Path::new(SLOW)) {
        return;
    }
    let options = GatewayOptions {
        connections_per_address: Some(OF_ONE_ADDRESS),
        ..GatewayOptions::default()
    };
    let mut bench = Bench::start_with(&options).await;
    let url = format!("https://127.0.0.1:{}", bench.ports().gateway);
    for (mode, path) in [
        ("-H", "/health"),
        ("-B", "/api/v1/auth/create"),
        ("-R", "/health"),
        ("-X", "/api/v1/openapi.json"),
    ] {
        let mut ratios = Vec::new();
        while ratios.len() < ROUNDS_MAX {
            let before = slowest_hundredth(&bench).await;
            let mut attack = Command::new(SLOW);
            attack
                .args([mode, "-c", "900", "-r", "300", "-i", "2", "-l", "60"])
                .args(["-u", &format!("{url}{path}")])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut attack = attack.spawn().unwrap();
            sleep(BEGUN).await;
            let meanwhile = slowest_hundredth(&bench).await;
            let running = attack.try_wait().unwrap().is_none();
            let _ = attack.kill();
            let _ = attack.wait();
            println!("{mode}: {before:?}, meanwhile {meanwhile:?}, still attacked: {running}");
            ratios.push(meanwhile.as_secs_f64() / before.as_secs_f64());
            if ratios.last().is_some_and(|ratio| *ratio <= RATIO_MAX) {
                break;
            }
        }
        let best = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(best <= RATIO_MAX, "{mode}: {ratios:?}");
    }
    assert!(bench.network.process("gateway").unwrap().running());
}

/// Asks from an address of its own, and returns how long the slowest hundredth took at least.
async fn slowest_hundredth(bench: &Bench) -> Duration {
    let mut times = Vec::new();
    while times.len() < REQUESTS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let begun = Instant::now();
        let stream = socket
            .connect(bench.gateway.parse().unwrap())
            .await
            .unwrap();
        stream.set_nodelay(true).unwrap();
        let mut stream = tls_over(stream).await.unwrap();
        let mut begun = Some(begun);
        for _ in 0..KEPT {
            // The first one counts with its handshake.
            let begun = begun.take().unwrap_or_else(Instant::now);
            let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = [0; 4096];
            let count = stream.read(&mut answer).await.unwrap();
            assert!(answer[..count].starts_with(b"HTTP/1.1 200"));
            times.push(begun.elapsed());
        }
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
