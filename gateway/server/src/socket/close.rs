//! Why a connection ends, as a WebSocket's close code. Below 3500 it is worth coming back.

use boop_wire::Refusal;

/// The gateway leaves; the reason says after how many milliseconds to come back.
pub(super) const LEAVING: u16 = 3001;
/// The token's time is over.
const EXPIRED: u16 = 3005;
/// The other end reads too slowly.
pub(super) const SLOW: u16 = 3008;
/// There are too many streams or sockets.
const BUSY: u16 = 3009;
/// The gateway failed.
const FAILED: u16 = 3010;
/// Another connection has taken this one's place.
pub(super) const REPLACED: u16 = 3500;
/// The login is not good.
const UNAUTHENTICATED: u16 = 3501;
/// What came is no message.
const MALFORMED: u16 = 3502;
/// What came may not come first.
const UNEXPECTED: u16 = 3503;

/// Returns the code for a refusal that ends a connection.
pub(super) fn code_of(refusal: Refusal) -> u16 {
    match refusal {
        Refusal::Malformed | Refusal::TooLarge => MALFORMED,
        Refusal::Unauthenticated => UNAUTHENTICATED,
        Refusal::Unexpected => UNEXPECTED,
        Refusal::Expired => EXPIRED,
        Refusal::Busy => BUSY,
        _ => FAILED,
    }
}
