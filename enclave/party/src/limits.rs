//! Every limit of a party, in one place.

/// Templates that a party holds.
pub(crate) const RECORDS_MAX: u64 = 100_000;
/// Calls that may wait for their turn.
pub(crate) const CALLS_WAITING_MAX: usize = 64;
/// Requests remembered against use for another subject.
pub(crate) const REQUESTS_REMEMBERED_MAX: usize = 100_000;
/// Longest time of a job from its beginning, in milliseconds.
pub(crate) const JOB_MS_MAX: u64 = 8_000;
/// Longest wait of a call for its turn, in milliseconds.
pub(crate) const CALL_WAIT_MS_MAX: u64 = 15_000;
/// Longest wait for a call that party 0 has begun, in milliseconds.
pub(crate) const BEGUN_WAIT_MS_MAX: u64 = 2_000;
/// Pause before a lost stream to a peer is opened again, in milliseconds.
pub(crate) const RELINK_MS: u64 = 250;
/// Pause before a refused key release is tried again, in milliseconds.
pub(crate) const RELEASE_RETRY_MS: u64 = 1_000;
/// Age at which evidence is made anew, in milliseconds.
pub(crate) const EVIDENCE_RENEW_MS: u64 = 5 * 60 * 1000;
/// Gateway sessions at once.
pub(crate) const GATEWAYS_MAX: usize = 16;
/// Streams whose far ends have yet to prove that they are one neighbour.
pub(crate) const CANDIDATES_MAX: usize = 4;
/// Gateway streams whose far ends have yet to prove themselves.
pub(crate) const GATEWAYS_OPENING_MAX: usize = 8;
/// Longest time for a session to be established, in milliseconds.
pub(crate) const OPENING_MS_MAX: u64 = 10_000;
/// Pause between two signs of life to a neighbour, in milliseconds.
pub(crate) const ALIVE_MS: u64 = 1_000;
/// Longest silence of a neighbour, in milliseconds.
pub(crate) const SILENCE_MS_MAX: u64 = 10_000;
