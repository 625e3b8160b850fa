//! An edge with a scripted enclave: the test speaks the enclave's side of the socket.

use boop_abi::{STREAMS_MAX, Slot};
use boop_daemon::{read_frame, write_frame};
use boop_wire::PartyIndex;
use boop_wire::codec::{CodecError, from_canonical_max, to_canonical};
use boop_wire::frame::FrameTooLarge;
use boop_wire::manifest::SignedManifest;
use boop_wire::statement::STATEMENT_BYTES_MAX;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::status;
use crate::testing;

#[tokio::test]
async fn the_first_frame_is_the_manifest_as_it_was_signed() {
    let mut world = World::start("127.0.0.1:1").await;

    let FromHost::Manifest(bytes) = world.receive().await else {
        panic!("not the manifest");
    };

    let signed: SignedManifest = from_canonical_max(&bytes, FRAME_BYTES_MAX).unwrap();
    assert_eq!(&signed, testing::trust().manifest().signed());
}

#[tokio::test]
async fn blobs_are_kept_answered_and_deleted() {
    let mut world = World::attested("127.0.0.1:1").await;
    let slot = Slot(3);
    let bytes = vec![7; BLOB_BYTES_MAX];

    world.send(&ToHost::BlobGet { slot }).await;
    assert_eq!(world.receive().await, FromHost::Blob { slot, bytes: None });
    let put = ToHost::BlobPut {
        slot,
        bytes: bytes.clone(),
    };
    world.send(&put).await;
    assert_eq!(world.receive().await, FromHost::BlobDone { slot });
    world.send(&ToHost::BlobGet { slot }).await;
    let blob = FromHost::Blob {
        slot,
        bytes: Some(bytes),
    };
    assert_eq!(world.receive().await, blob);
    world.send(&ToHost::BlobDelete { slot }).await;
    assert_eq!(world.receive().await, FromHost::BlobDone { slot });

    assert_eq!(world.host.blobs.get(slot), Ok(None));
}

#[tokio::test]
async fn a_custodian_stream_is_a_pipe_in_both_directions() {
    let (address, _echo) = echo().await;
    let mut world = World::attested(&address).await;
    let stream = StreamId(1);
    let sent: Vec<u8> = (0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect();

    world.open(stream, FarEnd::Custodian).await;
    for piece in sent.chunks(PIECE_BYTES_MAX) {
        world.piece(stream, piece).await;
    }

    let mut received = Vec::new();
    while received.len() < sent.len() {
        let FromHost::StreamData { stream: on, bytes } = world.receive().await else {
            panic!("not data");
        };
        assert!(on == stream && bytes.len() <= PIECE_BYTES_MAX);
        received.extend(bytes);
    }
    assert!(received == sent);
}

#[tokio::test]
async fn what_an_enclave_sent_before_it_closed_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::attested(&listener.local_addr().unwrap().to_string()).await;
    let stream = StreamId(1);

    world.open(stream, FarEnd::Custodian).await;
    world.piece(stream, b"last words").await;
    world.send(&ToHost::CloseStream { stream }).await;
    let (mut custodian, _) = listener.accept().await.unwrap();
    let mut received = Vec::new();
    custodian.read_to_end(&mut received).await.unwrap();

    assert_eq!(received, b"last words");
    // The number is used: late data is dropped, and the edge goes on.
    world.piece(stream, b"late").await;
    world.answers().await;
}

#[tokio::test]
async fn a_far_end_that_leaves_closes_the_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::attested(&listener.local_addr().unwrap().to_string()).await;
    let stream = StreamId(1);

    world.open(stream, FarEnd::Custodian).await;
    let (mut custodian, _) = listener.accept().await.unwrap();
    custodian.write_all(b"bye").await.unwrap();
    drop(custodian);

    let data = FromHost::StreamData {
        stream,
        bytes: b"bye".to_vec(),
    };
    assert_eq!(world.receive().await, data);
    assert_eq!(world.receive().await, FromHost::StreamClosed { stream });
}

