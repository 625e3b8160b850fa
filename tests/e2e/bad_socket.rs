//! Bad input to the gateway's sockets and to every other port of the network.

use std::time::Duration;

use boop_channel::seal::seal;
use boop_sdk::NetworkView;
use boop_wire::api::WS_MESSAGE_BYTES_MAX;
use boop_wire::codec::{from_canonical, plain_digest, to_canonical};
use boop_wire::frame::put_frame;
use boop_wire::job::{BoxContent, BoxInfo, Capture, SealedBox, Subject};
use boop_wire::relay::{HELLO_BYTES_MAX, RelayAnswer};
use boop_wire::release::{RELEASE_BYTES_MAX, ReleaseAnswer};
use boop_wire::{PartyIndex, Refusal};
use boop_world::{Ports, now_ms};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::bench::Bench;
use crate::raw::{RawSocket, tls};
use crate::scanner::{Answer, split};
use crate::shop::{Customer, Shop};

const PATHS: [&str; 3] = ["/ws/vendor", "/ws/pvs", "/ws/user"];
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_to_sockets_and_ports_is_refused_by_its_code_and_harms_nothing() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let pids = bench.pids();

    strangers(&bench).await;
    known_peers(&bench, &mut shop).await;
    contexts(&mut shop, &bench).await;
    captures(&bench, &mut shop, &customer).await;
    let held = half_open(&bench).await;
    garbage_to_ports(&bench).await;

    assert_eq!(bench.pids(), pids, "a process has ended");
    shop.reconnect(&bench).await;
    shop.check_payment(&bench, &customer).await;
    drop(held);
    session_over(&mut bench, &mut shop).await;
}

/// Before anybody has said who it is.
async fn strangers(bench: &Bench) {
    let unauthenticated = [
        json!({ "type": "authenticate", "vendor_id": "ven_1", "api_key": "wrong" }),
        json!({ "type": "authenticate", "scanner_id": "scn_1", "scanner_key": "wrong" }),
        json!({ "type": "hello", "session_token": "wrong" }),
    ];
    for (path, wrong) in PATHS.into_iter().zip(unauthenticated) {
        let text = |value: Value| Message::text(value.to_string());
        let oversize = "x".repeat(WS_MESSAGE_BYTES_MAX + 1);
        let table = [
            (Message::text("{\"type\":"), "malformed"),
            (Message::text("[]"), "malformed"),
            (text(json!({ "type": "open_sesame" })), "malformed"),
            (text(json!({ "no": "type" })), "malformed"),
            (Message::binary(vec![0, 1, 2]), "malformed"),
            (text(json!({ "type": "ping" })), "unexpected"),
            (text(wrong), "unauthenticated"),
            (Message::text(oversize), "too-large"),
        ];
        for (message, code) in table {
            let shown = format!("{path}: {:.60}", message.to_string());
            let mut socket = RawSocket::open(bench, path).await;
            socket.send(message).await;
            assert_eq!(socket.error().await, code, "{shown}");
            socket.ended().await;
        }
    }
}

