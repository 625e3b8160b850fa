//! The steps of the protocol and the header that every message opens with [MPC-3].

/// Bytes of a message header: step tag, then the message's number between these two parties.
pub(crate) const HEADER_BYTES: usize = 5;

/// A step of the protocol in which a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Passing on one's piece of the client's bits [MPC-11].
    Input = 1,
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
}

impl Step {
    /// Returns the byte that stands for this step in a message.
    pub const fn tag(self) -> u8 {
        self as u8
    }
}

/// Puts the header in front of a payload.
pub(crate) fn frame(step: Step, number: u32, payload: &[u8]) -> alloc::vec::Vec<u8> {
    let mut message = alloc::vec::Vec::with_capacity(HEADER_BYTES + payload.len());
    message.push(step.tag());
    message.extend_from_slice(&number.to_le_bytes());
    message.extend_from_slice(payload);
    message
}
