//! Signed notes (C2SP signed-note): a text, an empty line, and one line for each signature.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::key::{KEY_ID_BYTES, KeyName, SignerKey, VerifierKey};
use crate::text::{from_base64, to_base64};

/// Bytes of the largest note this crate reads.
pub const NOTE_BYTES_MAX: usize = 256 * 1024;
/// Signatures of a note at most; the format asks for sixteen or more.
pub const SIGNATURES_MAX: usize = 64;

const SIGNATURE_START: &str = "\u{2014} ";

/// A note. Its text means nothing before [`Note::verify`] has named who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: KeyName,
    /// Id of the key.
    pub id: [u8; KEY_ID_BYTES],
    /// What follows the id; its shape depends on the type of the key.
    pub bytes: Vec<u8>,
}

/// A key that signed a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'k> {
    /// The key, one of those the caller trusts.
    pub key: &'k VerifierKey,
    /// Time of a cosignature, in seconds since 1970; none for a plain signature.
    pub time_s: Option<u64>,
}

/// Why bytes are not a signed note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteParseError {
    /// The note is longer than [`NOTE_BYTES_MAX`].
    #[error("the note has {0} bytes, which is too many")]
    TooLong(usize),
    /// There is a control character other than newline.
    #[error("the note has a control character")]
    Control,
    /// No empty line stands between text and signatures, or no newline at the end.
    #[error("the note has no empty line before signatures that end in a newline")]
    Shape,
    /// A signature line is not `dash name base64`.
    #[error("signature line {0} is malformed")]
    Signature(usize),
    /// There are more than [`SIGNATURES_MAX`] signatures.
    #[error("the note has too many signatures")]
    TooManySignatures,
}

/// Why a text cannot become a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a note text ends in a newline and has no other control character")]
pub struct NoteTextError;

/// Why a note is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteVerifyError {
    /// A trusted key stands under the note and its signature is wrong.
    #[error("the signature of key {0} is wrong")]
    BadSignature(KeyName),
    /// No trusted key signed the note.
    #[error("no trusted key signed the note")]
    Unsigned,
}

impl Note {
    /// Builds a note without signatures.
    ///
    /// # Errors
    /// When the text has no newline at its end, or another control character.
    pub fn new(text: &str) -> Result<Self, NoteTextError> {
        if !text.ends_with('\n') || has_control(text) {
            return Err(NoteTextError);
        }
        Ok(Self {
            text: text.to_owned(),
            signatures: Vec::new(),
        })
    }

    /// Reads a note without trusting it.
    ///
    /// # Errors
    /// [`NoteParseError`] says what is malformed.
    pub fn parse(note: &str) -> Result<Self, NoteParseError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteParseError::TooLong(note.len()));
        }
        if has_control(note) {
            return Err(NoteParseError::Control);
        }
        // The last empty line divides: the text itself may have empty lines.
        let end = note.rfind("\n\n").ok_or(NoteParseError::Shape)?;
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        let signatures = signatures.strip_suffix('\n').ok_or(NoteParseError::Shape)?;
        let mut parsed = Vec::new();
        for (index, line) in signatures.split('\n').enumerate() {
            if index == SIGNATURES_MAX {
                return Err(NoteParseError::TooManySignatures);
            }
            let signature = NoteSignature::parse(line).ok_or(NoteParseError::Signature(index))?;
            parsed.push(signature);
        }
        Ok(Self {
            text: text.to_owned(),
            signatures: parsed,
        })
    }

    /// Returns the text, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the signatures, trusted or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature; `time_s` is the time of a cosignature and unused by a log's key.
    pub fn sign(&mut self, key: &SignerKey, time_s: u64) {
        let public = key.verifier();
        self.signatures.push(NoteSignature {
            name: public.name().clone(),
            id: public.id(),
            bytes: key.sign(&self.text, time_s),
        });
    }

    /// Adds a signature made elsewhere, which [`Note::verify`] judges like any other.
    pub fn add(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// Names those of `keys` that signed, each once, in the order of their signatures.
    ///
    /// Signatures of unknown keys are passed over (C2SP signed-note, "Signatures").
    ///
    /// # Errors
    /// When a known key's signature is wrong, or none of the keys signed.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<Signed<'k>>, NoteVerifyError> {
        let mut signed: Vec<Signed<'k>> = Vec::new();
        for signature in &self.signatures {
            let known =
                |key: &&VerifierKey| *key.name() == signature.name && key.id() == signature.id;
            let Some(key) = keys.iter().find(known) else {
                continue;
            };
            let time_s = key
                .verify(&self.text, &signature.bytes)
                .map_err(|_| NoteVerifyError::BadSignature(key.name().clone()))?;
            if signed.iter().all(|earlier| earlier.key != key) {
                signed.push(Signed { key, time_s });
            }
        }
        if signed.is_empty() {
            Err(NoteVerifyError::Unsigned)
        } else {
            Ok(signed)
        }
    }
}

impl NoteSignature {
    /// Reads one line without its newline; `None` if it is no signature line.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(SIGNATURE_START)?.split_once(' ')?;
        let bytes = from_base64(signature)?;
        let (id, rest) = bytes.split_first_chunk::<KEY_ID_BYTES>()?;
        if rest.is_empty() {
            return None;
        }
        Some(Self {
            name: KeyName::new(name).ok()?,
            id: *id,
            bytes: rest.to_vec(),
        })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(&self.bytes);
        write!(f, "{SIGNATURE_START}{} {}", self.name, to_base64(&bytes))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::key::KeyType;