/// After a peer has said who it is: the wrong order, and what is no message.
async fn known_peers(bench: &Bench, shop: &mut Shop) {
    let (_stream, registration) = shop.register(bench).await;
    let logins = [
        json!({
            "type": "authenticate",
            "vendor_id": shop.vendor_login.vendor_id.as_str(),
            "api_key": &*shop.vendor_login.api_key,
        }),
        json!({
            "type": "authenticate",
            "scanner_id": shop.scanner_login.scanner_id.as_str(),
            "scanner_key": &*shop.scanner_login.scanner_key,
        }),
        json!({ "type": "hello", "session_token": registration.session_token }),
    ];
    for (path, login) in PATHS.into_iter().zip(logins) {
        let mut socket = RawSocket::open(bench, path).await;
        socket.send(Message::text(login.to_string())).await;
        assert_ne!(socket.answer().await["type"], "error", "{path}");
        socket.send(Message::text(login.to_string())).await;
        assert_eq!(socket.error().await, "unexpected", "{path}");
        socket.send(Message::text(r#"{"type":"ping"}"#)).await;
        assert_eq!(socket.answer().await["type"], "pong", "{path}");
        let oversize = "x".repeat(4 * WS_MESSAGE_BYTES_MAX);
        socket.send(Message::text(oversize)).await;
        assert_eq!(socket.error().await, "too-large", "{path}");
        socket.ended().await;
    }
    shop.reconnect(bench).await;
}

/// Contexts that cannot be opened.
async fn contexts(shop: &mut Shop, bench: &Bench) {
    let refused = |error| match error {
        boop_sdk::VendorError::Refused(refused) => refused.code,
        other => panic!("{other:?}"),
    };
    let mut elsewhere = shop.request(100);
    elsewhere.requirements.terminal_id = Some("till-99".parse().unwrap());
    let error = shop.vendor.create_context(&elsewhere).await.unwrap_err();
    assert_eq!(refused(error), "unknown-terminal");

    let mut hasty = shop.request(100);
    hasty.timeout_ms = Some(1);
    let error = shop.vendor.create_context(&hasty).await.unwrap_err();
    assert_eq!(refused(error), "invalid");

    let mut named = shop.request(100);
    named.requirements.merchant_name = Some("two\nlines".into());
    let error = shop.vendor.create_context(&named).await.unwrap_err();
    assert_eq!(refused(error), "invalid");

    let taken = shop.request(100);
    shop.vendor.create_context(&taken).await.unwrap();
    let mut other = taken.clone();
    other.requirements.amount = Some(101);
    let error = shop.vendor.create_context(&other).await.unwrap_err();
    assert_eq!(refused(error), "conflict");

    let second = shop.request(100);
    let error = shop.vendor.create_context(&second).await.unwrap_err();
    assert_eq!(refused(error), "busy");
    shop.reconnect(bench).await;
    shop.cancel(&taken.context_id).await;
}

/// Captures whose form is good and whose content is not.
async fn captures(bench: &Bench, shop: &mut Shop, customer: &Customer) {
    type Change = fn(&mut Capture, &Changing);
    let table: [(Change, &str); 9] = [
        (|c, _| drop(c.boxes.pop()), "malformed"),
        (|c, _| c.boxes.push(c.boxes[0].clone()), "malformed"),
        (|c, _| c.boxes.swap(0, 1), "sealed-box-invalid"),
        (
            |c, _| c.boxes[2].ciphertext.truncate(20),
            "sealed-box-invalid",
        ),
        (|c, with| reseal(c, with, vec![0; 7]), "malformed"),
        (|c, _| c.expires_at_ms = now_ms() - 1, "expired"),
        (|c, _| c.expires_at_ms = now_ms() + 3_600_000, "invalid"),
        (|c, _| c.quality = 10, "quality-too-low"),
        (|c, _| c.quality = 101, "invalid"),
    ];
    let before = shop.balance(customer.user).await;
    for (change, code) in table {
        let id = shop.ask().await;
        let context = shop.scanner.hear(&id).await;
        let subject = Subject::Identify(context);
        let view = bench.view().await;
        let split = split(&customer.visitor.probe, &subject);
        let mut capture = split.seal(&view).unwrap();
        change(&mut capture, &Changing { view, subject });
        shop.scanner.send_capture(&id, &capture).await;
        let answer = shop.scanner.answer(split.request()).await;
        assert_eq!(answer, Answer::refused(code));
        shop.cancel(&id).await;
    }
    assert_eq!(shop.balance(customer.user).await, before);
}

struct Changing {
    view: NetworkView,
    subject: Subject,
}

/// Puts a box in party 0's place that opens, and holds a share of another size.
fn reseal(capture: &mut Capture, with: &Changing, share: Vec<u8>) {
    let party = PartyIndex::ALL[0];
    let manifest = with.view.trust.manifest();
    let info = BoxInfo {
        network: manifest.network(),
        manifest: manifest.digest(),
        party,
        request: capture.request,
        subject: with.subject.digest(),
        side: capture.side,
        expires_at_ms: capture.expires_at_ms,
    };
    let content = BoxContent {
        commitments: vec![plain_digest(b"none"); 3],
        share,
    };
    let key = &with.view.parties[0].binding.keys.hpke;
    let sealed = seal(key, &info.to_info(), &to_canonical(&content), [9; 32]).unwrap();
    capture.boxes[0] = SealedBox {
        enc: sealed.enc,
        ciphertext: sealed.ciphertext,
    };
}

/// Connections that begin and do not go on; they stay while everything else goes on.
async fn half_open(
    bench: &Bench,
) -> (
    Vec<TcpStream>,
    Vec<tokio_rustls::client::TlsStream<TcpStream>>,
) {
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(&bench.gateway).await.unwrap());
    }
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 4096],
        &[0x16, 3, 1, 2, 0, 1],
    ] {
        let mut stream = TcpStream::connect(&bench.gateway).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        silent.push(stream);
    }
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut stream = tls(bench).await;
        stream
            .write_all(b"POST /api/v1/register HTTP/1.1\r\n")
            .await
            .unwrap();
        waiting.push(stream);
    }
    (silent, waiting)
}

