//! Every limit of a party, in one place.

/// Templates that a party holds.
pub(crate) const RECORDS_MAX: u64 = 1 << 20;
/// Calls that may wait for their turn.
pub(crate) const CALLS_WAITING_MAX: usize = 64;
/// Requests remembered against use for another subject.
pub(crate) const REQUESTS_REMEMBERED_MAX: usize = 100_000;
/// Jobs of calls that run at once.
pub(crate) const JOBS_AT_ONCE: usize = 4;
/// Jobs that party 0 has begun and that have not started here.
pub(crate) const BEGUN_MAX: usize = 2 * JOBS_AT_ONCE;
/// Messages of one neighbour that may come before their job starts here.
pub(crate) const EARLY_STEPS_MAX: usize = 16 * BEGUN_MAX;
/// Records that are prepared for searches in one job. With so many or fewer to prepare, a party
/// lets calls wait and does not turn them away.
pub(crate) const PREPARED_AT_ONCE: u64 = 4_096;
/// Pause before a preparation that failed is begun again, in milliseconds.
pub(crate) const PREPARE_RETRY_MS: u64 = 250;
/// Pause between two times that party 0 has the others make ready for a refresh, in milliseconds.
pub(crate) const REFRESH_PAUSE_MS: u64 = 1_000;
/// Records of a refresh for which the planning has a millisecond more.
const REFRESH_RECORDS_PER_MS: u64 = 2;
/// Blobs that are asked for before the first of them has come.
pub(crate) const BLOBS_AHEAD: u64 = 16;
/// Records of which a party that lost its store is told at once.
pub(crate) const FACTS_AT_ONCE: usize = 128;
/// Records between two notes of how far the reading of the store is.
pub(crate) const PROGRESS_EVERY: u64 = 4_096;
/// Longest time of a job from its beginning, in milliseconds, but for its records.
const JOB_MS_MAX: u64 = 8_000;
/// Records for which a job has a millisecond more.
const JOB_RECORDS_PER_MS: u64 = 10;
/// Longest wait of a call for its turn, in milliseconds.
pub(crate) const CALL_WAIT_MS_MAX: u64 = 15_000;
/// Longest wait for a call that party 0 has begun, in milliseconds.
pub(crate) const BEGUN_WAIT_MS_MAX: u64 = 2_000;
/// Pause before a lost stream to a peer is opened again, in milliseconds.
pub(crate) const RELINK_MS: u64 = 250;
/// Pause before a refused key release is tried again, in milliseconds.
pub(crate) const RELEASE_RETRY_MS: u64 = 1_000;
/// Pause between two heads that the custodian puts on record, in milliseconds.
pub(crate) const ANCHOR_PAUSE_MS: u64 = 1_000;
/// Longest time for a custodian's answer, in milliseconds.
pub(crate) const CUSTODIAN_MS_MAX: u64 = 15_000;
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
/// Longest time from being asked to leave to having left, in milliseconds. The host waits longer.
pub(crate) const LEAVE_MS_MAX: u64 = 9_000;
/// How long after a neighbour said that it leaves its absence is an announced one, in milliseconds.
pub(crate) const ABSENCE_MS_MAX: u64 = 10 * 60 * 1000;
/// Longest silence of a neighbour, in milliseconds.
pub(crate) const SILENCE_MS_MAX: u64 = 10_000;

/// Longest time until the three have planned a refresh, in milliseconds.
pub(crate) const fn refresh_ms_max(records: u64) -> u64 {
    JOB_MS_MAX + records / REFRESH_RECORDS_PER_MS
}

/// Longest time of a job over so many records, in milliseconds.
pub(crate) const fn job_ms_max(records: u64) -> u64 {
    JOB_MS_MAX + records / JOB_RECORDS_PER_MS
}