#[tokio::test]
async fn a_far_end_that_is_not_there_closes_the_stream_and_is_in_the_status() {
    let mut world = World::attested("127.0.0.1:1").await;
    let stream = StreamId(5);

    world.open(stream, FarEnd::Custodian).await;

    assert_eq!(world.receive().await, FromHost::StreamClosed { stream });
    let refusal = world.status().last_refusal.unwrap();
    assert_eq!(
        (refusal.far_end.as_str(), refusal.refusal.as_str()),
        ("custodian", "party-unavailable")
    );
}

#[tokio::test]
async fn no_party_is_called_before_the_enclave_has_shown_evidence() {
    let mut world = World::attested("127.0.0.1:1").await;
    let stream = StreamId(1);

    world.open(stream, FarEnd::Party(PartyIndex::ALL[1])).await;

    assert_eq!(world.receive().await, FromHost::StreamClosed { stream });
    let refusal = world.status().last_refusal.unwrap();
    assert_eq!(refusal.far_end, "party-1");
    assert_eq!(refusal.reason, "the enclave here has shown no evidence yet");
}

#[tokio::test]
async fn connections_from_outside_get_even_numbers_in_order() {
    let mut world = World::attested("127.0.0.1:1").await;
    let mut far = Vec::new();

    for number in 1..=10 {
        far.push(world.attach(FarEnd::Gateway).await);
        let opened = FromHost::StreamOpened {
            stream: StreamId(2 * number),
            from: FarEnd::Gateway,
        };
        assert_eq!(world.receive().await, opened);
    }
    world.piece(StreamId(20), b"hello").await;

    let mut received = [0; 5];
    far[9].read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"hello");
}

#[tokio::test]
async fn one_stream_more_than_the_limit_is_closed_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::attested(&listener.local_addr().unwrap().to_string()).await;
    let numbers: Vec<u32> = (0..=STREAMS_MAX)
        .map(|count| 2 * u32::try_from(count).unwrap() + 1)
        .collect();
    let last = StreamId(*numbers.last().unwrap());

    for number in numbers {
        world.open(StreamId(number), FarEnd::Custodian).await;
    }

    assert_eq!(
        world.receive().await,
        FromHost::StreamClosed { stream: last }
    );
    assert!(
        world
            .host
            .door()
            .unwrap()
            .places
            .try_acquire_owned()
            .is_err()
    );
}

#[tokio::test]
async fn a_stream_whose_far_end_takes_nothing_is_cut_and_the_others_go_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::attested(&listener.local_addr().unwrap().to_string()).await;
    let (slow, quick) = (StreamId(1), StreamId(3));
    world.open(slow, FarEnd::Custodian).await;
    let _silent = listener.accept().await.unwrap();
    world.open(quick, FarEnd::Custodian).await;
    let (mut talking, _) = listener.accept().await.unwrap();

    // More than the queue and the kernel's buffers hold.
    let piece = vec![0; PIECE_BYTES_MAX];
    let (mut reader, mut writer) = world.enclave.split();
    let flood = async {
        let bytes = piece.clone();
        let data = to_canonical(&ToHost::StreamData {
            stream: slow,
            bytes,
        });
        for _ in 0..6 * PIECES_QUEUED_MAX {
            write_frame(&mut writer, &data, FRAME_BYTES_MAX)
                .await
                .unwrap();
        }
    };
    let (closed, ()) = tokio::join!(read(&mut reader), flood);

    assert_eq!(closed, FromHost::StreamClosed { stream: slow });
    world.piece(quick, b"still here").await;
    let mut received = [0; 10];
    talking.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"still here");
}

