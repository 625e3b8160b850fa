//! Connections from other hosts and gateways: judged, then handed to the enclave.

use std::sync::Arc;
use std::time::Duration;

use boop_abi::FarEnd;
use boop_daemon::now_ms;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::event::{Code, chain};
use crate::host::{Attachment, Door, Host};
use crate::relay::{RelayError, accept, refuse};

/// Most callers that are being judged at once.
const CALLERS_MAX: usize = 64;
/// Longest time for a caller to say who it is, and to be answered.
const HEARING_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest time to tell a caller that it is refused.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(2);
/// Pause after a failed accept, which tends to mean that descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Takes connections for ever.
pub async fn serve(listener: TcpListener, host: Arc<Host>) {
    let callers = Arc::new(Semaphore::new(CALLERS_MAX));
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                host.log(&Code::AcceptFailed.event().detail(error.kind()));
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // With so many being judged already, the next one is dropped unheard.
        let Ok(caller) = Arc::clone(&callers).try_acquire_owned() else {
            continue;
        };
        let host = Arc::clone(&host);
        tokio::spawn(async move {
            answer(socket, &host).await;
            drop(caller);
        });
    }
}

/// Judges one caller, and hands its connection to the enclave or refuses it.
async fn answer(mut socket: TcpStream, host: &Host) {
    let heard = timeout(HEARING_TIME_MAX, admit(&mut socket, host)).await;
    let (far_end, error) = match heard {
        Ok(Ok(admitted)) => {
            let attachment = Attachment {
                socket,
                from: admitted.from,
                place: admitted.place,
            };
            // If the enclave ended just now, the caller finds its connection closed.
            let _ = admitted.door.attachments.send(attachment).await;
            return;
        }
        Ok(Err((far_end, error))) => (far_end, error),
        Err(_) => (None, RelayError::Timeout),
    };
    let event = Code::CallerRefused.event();
    let event = far_end.map_or(event.clone(), |far_end| event.far_end(far_end));
    let refusal = error.refusal();
    match far_end {
        Some(_) => host.refused(event, far_end, refusal, chain(&error), now_ms()),
        // Anybody can connect and say nothing of use; the status is for those who matter.
        None => host.log(&event.refusal(refusal).detail(chain(&error))),
    }
    let _ = timeout(REFUSAL_TIME_MAX, refuse(&mut socket, refusal)).await;
}

struct Admitted {
    from: FarEnd,
    place: OwnedSemaphorePermit,
    door: Door,
}

async fn admit(
    socket: &mut TcpStream,
    host: &Host,
) -> Result<Admitted, (Option<FarEnd>, RelayError)> {
    let _ = socket.set_nodelay(true);
    let heard = host.fuse.hear(socket, now_ms()).await;
    let caller = heard.map_err(|error| (None, error))?;
    let from = caller.far_end;
    let known = |error| (Some(from), error);
    let own = host.evidence().ok_or(known(RelayError::NoEvidence))?;
    let door = host.door().ok_or(known(RelayError::NoEvidence))?;
    let place = Arc::clone(&door.places)
        .try_acquire_owned()
        .map_err(|_| known(RelayError::NoRoom))?;
    if host.meet(&caller.judged) {
        host.log(&Code::PeerInstanceChanged.event().far_end(from));
    }
    accept(socket, own).await.map_err(known)?;
    Ok(Admitted { from, place, door })
}

#[cfg(test)]
mod tests {
    use boop_daemon::{read_frame, write_frame};
    use boop_wire::PartyIndex;
    use boop_wire::Refusal;
    use boop_wire::binding::Role;
    use boop_wire::codec::{from_canonical_max, to_canonical};
    use boop_wire::relay::{HELLO_BYTES_MAX, RelayAnswer, RelayHello};
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn a_caller_without_a_hello_is_refused_and_its_connection_closed() {
        let (mut caller, _directory) = start().await;

        write_frame(&mut caller, b"hello", HELLO_BYTES_MAX)
            .await
            .unwrap();

        assert_eq!(answer(&mut caller).await, refused(Refusal::Malformed));
        assert_eq!(caller.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_caller_that_announces_too_much_is_refused_before_it_sends() {
        let (mut caller, _directory) = start().await;

        let announced = u32::try_from(HELLO_BYTES_MAX + 1).unwrap();
        caller.write_u32(announced).await.unwrap();

        assert_eq!(answer(&mut caller).await, refused(Refusal::TooLarge));
    }

    #[tokio::test]
    async fn a_caller_whose_evidence_no_chip_made_is_refused() {
        let (mut caller, _directory) = start().await;
        let trust = testing::trust();
        let [zero, one, _] = PartyIndex::ALL;
        let mut binding = testing::binding(&trust, one);
        binding.made_at_ms = now_ms();
        let hello = RelayHello {
            network: trust.manifest().network(),
            from: Role::Party,
            from_party: Some(one),
            to: zero,
            evidence: testing::bundle(&binding),
        };

        let hello = to_canonical(&hello);
        write_frame(&mut caller, &hello, HELLO_BYTES_MAX)
            .await
            .unwrap();

        assert_eq!(answer(&mut caller).await, refused(Refusal::Malformed));
    }

    async fn start() -> (TcpStream, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let settings = testing::attached(directory.path());
        let host = testing::host(directory.path(), settings, "127.0.0.1:1");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, host));
        (TcpStream::connect(address).await.unwrap(), directory)
    }

    async fn answer(caller: &mut TcpStream) -> RelayAnswer {
        let frame = read_frame(caller, HELLO_BYTES_MAX).await.unwrap();
        from_canonical_max(&frame, HELLO_BYTES_MAX).unwrap()
    }

    fn refused(refusal: Refusal) -> RelayAnswer {
        RelayAnswer::Refused { refusal }
    }
}