    #[test]
    fn a_signed_note_reads_and_prints_the_same() {
        let (note, keys) = signed("first\n\nthird\n", &[1, 2]);

        let read = Note::parse(&note.to_string()).unwrap();

        assert_eq!(read, note);
        assert_eq!(read.text(), "first\n\nthird\n");
        assert_eq!(names(&read.verify(&keys).unwrap()), ["key1", "key2"]);
    }

    #[test]
    fn signatures_of_unknown_keys_are_passed_over() {
        let (mut note, keys) = signed("text\n", &[1]);
        let same_name = signer(1, 9);
        note.sign(&same_name, 0);
        note.sign(&signer(9, 1), 0);

        assert_eq!(names(&note.verify(&keys).unwrap()), ["key1"]);
    }

    #[test]
    fn a_note_without_a_trusted_signature_is_refused() {
        let (note, _) = signed("text\n", &[1]);

        assert_eq!(
            note.verify(&[signer(2, 2).verifier().clone()]),
            Err(NoteVerifyError::Unsigned)
        );
        assert_eq!(note.verify(&[]), Err(NoteVerifyError::Unsigned));
    }

    #[test]
    fn one_wrong_signature_of_a_known_key_condemns_the_note() {
        let (note, keys) = signed("text\n", &[1, 2]);
        let mut forged = note.clone();
        forged.signatures[1].bytes[0] ^= 1;
        let mut short = note;
        short.signatures[1].bytes.truncate(63);

        for note in [forged, short] {
            let key = KeyName::new("key2").unwrap();
            assert_eq!(note.verify(&keys), Err(NoteVerifyError::BadSignature(key)));
        }
    }

    #[test]
    fn a_cosignature_tells_its_time_and_signs_it() {
        let key = SignerKey::from_seed(name(1), KeyType::Cosignature, &[1; 32]);
        let keys = [key.verifier().clone()];
        let mut note = Note::new("log\n1\nroot\n").unwrap();
        note.sign(&key, 1_679_315_147);

        assert_eq!(note.verify(&keys).unwrap()[0].time_s, Some(1_679_315_147));
        let refused = Err(NoteVerifyError::BadSignature(name(1)));
        let mut later = note.clone();
        later.signatures[0].bytes[7] ^= 1;
        assert_eq!(later.verify(&keys), refused);
        let mut stub = note.clone();
        stub.signatures[0].bytes.truncate(7);
        assert_eq!(stub.verify(&keys), refused);
        let mut beyond = Note::new("log\n1\nroot\n").unwrap();
        beyond.sign(&key, 1 << 63);
        assert_eq!(beyond.verify(&keys), refused);
    }

    #[test]
    fn malformed_notes_are_refused_with_the_reason() {
        let (note, _) = signed("text\n", &[1]);
        let line = note.signatures[0].to_string();
        let many = line.clone() + "\n";
        let cases = [
            ("text\n".to_string(), NoteParseError::Shape),
            (format!("text\n{line}\n"), NoteParseError::Shape),
            (format!("text\n\n{line}"), NoteParseError::Shape),
            ("text\n\n\n".to_string(), NoteParseError::Shape),
            (format!("te\txt\n\n{line}\n"), NoteParseError::Control),
            (format!("te\rxt\n\n{line}\n"), NoteParseError::Control),
            (
                format!("text\n\n{line}\n{}\n", line.replace('\u{2014}', "-")),
                bad_line(1),
            ),
            (format!("text\n\n{line} \n"), bad_line(0)),
            (
                format!("text\n\n{SIGNATURE_START}key1 AAAAAA==\n"),
                bad_line(0),
            ),
            (format!("text\n\n{SIGNATURE_START}key1 AAA=\n"), bad_line(0)),
            (format!("text\n\n{SIGNATURE_START} AAAAAAA=\n"), bad_line(0)),
            (
                format!("text\n\n{}", many.repeat(SIGNATURES_MAX + 1)),
                NoteParseError::TooManySignatures,
            ),
            (
                "x".repeat(NOTE_BYTES_MAX + 1),
                NoteParseError::TooLong(NOTE_BYTES_MAX + 1),
            ),
        ];

        for (text, expected) in cases {
            let start: String = text.chars().take(40).collect();
            assert_eq!(Note::parse(&text), Err(expected), "{start:?}");
        }
        assert!(Note::parse(&format!("text\n\n{}", many.repeat(SIGNATURES_MAX))).is_ok());
    }

    #[test]
    fn a_text_that_no_note_can_carry_is_refused() {
        for text in ["", "no newline", "tab\t\n"] {
            assert_eq!(Note::new(text), Err(NoteTextError));
        }
    }

    fn bad_line(index: usize) -> NoteParseError {
        NoteParseError::Signature(index)
    }

    fn name(number: u8) -> KeyName {
        KeyName::new(&format!("key{number}")).unwrap()
    }

    fn signer(number: u8, seed: u8) -> SignerKey {
        SignerKey::from_seed(name(number), KeyType::Ed25519, &[seed; 32])
    }

    fn signed(text: &str, numbers: &[u8]) -> (Note, Vec<VerifierKey>) {
        let mut note = Note::new(text).unwrap();
        let keys = numbers.iter().map(|&number| signer(number, number));
        let keys = keys.map(|key| {
            note.sign(&key, 0);
            key.verifier().clone()
        });
        let keys = keys.collect();
        (note, keys)
    }

    fn names(signed: &[Signed<'_>]) -> Vec<String> {
        signed
            .iter()
            .map(|signed| signed.key.name().to_string())
            .collect()
    }
}