#[tokio::test]
async fn an_enclave_that_breaks_the_protocol_is_stopped_with_the_exact_reason() {
    let data = |stream, bytes| ToHost::StreamData {
        stream: StreamId(stream),
        bytes,
    };
    let open = |stream, to| ToHost::OpenStream {
        stream: StreamId(stream),
        to,
    };
    let custodian = FarEnd::Custodian;
    let own = FarEnd::Party(PartyIndex::ALL[0]);
    let closing = ToHost::CloseStream {
        stream: StreamId(8),
    };
    let blob = ToHost::BlobPut {
        slot: Slot(1),
        bytes: vec![0; BLOB_BYTES_MAX + 1],
    };
    let piece = vec![0; PIECE_BYTES_MAX + 1];
    let statement = ToHost::Statement(vec![0; STATEMENT_BYTES_MAX + 1]);
    let cases = [
        (vec![data(1, vec![])], Violation::UnknownStream),
        (vec![closing], Violation::UnknownStream),
        (vec![open(2, custodian)], Violation::EvenStream),
        (
            vec![open(1, custodian), open(1, custodian)],
            Violation::StreamReused,
        ),
        (vec![open(1, own)], Violation::FarEnd),
        (vec![open(1, FarEnd::Gateway)], Violation::FarEnd),
        (
            vec![open(1, custodian), data(1, piece)],
            Violation::PieceTooLarge,
        ),
        (vec![blob], Violation::BlobTooLarge),
        (vec![statement], Violation::StatementTooLarge),
    ];

    for (messages, violation) in cases {
        let mut world = World::attested("127.0.0.1:1").await;
        for message in messages {
            world.send(&message).await;
        }
        let ending = world.ending().await;
        assert_eq!(ending.result, Err(EdgeError::Violation(violation)));
    }
}

#[tokio::test]
async fn frames_that_are_too_large_or_do_not_decode_stop_the_enclave() {
    let mut world = World::attested("127.0.0.1:1").await;
    let announced = FRAME_BYTES_MAX + 1;
    let prefix = u32::try_from(announced).unwrap();
    world.enclave.write_u32(prefix).await.unwrap();
    let too_large = FrameTooLarge {
        announced,
        max: FRAME_BYTES_MAX,
    };
    assert_eq!(
        world.ending().await.result,
        Err(EdgeError::Frame(too_large))
    );

    let mut world = World::attested("127.0.0.1:1").await;
    world.send_bytes(b"\xff").await;
    assert_eq!(
        world.ending().await.result,
        Err(EdgeError::Malformed(CodecError::Malformed))
    );

    let no_bundle = ToHost::Evidence(b"no bundle".to_vec());
    let no_statement = ToHost::Statement(b"no statement".to_vec());
    for message in [no_bundle, no_statement] {
        let mut world = World::attested("127.0.0.1:1").await;
        world.send(&message).await;
        let malformed = EdgeError::Malformed(CodecError::Malformed);
        assert_eq!(world.ending().await.result, Err(malformed));
    }
}

#[tokio::test]
async fn evidence_is_kept_to_be_shown_and_forgotten_with_its_enclave() {
    let mut world = World::attested("127.0.0.1:1").await;
    let binding = testing::binding(&testing::trust(), PartyIndex::ALL[0]);
    let bundle = testing::bundle(&binding);

    world.send(&ToHost::Evidence(to_canonical(&bundle))).await;
    world.answers().await;

    assert_eq!(world.host.evidence(), Some(bundle));
    // It would not convince this host, whose operator can read that.
    let doubt = world.status().evidence_doubt.unwrap();
    assert!(doubt.starts_with("the evidence is stale"), "{doubt}");
    let host = Arc::clone(&world.host);
    world.ending().await;
    assert_eq!(host.evidence(), None);
    assert!(host.door().is_none());
}

#[tokio::test]
async fn phases_are_in_the_status_and_serving_is_remembered() {
    let mut world = World::attested("127.0.0.1:1").await;

    for (phase, shown) in [
        (Phase::Booted, status::Phase::Booted),
        (Phase::Attested, status::Phase::Attested),
        (Phase::Serving, status::Phase::Serving),
    ] {
        world.send(&ToHost::Event(Event::Phase(phase))).await;
        world.answers().await;
        assert_eq!(world.status().phase, shown);
    }
    for (ready, shown) in [
        (false, status::Phase::Suspended),
        (true, status::Phase::Serving),
    ] {
        world.send(&ToHost::Event(Event::Ready(ready))).await;
        world.answers().await;
        assert_eq!(world.status().phase, shown);
    }
    let refused = Event::Phase(Phase::Stopped(Refusal::StoreDamaged));
    world.send(&ToHost::Event(refused)).await;
    world.answers().await;
    assert_eq!(
        world.status().last_refusal.unwrap().refusal,
        "store-damaged"
    );

    let ending = world.ending().await;
    assert_eq!(
        ending,
        Ending {
            served: true,
            retired: false,
            result: Ok(())
        }
    );
}

