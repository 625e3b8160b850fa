//! The socket around [`Custody`]: frames, deadlines, limits. It holds no rule of release.

use std::sync::Arc;
use std::time::Duration;

use boop_daemon::{AttestedError, now_ms, read_frame, write_frame};
use boop_wire::Refusal;
use boop_wire::codec::to_canonical;
use boop_wire::release::{RELEASE_BYTES_MAX, ReleaseAnswer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::custody::{Conversation, Custody, ReleaseError};

/// Most connections at once.
pub const CONNECTIONS_MAX: usize = 16;
/// Longest time for a release, from connection to answer.
const RELEASE_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest time to tell a caller that it is turned away.
const TURN_AWAY_TIME_MAX: Duration = Duration::from_millis(200);
/// Pause after a failed accept, which tends to mean that descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a conversation ended before its answer.
#[derive(Debug, thiserror::Error)]
pub enum ConverseError {
    /// The connection failed.
    #[error("the connection failed")]
    Connection(#[from] AttestedError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Random,
    /// The caller was too slow.
    #[error("the caller took too long")]
    Timeout,
    /// The program failed.
    #[error("the release task failed")]
    Task,
}

/// Serves connections for ever.
pub async fn serve(listener: TcpListener, custody: Arc<Custody>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let (mut stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(event = "accept-failed", %error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = Arc::clone(&places).try_acquire_owned();
        let (Ok(place), true) = (place, custody.admits_attempt(now_ms())) else {
            turn_away(&mut stream).await;
            continue;
        };
        let custody = Arc::clone(&custody);
        tokio::spawn(async move {
            if let Err(error) = converse(stream, custody, RELEASE_TIME_MAX).await {
                tracing::info!(event = "connection-ended", %error);
            }
            drop(place);
        });
    }
}

/// Answers the requests of one connection until a key is released or refused.
///
/// # Errors
/// If the connection or the program fails first, or the caller takes longer than `limit`.
pub async fn converse<S>(
    stream: S,
    custody: Arc<Custody>,
    limit: Duration,
) -> Result<(), ConverseError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    tokio::time::timeout(limit, answer_all(stream, custody))
        .await
        .map_err(|_| ConverseError::Timeout)?
}

async fn answer_all<S>(mut stream: S, custody: Arc<Custody>) -> Result<(), ConverseError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut conversation = Conversation::new(Arc::clone(&custody));
    while !conversation.is_over() {
        let frame = match read_frame(&mut stream, RELEASE_BYTES_MAX).await {
            Ok(frame) => frame,
            Err(AttestedError::Frame(_)) => {
                let refusal = custody.refuse(&ReleaseError::TooLarge, None, now_ms());
                return send(&mut stream, &ReleaseAnswer::Refused { refusal }).await;
            }
            Err(error) => return Err(error.into()),
        };
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|_| ConverseError::Random)?;
        // Judging takes milliseconds and a release waits for the disk.
        let handled = tokio::task::spawn_blocking(move || {
            let answer = conversation.handle(&frame, fresh, now_ms());
            (conversation, answer)
        });
        let (continued, answer) = handled.await.map_err(|_| ConverseError::Task)?;
        conversation = continued;
        send(&mut stream, &answer).await?;
    }
    let _ = stream.shutdown().await;
    Ok(())
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    answer: &ReleaseAnswer,
) -> Result<(), ConverseError> {
    write_frame(stream, &to_canonical(answer), RELEASE_BYTES_MAX).await?;
    Ok(())
}

async fn turn_away(stream: &mut TcpStream) {
    tracing::warn!(event = "turned-away", refusal = Refusal::Busy.code());
    let answer = ReleaseAnswer::Refused {
        refusal: Refusal::Busy,
    };
    // A fresh connection takes these few bytes at once; a caller that does not is just dropped.
    let _ = tokio::time::timeout(TURN_AWAY_TIME_MAX, send(stream, &answer)).await;
}

#[cfg(test)]
mod tests {
    use boop_wire::PartyIndex;
    use boop_wire::codec::from_canonical_max;
    use boop_wire::release::ReleaseRequest;
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn a_begin_is_answered_with_a_challenge_that_no_other_connection_gets() {
        let (world, address) = start(30).await;
        let begin = to_canonical(&ReleaseRequest::Begin {
            party: world.settings.party,
        });
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();

        let first = ask(&mut first, &begin).await;
        let second = ask(&mut second, &begin).await;

        let ReleaseAnswer::Challenge {
            challenge,
            mechanism,
        } = first
        else {
            panic!("{first:?}");
        };
        assert_ne!(challenge, [0; 32]);
        assert_ne!(
            second,
            ReleaseAnswer::Challenge {
                challenge,
                mechanism
            }
        );
    }

    #[tokio::test]
    async fn malformed_bytes_are_refused_and_the_connection_closed() {
        let (_world, address) = start(30).await;
        let mut stream = TcpStream::connect(address).await.unwrap();

        assert_eq!(
            ask(&mut stream, b"hello").await,
            refused(Refusal::Malformed)
        );
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn another_party_is_refused_over_the_socket() {
        let (_world, address) = start(30).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let begin = to_canonical(&ReleaseRequest::Begin {
            party: PartyIndex::ALL[2],
        });

        assert_eq!(ask(&mut stream, &begin).await, refused(Refusal::WrongRole));
    }

    #[tokio::test]
    async fn an_announced_length_above_the_limit_is_refused_before_the_bytes_come() {
        let (world, address) = start(30).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let announced = u32::try_from(RELEASE_BYTES_MAX + 1).unwrap();

        stream.write_u32(announced).await.unwrap();

        assert_eq!(receive(&mut stream).await, refused(Refusal::TooLarge));
        assert!(world.audit_lines()[0].contains(r#""refusal":"too-large""#));
    }

    #[tokio::test]
    async fn one_connection_more_than_the_limit_is_turned_away_as_busy() {
        let (_world, address) = start(30).await;
        let mut waiting = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            waiting.push(TcpStream::connect(address).await.unwrap());
        }

        let mut stream = TcpStream::connect(address).await.unwrap();

        assert_eq!(receive(&mut stream).await, refused(Refusal::Busy));
    }

    #[tokio::test]
    async fn a_silent_caller_is_dropped_in_time() {
        let world = World::new(30);
        let (_silent, stream) = tokio::io::duplex(64);

        let result = converse(stream, world.custody(), Duration::from_millis(20)).await;

        assert!(matches!(result, Err(ConverseError::Timeout)), "{result:?}");
    }

    fn refused(refusal: Refusal) -> ReleaseAnswer {
        ReleaseAnswer::Refused { refusal }
    }

    async fn start(per_minute: u32) -> (World, std::net::SocketAddr) {
        let world = World::new(per_minute);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, world.custody()));
        (world, address)
    }

    async fn ask(stream: &mut TcpStream, request: &[u8]) -> ReleaseAnswer {
        write_frame(stream, request, RELEASE_BYTES_MAX)
            .await
            .unwrap();
        receive(stream).await
    }

    async fn receive(stream: &mut TcpStream) -> ReleaseAnswer {
        let frame = read_frame(stream, RELEASE_BYTES_MAX).await.unwrap();
        from_canonical_max(&frame, RELEASE_BYTES_MAX).unwrap()
    }
}
