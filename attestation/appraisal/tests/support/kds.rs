//! A key server on the loopback that answers as it is told and notes what it was asked.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use boop_appraisal::collateral::Clock;
use boop_verifier::UnixTime;
use rcgen::{
    CertificateParams, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, SerialNumber,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

/// One answer of the server.
#[derive(Clone)]
pub(crate) enum Answer {
    /// A reply with everything after the request.
    Reply {
        status: u16,
        headers: Vec<String>,
        body: Vec<u8>,
        length: bool,
    },
    /// The connection stays open and nothing comes.
    Silence,
    /// The connection is closed at once.
    HangUp,
}

impl Answer {
    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::Reply {
            status: 200,
            headers: vec![],
            body: body.as_ref().to_vec(),
            length: true,
        }
    }

    pub(crate) fn status(code: u16) -> Self {
        Self::Reply {
            status: code,
            headers: vec![],
            body: vec![],
            length: true,
        }
    }

    pub(crate) fn header(mut self, line: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push(line.to_owned());
        }
        self
    }

    pub(crate) fn without_length(mut self) -> Self {
        if let Self::Reply { length, .. } = &mut self {
            *length = false;
        }
        self
    }
}

/// What the server answers with.
enum Script {
    InOrder(Vec<Answer>),
    Files(BTreeMap<String, Vec<u8>>),
}

/// The server; it stops when it is dropped.
pub(crate) struct FakeKds {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeKds {
    /// Answers one request after another; further ones are refused with 410.
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        Self::run(Script::InOrder(answers))
    }

    /// Answers with what stands at the path and query, and with 404 elsewhere.
    pub(crate) fn with_files(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::run(Script::Files(files))
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Gives the first line of each request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .expect("no panic under the lock")
            .clone()
    }

    fn run(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let requests = Arc::new(Mutex::new(vec![]));
        let stopping = Arc::new(AtomicBool::new(false));
        let (noted, stop) = (Arc::clone(&requests), Arc::clone(&stopping));
        let thread = thread::spawn(move || {
            let mut open = vec![];
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.expect("a connection comes");
                let Some(line) = request_line(&stream) else {
                    continue;
                };
                let number = {
                    let mut noted = noted.lock().expect("no panic under the lock");
                    noted.push(line.clone());
                    noted.len()
                };
                let answer = script.answer(number - 1, &line);
                send(&mut stream, &answer);
                // A silent connection must stay open, or it would be a hang-up.
                if matches!(answer, Answer::Silence) {
                    open.push(stream);
                }
            }
        });
        Self {
            port,
            requests,
            stopping,
            thread: Some(thread),
        }
    }
}

impl Drop for FakeKds {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // A last connection wakes the thread.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Script {
    fn answer(&self, number: usize, line: &str) -> Answer {
        match self {
            Self::InOrder(answers) => answers.get(number).cloned().unwrap_or(Answer::status(410)),
            Self::Files(files) => {
                let path = line.split(' ').nth(1).unwrap_or_default();
                files.get(path).map_or(Answer::status(404), Answer::ok)
            }
        }
    }
}

fn request_line(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let ended = lines.map_while(Result::ok).any(|line| line.is_empty());
    ended.then_some(first)
}