#[tokio::test]
async fn an_enclave_is_asked_to_finish_and_may_close_in_its_time() {
    let mut world = World::attested("127.0.0.1:1").await;

    world.stop.send_replace(true);

    assert_eq!(world.receive().await, FromHost::Drain);
    assert!(world.host.door().is_none());
    world.answers().await;
    assert_eq!(world.ending().await.result, Ok(()));
}

#[tokio::test]
async fn an_enclave_that_does_not_finish_is_cut_off() {
    let mut world = World::attested("127.0.0.1:1").await;

    world.stop.send_replace(true);
    assert_eq!(world.receive().await, FromHost::Drain);
    let ending = (&mut world.edge).await.unwrap();

    assert_eq!(ending.result, Err(EdgeError::DrainTime));
}

struct World {
    host: Arc<Host>,
    enclave: UnixStream,
    edge: JoinHandle<Ending>,
    stop: watch::Sender<bool>,
    _directory: TempDir,
}

impl World {
    async fn start(custodian: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = testing::attached(directory.path());
        let host = testing::host(directory.path(), settings, custodian);
        let (enclave, connection) = UnixStream::pair().unwrap();
        let (stop, mut stopping) = watch::channel(false);
        let edge = tokio::spawn({
            let host = Arc::clone(&host);
            async move { run(&host, connection, &mut stopping).await }
        });
        Self {
            host,
            enclave,
            edge,
            stop,
            _directory: directory,
        }
    }

    /// Starts as `start`, with the manifest received.
    async fn attested(custodian: &str) -> Self {
        let mut world = Self::start(custodian).await;
        assert!(matches!(world.receive().await, FromHost::Manifest(_)));
        world
    }

    async fn receive(&mut self) -> FromHost {
        read(&mut self.enclave).await
    }

    async fn send(&mut self, message: &ToHost) {
        self.send_bytes(&to_canonical(message)).await;
    }

    async fn send_bytes(&mut self, frame: &[u8]) {
        // An edge that has ended already refuses the rest; what counts is how it ended.
        let _ = write_frame(&mut self.enclave, frame, 2 * FRAME_BYTES_MAX).await;
    }

    async fn open(&mut self, stream: StreamId, to: FarEnd) {
        self.send(&ToHost::OpenStream { stream, to }).await;
    }

    async fn piece(&mut self, stream: StreamId, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.send(&ToHost::StreamData { stream, bytes }).await;
    }

    /// Waits until the edge has dealt with everything sent before.
    async fn answers(&mut self) {
        let slot = Slot(u64::MAX);
        self.send(&ToHost::BlobGet { slot }).await;
        assert_eq!(self.receive().await, FromHost::Blob { slot, bytes: None });
    }

    /// Hands a connection in at the door, and returns its far end.
    async fn attach(&self, from: FarEnd) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (socket, _) = listener.accept().await.unwrap();
        let door = self.host.door().unwrap();
        let attachment = Attachment {
            socket,
            from,
            place: Arc::clone(&door.places).try_acquire_owned().unwrap(),
        };
        door.attachments.send(attachment).await.unwrap();
        far.unwrap()
    }

    fn status(&self) -> status::Status {
        let path = self.host.plan.enclave.directory().join("status.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// Closes the enclave's end, and returns how the edge ended.
    async fn ending(self) -> Ending {
        let Self { enclave, edge, .. } = self;
        let (_reader, mut writer) = enclave.into_split();
        writer.shutdown().await.unwrap();
        edge.await.unwrap()
    }
}

async fn read<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> FromHost {
    let frame = read_frame(stream, FRAME_BYTES_MAX).await.unwrap();
    from_canonical_max(&frame, FRAME_BYTES_MAX).unwrap()
}

/// Returns the address of a server that sends back what it gets.
async fn echo() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (mut reader, mut writer) = socket.split();
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
        }
    });
    (address, task)
}
