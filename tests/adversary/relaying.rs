//! Intruders between and at the ends of a session. Each has more than it should: the network's
//! messages, genuine evidence, even the TLS key that the evidence names; never an identity key.

use boop_channel::{MESSAGE_BYTES_MAX, ProofError, Session, SessionError};
use boop_daemon::{AttestedError, AttestedStream};
use boop_wire::Refusal;
use boop_wire::codec::{CodecError, to_canonical};
use boop_wire::frame::FrameTooLarge;
use boop_wire::session::{Proof, Side, Signature};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::cast::{Actor, NOW_MS, party, trust};
use crate::intruder::Intruder;
use crate::pipe::{converse, session};

/// Party 1 is imitated, party 0 is honest and expects it.
struct Scene {
    imitated: Actor,
    honest: Actor,
}

impl Scene {
    fn new() -> Self {
        let trust = trust(|_| {});
        Self {
            imitated: Actor::new(party(1), &trust),
            honest: Actor::new(party(0), &trust),
        }
    }

    /// The honest end, and an intruder on the other side with the imitated party's TLS key; TLS
    /// stands, and the honest end has made its offer.
    fn stolen_tls_key(&self, side: Side) -> (Session, Intruder) {
        self.with_tls_key(side, &self.imitated.tls_pkcs8)
    }

    fn with_tls_key(&self, side: Side, tls_pkcs8: &[u8]) -> (Session, Intruder) {
        let mut honest = session(side.other(), &self.honest, party(1).expected());
        let mut intruder = Intruder::new(side, tls_pkcs8);
        intruder.exchange(&mut honest);
        assert_eq!(intruder.honest, Ok(()));
        (honest, intruder)
    }
}

const SIDES: [Side; 2] = [Side::Client, Side::Server];

#[test]
fn an_end_made_by_hand_that_does_everything_right_opens_a_session() {
    let scene = Scene::new();
    for side in SIDES {
        let (mut honest, mut right) = scene.stolen_tls_key(side);
        let offer = right.read_offer();
        right.offer(Some(scene.imitated.evidence.clone()));
        let proof = right.honest_proof(&scene.imitated, &offer);

        right.send(&to_canonical(&proof));
        right.send(b"first message");
        right.exchange(&mut honest);

        assert_eq!(right.honest, Ok(()));
        assert_eq!(honest.peer().unwrap().party(), party(1).party);
        assert_eq!(
            honest.next_message().as_deref(),
            Some(&b"first message"[..])
        );
    }
}

#[test]
fn a_peer_without_evidence_is_refused() {
    let scene = Scene::new();
    for side in SIDES {
        let (mut honest, mut intruder) = scene.stolen_tls_key(side);

        intruder.offer(None);
        intruder.exchange(&mut honest);

        assert_eq!(intruder.honest, Err(SessionError::NoEvidence));
        assert_failed(&mut honest);
    }
}

#[test]
fn genuine_evidence_on_another_tls_key_is_refused() {
    let scene = Scene::new();
    for side in SIDES {
        // The key of a process that is not the imitated one; a copy of its own would do as well.
        let (mut honest, mut intruder) = scene.with_tls_key(side, &scene.honest.tls_pkcs8);

        intruder.offer(Some(scene.imitated.evidence.clone()));
        intruder.exchange(&mut honest);

        assert_eq!(intruder.honest, Err(SessionError::TlsKey));
        assert_eq!(SessionError::TlsKey.refusal(), Refusal::WrongSession);
        assert_failed(&mut honest);
    }
}

#[test]
fn a_proof_by_another_identity_is_refused() {
    let scene = Scene::new();
    for side in SIDES {
        let (mut honest, mut intruder) = scene.stolen_tls_key(side);
        let offer = intruder.read_offer();
        intruder.offer(Some(scene.imitated.evidence.clone()));
        let thief = Actor {
            keys: scene.honest.keys.clone(),
            ..scene.imitated.clone()
        };
        let proof = intruder.honest_proof(&thief, &offer);

        intruder.send(&to_canonical(&proof));
        intruder.exchange(&mut honest);

        assert_eq!(intruder.honest, Err(SessionError::Proof(ProofError)));
        assert_failed(&mut honest);
    }
}

#[test]
fn a_missing_or_empty_proof_is_refused() {
    let scene = Scene::new();
    for signature in [None, Some(Signature([0; 64]))] {
        let (mut honest, mut intruder) = scene.stolen_tls_key(Side::Client);
        intruder.offer(Some(scene.imitated.evidence.clone()));

        intruder.send(&to_canonical(&Proof { signature }));
        intruder.exchange(&mut honest);

        assert_eq!(intruder.honest, Err(SessionError::Proof(ProofError)));
        assert_failed(&mut honest);
    }
}

