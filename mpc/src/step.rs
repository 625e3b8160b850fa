//! The steps of the protocol and the header that every message opens with [MPC-3].

/// Bytes of a message header: step tag, lane, then the message's number in this lane between
/// these two parties.
pub(crate) const HEADER_BYTES: usize = 9;

/// A step of the protocol in which a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Blanking code bits of invalid cells [MPC-12].
    Blank = 2,
    /// Bit injection: party 2 deals the XOR of two components [MPC-13].
    Deal = 3,
    /// Bit injection: parties 0 and 1 exchange their masked summands [MPC-13].
    Inject = 4,
    /// Party 0 passes its masked score to party 1 [MPC-31].
    Score = 5,
    /// A party shares the bits of a summand that it alone knows [MPC-31].
    Summand = 6,
    /// One carry of the ripple adder [MPC-32].
    Carry = 7,
    /// One level of the AND over all alignments [MPC-33].
    Alignments = 8,
    /// The missing component of opened bits [MPC-34].
    Open = 9,
    /// The hash of the missing component of opened bits [MPC-34].
    OpenHash = 10,
    /// A party has every message that the proofs speak of [MPC-41].
    Ready = 11,
    /// What a prover tells the next party [MPC-42].
    Proof = 12,
    /// What the next party asks a prover [MPC-42].
    Challenge = 13,
    /// What the previous party tells the next one about a proof [MPC-44].
    ProofEnd = 14,
    /// Masked sums of shares, from one auditor to the other [MPC-51].
    AuditMask = 15,
    /// The seed of the public rows of an audit [MPC-52].
    AuditSeed = 16,
    /// Products of the audited party with the public rows [MPC-53].
    AuditScore = 17,
    /// The hash of an auditor's half of the check [MPC-54].
    AuditHash = 18,
    /// A party accepts every proof and audit of the run [MPC-45].
    Accept = 19,
    /// A party passes on its masked scores [MPC-35].
    Rescore = 20,
    /// A prover repeats to the previous party what the next one asked it [MPC-43].
    Repeat = 22,
    /// What the three must agree on before they start [MPC-5].
    Preface = 21,
    /// One level of a comparison of integers [MPC-63].
    Compare = 32,
    /// One level of an AND over many bits [MPC-64].
    Conjunction = 33,
    /// One level of the tree of a public set [MPC-65].
    Member = 34,
    /// The commitment to a contribution to an epoch's key [MPC-70].
    Commit = 35,
    /// A contribution to an epoch's key [MPC-70].
    Contribute = 36,
    /// The keyed hash of what a refresh added [MPC-72].
    Refreshed = 37,
    /// A helper's masked term of some shares of a replaced party [MPC-80].
    Restore = 38,
    /// The replaced party has a chunk [MPC-80].
    Restored = 39,
}

impl Step {
    /// Returns the byte that stands for this step in a message.
    pub const fn tag(self) -> u8 {
        self as u8
    }
}

/// Puts the header in front of a payload.
pub(crate) fn frame(step: Step, lane: u32, number: u32, payload: &[u8]) -> alloc::vec::Vec<u8> {
    let mut message = alloc::vec::Vec::with_capacity(HEADER_BYTES + payload.len());
    message.push(step.tag());
    message.extend_from_slice(&lane.to_le_bytes());
    message.extend_from_slice(&number.to_le_bytes());
    message.extend_from_slice(payload);
    message
}

/// Reads step tag, lane and number of a message, if it is long enough.
pub(crate) fn header(message: &[u8]) -> Option<(u8, u32, u32)> {
    let [tag, l0, l1, l2, l3, n0, n1, n2, n3] = *message.first_chunk::<HEADER_BYTES>()?;
    let lane = u32::from_le_bytes([l0, l1, l2, l3]);
    Some((tag, lane, u32::from_le_bytes([n0, n1, n2, n3])))
}