fn send(stream: &mut TcpStream, answer: &Answer) {
    let Answer::Reply {
        status,
        headers,
        body,
        length,
    } = answer
    else {
        if matches!(answer, Answer::HangUp) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        return;
    };
    let mut head = format!("HTTP/1.1 {status} Said\r\nConnection: close\r\n");
    if *length {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for line in headers {
        head.push_str(&format!("{line}\r\n"));
    }
    head.push_str("\r\n");
    // The client may have had enough before the end.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
    let _ = stream.shutdown(Shutdown::Write);
}

/// A clock that notes pauses and makes none.
#[derive(Default)]
pub(crate) struct FakeClock {
    state: Mutex<(Duration, Vec<Duration>)>,
}

impl FakeClock {
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.state
            .lock()
            .expect("no panic under the lock")
            .1
            .clone()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.state.lock().expect("no panic under the lock").0 += time;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        self.state.lock().expect("no panic under the lock").0
    }

    fn sleep(&self, pause: Duration) {
        let mut state = self.state.lock().expect("no panic under the lock");
        state.0 += pause;
        state.1.push(pause);
    }
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let body = lines.join("\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// Makes a revocation list of Genoa that is current for a year. The key is fixed, so that two
/// lists of the
/// same time differ in nothing but the randomness of their signature, which Ed25519 has not.
pub(crate) fn crl(from: UnixTime) -> Vec<u8> {
    list("ARK-Genoa", from, 365)
}

/// Makes a revocation list of a name that is current for a number of days.
pub(crate) fn list(issuer: &str, from: UnixTime, days: u64) -> Vec<u8> {
    let seed = [7; 32];
    // PKCS #8 of an Ed25519 key is this prefix and the seed (RFC 8410 section 7).
    let mut pkcs8 = vec![
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    pkcs8.extend(seed);
    let key = KeyPair::try_from(pkcs8.as_slice()).expect("the key is well formed");
    let mut params = CertificateParams::new(vec![]).expect("there are no names");
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, issuer);
    params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    let issuer: Issuer<'_, KeyPair> = Issuer::new(params, key);
    let seconds = i64::try_from(from.0).expect("the time is near");
    let this_update = OffsetDateTime::from_unix_timestamp(seconds).expect("the time is near");
    let list = CertificateRevocationListParams {
        this_update,
        next_update: this_update + Duration::from_secs(days * 86_400),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: vec![],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let signed = list.signed_by(&issuer).expect("the list can be signed");
    signed.der().to_vec()
}

/// Makes a certificate that states a chip, a firmware level and a product as a VCEK does; AMD did
/// not sign it. Levels are bootloader, TEE, SNP and microcode.
pub(crate) fn vcek(product: &str, chip_id: &[u8; 64], levels: [u8; 4]) -> Vec<u8> {
    const AMD: [u64; 8] = [1, 3, 6, 1, 4, 1, 3704, 1];
    let extension = |id: &[u64], value: Vec<u8>| {
        rcgen::CustomExtension::from_oid_content(&[&AMD[..], id].concat(), value)
    };
    let number = |level: u8| match level {
        0..=0x7f => vec![2, 1, level],
        _ => vec![2, 2, 0, level],
    };
    let name_bytes = u8::try_from(product.len()).expect("the name is short");
    let mut params = CertificateParams::new(vec![]).expect("there are no names");
    params.custom_extensions = vec![
        extension(&[2], [&[0x16, name_bytes], product.as_bytes()].concat()),
        extension(&[4], chip_id.to_vec()),
    ];
    for (id, level) in [1, 2, 3, 8].into_iter().zip(levels) {
        let level = extension(&[3, id], number(level));
        params.custom_extensions.push(level);
    }
    let key = KeyPair::generate().expect("a key can be made");
    let signed = params.self_signed(&key).expect("it can be signed");
    signed.der().to_vec()
}

/// Serves one certificate over TLS, to as many as ask, and gives its port.
pub(crate) fn serve_over_tls(chain: CertificateDer<'static>, key: &KeyPair, body: &[u8]) -> u16 {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("the key belongs to the certificate");
    let (config, body) = (Arc::new(config), body.to_vec());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    // The thread waits for further connections until the test process ends.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(Arc::clone(&config)).expect("the plan is good");
            let mut stream = StreamOwned::new(session, stream);
            // A client that refuses the certificate hangs up here.
            let mut lines = BufReader::new(&mut stream).lines().map_while(Result::ok);
            if lines.any(|line| line.is_empty()) {
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&body);
                let _ = stream.flush();
            }
        }
    });
    port
}