#[test]
fn a_proof_that_is_sent_back_to_its_maker_is_refused() {
    let scene = Scene::new();
    for side in SIDES {
        let (mut honest, mut intruder) = scene.stolen_tls_key(side);
        intruder.read_offer();
        intruder.offer(Some(scene.imitated.evidence.clone()));
        intruder.exchange(&mut honest);
        let proof = intruder.frame().expect("the honest end proves itself");

        intruder.send(&proof);
        intruder.exchange(&mut honest);

        assert_eq!(intruder.honest, Err(SessionError::Proof(ProofError)));
        assert_failed(&mut honest);
    }
}

#[test]
fn an_offer_and_a_proof_that_are_sent_back_to_their_maker_are_refused() {
    let trust = trust(|_| {});
    let honest = Actor::new(party(0), &trust);
    // This end would even take its own kind for a peer.
    let mut end = session(Side::Server, &honest, party(0).expected());
    let mut mirror = Intruder::new(Side::Client, &honest.tls_pkcs8);
    mirror.exchange(&mut end);
    let offer = mirror.frame().unwrap();

    mirror.send(&offer);
    mirror.exchange(&mut end);
    let proof = mirror.frame().unwrap();
    mirror.send(&proof);
    mirror.exchange(&mut end);

    assert_eq!(mirror.honest, Err(SessionError::Proof(ProofError)));
    assert_failed(&mut end);
}

/// A man in the middle: one TLS connection to each honest end, every frame forwarded.
fn relay(scene: &Scene, keys: [&[u8]; 2]) -> [Result<(), SessionError>; 2] {
    let mut client = session(Side::Client, &scene.imitated, party(0).expected());
    let mut server = session(Side::Server, &scene.honest, party(1).expected());
    let mut to_client = Intruder::new(Side::Server, keys[0]);
    let mut to_server = Intruder::new(Side::Client, keys[1]);
    for _ in 0..4 {
        to_client.exchange(&mut client);
        to_server.exchange(&mut server);
        while let Some(frame) = to_client.frame() {
            to_server.send(&frame);
        }
        while let Some(frame) = to_server.frame() {
            to_client.send(&frame);
        }
    }
    assert_failed(&mut client);
    assert_failed(&mut server);
    [to_client.honest, to_server.honest]
}

#[test]
fn a_relayed_handshake_fails_by_the_tls_keys() {
    let scene = Scene::new();
    let stranger = Actor::new(party(2), &scene.honest.trust).tls_pkcs8;

    let ends = relay(&scene, [&stranger, &stranger]);

    assert_eq!(ends, [Err(SessionError::TlsKey), Err(SessionError::TlsKey)]);
}

#[test]
fn a_relayed_proof_fails_by_the_exporter_even_with_both_tls_keys_stolen() {
    let scene = Scene::new();

    let ends = relay(&scene, [&scene.honest.tls_pkcs8, &scene.imitated.tls_pkcs8]);

    let refused = Err(SessionError::Proof(ProofError));
    assert_eq!(ends, [refused.clone(), refused]);
    // Without anyone between them, the same two ends open a session.
    let mut client = session(Side::Client, &scene.imitated, party(0).expected());
    let mut server = session(Side::Server, &scene.honest, party(1).expected());
    let ends = converse(&mut client, &mut server);
    assert_eq!((ends.client, ends.server), (Ok(()), Ok(())));
}

#[test]
fn a_proof_of_an_earlier_session_is_refused() {
    let scene = Scene::new();
    let (_, mut earlier) = scene.stolen_tls_key(Side::Client);
    let offer = earlier.read_offer();
    let proof = earlier.honest_proof(&scene.imitated, &offer);
    let (mut honest, mut intruder) = scene.stolen_tls_key(Side::Client);
    intruder.offer(Some(scene.imitated.evidence.clone()));

    intruder.send(&to_canonical(&proof));
    intruder.exchange(&mut honest);

    assert_eq!(intruder.honest, Err(SessionError::Proof(ProofError)));
    assert_failed(&mut honest);
}

#[test]
fn an_application_message_before_the_proof_is_refused() {
    let scene = Scene::new();
    let malformed = Err(SessionError::Malformed(CodecError::Malformed));
    for offered in [false, true] {
        let (mut honest, mut intruder) = scene.stolen_tls_key(Side::Client);
        if offered {
            intruder.offer(Some(scene.imitated.evidence.clone()));
        }

        intruder.send(b"an application message");
        intruder.exchange(&mut honest);

        assert_eq!(intruder.honest, malformed);
        assert_eq!(honest.next_message(), None);
        assert_failed(&mut honest);
    }
}

#[test]
fn a_proof_longer_than_any_is_refused() {
    let scene = Scene::new();
    let (mut honest, mut intruder) = scene.stolen_tls_key(Side::Client);
    intruder.offer(Some(scene.imitated.evidence.clone()));

    intruder.send(&[0; 129]);
    intruder.exchange(&mut honest);

    let too_long = CodecError::TooLong { max: 128 };
    assert_eq!(intruder.honest, Err(SessionError::Malformed(too_long)));
    assert_failed(&mut honest);
}

