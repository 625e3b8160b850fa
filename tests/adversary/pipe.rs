//! Two ends and the wire between them.

use boop_channel::{Expectation, Session, SessionError};
use boop_wire::session::Side;

use crate::cast::{Actor, NOW_MS};

/// Starts one end of a session; the nonce differs by side.
pub(crate) fn session(side: Side, actor: &Actor, expect: Expectation) -> Session {
    let nonce = match side {
        Side::Client => [0xc1; 32],
        Side::Server => [0x5e; 32],
    };
    Session::new(side, actor.local(), expect, nonce).unwrap()
}

/// How both ends of a connection fared.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) client: Result<(), SessionError>,
    pub(crate) server: Result<(), SessionError>,
}

/// Carries bytes between two honest ends until both are silent.
pub(crate) fn converse(client: &mut Session, server: &mut Session) -> Ends {
    converse_at(client, server, NOW_MS)
}

/// Does so at some time.
pub(crate) fn converse_at(client: &mut Session, server: &mut Session, now_ms: u64) -> Ends {
    let mut ends = Ends {
        client: Ok(()),
        server: Ok(()),
    };
    loop {
        let to_server = client.take_output();
        let to_client = server.take_output();
        if to_server.is_empty() && to_client.is_empty() {
            return ends;
        }
        feed(server, (&to_server, now_ms), &mut ends.server);
        feed(client, (&to_client, now_ms), &mut ends.client);
    }
}

/// Gives bytes to an end that has not failed yet.
fn feed(end: &mut Session, (bytes, now_ms): (&[u8], u64), result: &mut Result<(), SessionError>) {
    if result.is_ok() && !bytes.is_empty() {
        *result = end.receive(bytes, now_ms);
    }
}