/// Garbage to the ports behind the gateway.
async fn garbage_to_ports(bench: &Bench) {
    let ports = bench.ports().clone();
    let announced = |max: usize| u32::try_from(max + 1).unwrap().to_be_bytes().to_vec();
    for port in ports.hosts {
        let refusal = |bytes: &[u8]| match from_canonical(bytes).unwrap() {
            RelayAnswer::Refused { refusal } => refusal,
            RelayAnswer::Accepted { .. } => panic!("garbage was accepted"),
        };
        let answer = exchange(port, &framed(b"garbage")).await.unwrap();
        assert_eq!(refusal(&answer), Refusal::Malformed);
        let answer = exchange(port, &announced(HELLO_BYTES_MAX)).await.unwrap();
        assert_eq!(refusal(&answer), Refusal::TooLarge);
    }
    for port in ports.custodians {
        let refusal = |bytes: &[u8]| match from_canonical(bytes).unwrap() {
            ReleaseAnswer::Refused { refusal } => refusal,
            other => panic!("garbage was answered with {other:?}"),
        };
        let answer = exchange(port, &framed(b"garbage")).await.unwrap();
        assert_eq!(refusal(&answer), Refusal::Malformed);
        let answer = exchange(port, &announced(RELEASE_BYTES_MAX)).await.unwrap();
        assert_eq!(refusal(&answer), Refusal::TooLarge);
    }
    // The ledger speaks TLS from the first byte, and says nothing to those who do not but an alert.
    for garbage in [framed(b"garbage"), vec![0xff; 4096], vec![0x16, 3, 1]] {
        let mut stream = TcpStream::connect(Ports::address(ports.ledger))
            .await
            .unwrap();
        stream.write_all(&garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .unwrap();
        assert!(answer.len() < 32, "the ledger said {answer:?}");
    }
    sleep(Duration::from_millis(100)).await;
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    put_frame(&mut frame, bytes, HELLO_BYTES_MAX).unwrap();
    frame
}

/// Sends bytes to a port and reads one frame.
async fn exchange(port: u16, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(Ports::address(port)).await?;
    stream.write_all(bytes).await?;
    let read = async {
        let length = stream.read_u32().await?;
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut frame).await?;
        Ok(frame)
    };
    timeout(PATIENCE, read).await.unwrap()
}

/// A session token whose time is over, by the gateway's own store: nobody waits for that.
async fn session_over(bench: &mut Bench, shop: &mut Shop) {
    let (_stream, registration) = shop.register(bench).await;
    bench.network.process("gateway").unwrap().stop();
    let file = bench.layout().path("gateway/gateway.sqlite");
    let url = format!("sqlite://{}", file.display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query("UPDATE sessions SET expires_at_ms = 1")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    bench.network.restart_member("gateway").unwrap();
    bench.wait_ready().await;
    shop.reconnect(bench).await;

    let token = &registration.session_token;
    let mut socket = RawSocket::open(bench, "/ws/user").await;
    let hello = json!({ "type": "hello", "session_token": token });
    socket.send(Message::text(hello.to_string())).await;
    assert_eq!(socket.error().await, "expired");

    let palm = boop_world::visitor(crate::bench::SEED, 1).unwrap();
    let user = registration.user_id;
    let split = split(&palm.enrolment, &Subject::Enrol { user });
    let capture = split.seal(&bench.view().await).unwrap();
    shop.scanner.send_enrolment(user, token, &capture).await;
    let answer = shop.scanner.answer(split.request()).await;
    assert_eq!(answer, Answer::refused("expired"));
}