#[test]
fn a_frame_that_announces_too_much_is_refused_before_it_comes() {
    let scene = Scene::new();
    let announced = MESSAGE_BYTES_MAX + 1;
    let max = MESSAGE_BYTES_MAX;
    for established in [false, true] {
        let (mut honest, mut intruder) = scene.stolen_tls_key(Side::Client);
        if established {
            let offer = intruder.read_offer();
            intruder.offer(Some(scene.imitated.evidence.clone()));
            let proof = intruder.honest_proof(&scene.imitated, &offer);
            intruder.send(&to_canonical(&proof));
            intruder.send(&vec![1; MESSAGE_BYTES_MAX]);
            intruder.exchange(&mut honest);
            assert_eq!(honest.next_message().map(|m| m.len()), Some(max));
        }

        let length = u32::try_from(announced).unwrap();
        intruder.send_bytes(&length.to_be_bytes());
        intruder.exchange(&mut honest);

        let too_large = FrameTooLarge { announced, max };
        assert_eq!(intruder.honest, Err(SessionError::TooLarge(too_large)));
        assert_failed(&mut honest);
    }
}

#[test]
fn changed_bytes_end_the_session_and_missing_ones_leave_it_closed() {
    let scene = Scene::new();
    let start = || {
        let client = session(Side::Client, &scene.imitated, party(0).expected());
        let server = session(Side::Server, &scene.honest, party(1).expected());
        (client, server)
    };
    let (mut client, mut server) = start();
    let hello = client.take_output();
    for length in 0..hello.len() {
        let (_, mut server) = start();
        assert_eq!(server.receive(&hello[..length], NOW_MS), Ok(()));
        assert!(server.peer().is_none());
        assert_eq!(server.send(b"early"), Err(SessionError::Unexpected));
    }

    server.receive(&hello, NOW_MS).unwrap();
    let mut flight = server.take_output();
    *flight.last_mut().unwrap() ^= 1;
    let refused = client.receive(&flight, NOW_MS);

    assert!(matches!(refused, Err(SessionError::Tls(_))), "{refused:?}");
    assert_failed(&mut client);
}

#[tokio::test]
async fn a_stream_that_breaks_off_during_the_opening_is_no_session() {
    let scene = Scene::new();
    let mut whole = 0;
    for cut in [0, 1, 200, 1_400, 2_500, usize::MAX] {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (near_end, far_end) = tokio::io::duplex(64 * 1024);
        // What the client says comes to the server up to the cut.
        tokio::spawn(carry(far, near_end, cut));
        let server = AttestedStream::open(
            far_end,
            Side::Server,
            fresh(&scene.honest).local(),
            party(1).expected(),
        );
        let client = fresh(&scene.imitated).local();
        let client = AttestedStream::open(near, Side::Client, client, party(0).expected());
        let (client, server) = tokio::join!(client, server);
        if cut == usize::MAX {
            whole += usize::from(client.is_ok() && server.is_ok());
            continue;
        }
        let Err(AttestedError::Io(error)) = server else {
            panic!("after {cut} bytes: {server:?}");
        };
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{cut}");
    }
    assert_eq!(whole, 1, "without a cut the session opens");
}

/// The stream's own clock is the machine's; evidence has to be of now.
fn fresh(actor: &Actor) -> Actor {
    let binding = actor.evidence.binding().unwrap();
    let part = crate::cast::Part {
        role: binding.role,
        party: binding.party,
    };
    Actor::with(part, &actor.trust, |binding| {
        binding.made_at_ms = boop_daemon::now_ms();
    })
}

/// Carries bytes both ways; the first direction breaks off after `cut` bytes.
async fn carry(from: tokio::io::DuplexStream, to: tokio::io::DuplexStream, cut: usize) {
    let (mut from_read, mut from_write) = tokio::io::split(from);
    let (mut to_read, mut to_write) = tokio::io::split(to);
    let back = tokio::spawn(async move { tokio::io::copy(&mut to_read, &mut from_write).await });
    let mut left = cut;
    let mut buffer = [0; 4096];
    while left > 0 {
        let most = left.min(buffer.len());
        match from_read.read(&mut buffer[..most]).await {
            Ok(count) if count > 0 => {
                left -= count;
                if to_write.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
            Ok(_) | Err(_) => break,
        }
    }
    let _ = to_write.shutdown().await;
    let _ = back.await;
}

/// A session that failed stays so: no peer, no messages, no secrets.
fn assert_failed(end: &mut Session) {
    assert!(end.peer().is_none());
    assert_eq!(end.send(b"anything"), Err(SessionError::Unexpected));
    assert_eq!(end.export("job"), Err(SessionError::Unexpected));
    assert_eq!(end.receive(b"", NOW_MS), Err(SessionError::Unexpected));
}
