//! Files sealed to a holder's `age` key, as the program `age` writes and opens them
//! (<https://age-encryption.org/v1>, recipients of X25519), so that holders may keep and open
//! their shares by tools of their own choice.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

const VERSION: &str = "age-encryption.org/v1";
const WRAP_INFO: &[u8] = b"age-encryption.org/v1/X25519";
const RECIPIENT_PREFIX: &str = "age";
const IDENTITY_PREFIX: &str = "age-secret-key-";
const FILE_KEY_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// Length of a full line of a stanza's body.
const BODY_LINE: usize = 64;
/// What fits one chunk; ours are far shorter.
const PLAIN_BYTES_MAX: usize = 64 * 1024;
/// Longest file: a chunk, and a header of some recipients.
const FILE_BYTES_MAX: usize = PLAIN_BYTES_MAX + 16 * 1024;

/// Random bytes for one sealing.
#[derive(Debug, Clone, Copy)]
pub struct SealingSeed(pub [u8; 64]);

/// A public key: `age1…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

/// A private key: `AGE-SECRET-KEY-1…`.
pub struct Identity {
    seed: Zeroizing<[u8; 32]>,
    recipient: Recipient,
}

/// Why something of `age` is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgeError {
    /// The text is no X25519 recipient.
    #[error("no age recipient: it begins with `age1` and is of X25519")]
    Recipient,
    /// The text is no identity.
    #[error("no age identity: a line of it begins with `AGE-SECRET-KEY-1`")]
    Identity,
    /// The file is not what `age` writes, was changed, or holds more than a share.
    #[error("not an age file, or a changed one")]
    File,
    /// The file is sealed to others.
    #[error("the age file is sealed to others")]
    OtherHolder,
    /// The bytes are more than one chunk holds.
    #[error("too long to be sealed")]
    TooLong,
}

impl Recipient {
    /// Seals `plain` to the holder of the key.
    ///
    /// # Errors
    /// If the key is of low order, or `plain` too long.
    pub fn seal(&self, plain: &[u8], seed: &SealingSeed) -> Result<Vec<u8>, AgeError> {
        if plain.len() > PLAIN_BYTES_MAX {
            return Err(AgeError::TooLong);
        }
        let (ephemeral, rest) = seed.0.split_at(32);
        let (file_key, nonce) = rest.split_at(FILE_KEY_BYTES);
        let ephemeral = private(ephemeral).ok_or(AgeError::Recipient)?;
        let share = public_of(&ephemeral).ok_or(AgeError::Recipient)?;
        let wrap = wrap_key(&ephemeral, &self.0, &share, self).ok_or(AgeError::Recipient)?;
        let body = encrypt(&wrap, false, file_key);
        let base64 = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
        let header = format!(
            "{VERSION}\n-> X25519 {}\n{}\n---",
            base64(&share),
            base64(&body)
        );
        let mac = header_mac(file_key, header.as_bytes());
        let mut file = format!("{header} {}\n", base64(mac.as_ref())).into_bytes();
        file.extend_from_slice(nonce);
        file.extend(encrypt(&payload_key(file_key, nonce), true, plain));
        Ok(file)
    }
}

impl Identity {
    /// Makes an identity of 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let public = private(&*seed).as_ref().and_then(public_of);
        let public = public.expect("every 32 bytes are a private key of X25519");
        Self {
            seed,
            recipient: Recipient(public),
        }
    }

    /// Returns the public key.
    pub fn recipient(&self) -> Recipient {
        self.recipient.clone()
    }

    /// Reads the file that `age-keygen` writes: the first identity in it.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_file(text: &str) -> Result<Self, AgeError> {
        let mut lines = text.lines().map(str::trim);
        let line = lines.find(|line| line.starts_with("AGE-SECRET-KEY-1"));
        line.ok_or(AgeError::Identity)?.parse()
    }

    /// Returns the line that a file of identities holds.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let prefix = Hrp::parse_unchecked(IDENTITY_PREFIX);
        let text = bech32::encode_upper::<Bech32>(prefix, &*self.seed);
        Zeroizing::new(text.expect("32 bytes are short enough"))
    }

    /// Opens a file that is sealed to this identity, among others or alone.
    ///
    /// # Errors
    /// If it is sealed to others alone, or was changed.
    pub fn open(&self, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, AgeError> {
        let Header {
            stanzas,
            authenticated,
            mac,
            payload,
        } = Header::parse(file).ok_or(AgeError::File)?;
        let mut keys = stanzas.iter().filter_map(|stanza| self.unwrap(stanza));
        let file_key = keys.next().ok_or(AgeError::OtherHolder)?;
        let key = hmac_key(&file_key);
        hmac::verify(&key, authenticated, &mac).map_err(|_| AgeError::File)?;
        let (nonce, chunk) = payload.split_at_checked(16).ok_or(AgeError::File)?;
        decrypt(&payload_key(&file_key, nonce), true, chunk).ok_or(AgeError::File)
    }

    fn unwrap(&self, stanza: &Stanza<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let ["X25519", share] = stanza.arguments.as_slice() else {
            return None;
        };
        let share: [u8; 32] = STANDARD_NO_PAD.decode(share).ok()?.try_into().ok()?;
        let key = wrap_key(&private(&*self.seed)?, &share, &share, &self.recipient)?;
        let file_key = decrypt(&key, false, &stanza.body)?;
        (file_key.len() == FILE_KEY_BYTES).then_some(file_key)
    }
}

impl FromStr for Recipient {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let bytes = bech32_bytes(text, RECIPIENT_PREFIX).ok_or(AgeError::Recipient)?;
        if text.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(AgeError::Recipient);
        }
        Ok(Self(*bytes))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = Hrp::parse_unchecked(RECIPIENT_PREFIX);
        bech32::encode_lower_to_fmt::<Bech32, _>(f, prefix, &self.0).map_err(|_| fmt::Error)
    }
}

impl FromStr for Identity {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let bytes = bech32_bytes(text, IDENTITY_PREFIX).ok_or(AgeError::Identity)?;
        Ok(Self::from_seed(*bytes))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity([secret])")
    }
}

struct Header<'a> {
    stanzas: Vec<Stanza<'a>>,
    /// What the code is over.
    authenticated: &'a [u8],
    mac: Vec<u8>,
    payload: &'a [u8],
}

struct Stanza<'a> {
    arguments: Vec<&'a str>,
    body: Vec<u8>,
}

impl<'a> Header<'a> {
    fn parse(file: &'a [u8]) -> Option<Self> {
        if file.len() > FILE_BYTES_MAX {
            return None;
        }
        let mut at = 0;
        let mut line = || {
            let rest = &file[at..];
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let start = at;
            at += end + 1;
            Some((start, std::str::from_utf8(&rest[..end]).ok()?, at))
        };
        if line()?.1 != VERSION {
            return None;
        }
        let mut stanzas = Vec::new();
        loop {
            let (start, text, end) = line()?;
            if let Some(mac) = text.strip_prefix("--- ") {
                return Some(Self {
                    stanzas,
                    authenticated: &file[..start + 3],
                    mac: STANDARD_NO_PAD.decode(mac).ok()?,
                    payload: &file[end..],
                });
            }
            let arguments = text.strip_prefix("-> ")?.split(' ').collect();
            let mut body = String::new();
            loop {
                let (_, text, _) = line()?;
                body.push_str(text);
                if text.len() < BODY_LINE {
                    break;
                }
            }
            let body = STANDARD_NO_PAD.decode(body).ok()?;
            stanzas.push(Stanza { arguments, body });
        }
    }
}

fn bech32_bytes(text: &str, prefix: &str) -> Option<Zeroizing<[u8; 32]>> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    if !checked.hrp().as_str().eq_ignore_ascii_case(prefix) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let mut from = checked.byte_iter();
    for byte in bytes.iter_mut() {
        *byte = from.next()?;
    }
    from.next().is_none().then_some(bytes)
}

fn private(seed: &[u8]) -> Option<PrivateKey> {
    PrivateKey::from_private_key(&X25519, seed).ok()
}

fn public_of(private: &PrivateKey) -> Option<[u8; 32]> {
    let public = private.compute_public_key().ok()?;
    public.as_ref().try_into().ok()
}

/// Returns the key that wraps the file's: of the agreement of `private` with `theirs`.
fn wrap_key(
    private: &PrivateKey,
    theirs: &[u8; 32],
    share: &[u8; 32],
    recipient: &Recipient,
) -> Option<Zeroizing<[u8; 32]>> {
    let theirs = UnparsedPublicKey::new(&X25519, theirs);
    // A point of low order gives nothing.
    agreement::agree(private, theirs, (), |shared| {
        let salt = [share.as_slice(), &recipient.0].concat();
        Ok(derive(shared, &salt, WRAP_INFO))
    })
    .ok()
}

fn payload_key(file_key: &[u8], nonce: &[u8]) -> Zeroizing<[u8; 32]> {
    derive(file_key, nonce, b"payload")
}

fn hmac_key(file_key: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &*derive(file_key, &[], b"header"))
}

fn header_mac(file_key: &[u8], header: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac_key(file_key), header)
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(info, &mut *key)
        .expect("HKDF-SHA-256 gives up to 8160 bytes, and 32 are asked");
    key
}

fn chacha(key: &[u8; 32]) -> LessSafeKey {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key);
    LessSafeKey::new(key.expect("a key of 32 bytes"))
}

/// Every key here encrypts one thing: a file key, or a chunk, the first and last.
fn nonce(last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

fn encrypt(key: &[u8; 32], last: bool, plain: &[u8]) -> Vec<u8> {
    // Room for the tag too, so that no copy is left behind by a growing vector.
    let mut bytes = Vec::with_capacity(plain.len() + TAG_BYTES);
    bytes.extend_from_slice(plain);
    chacha(key)
        .seal_in_place_append_tag(nonce(last), Aad::empty(), &mut bytes)
        .expect("a chunk is far shorter than the cipher's limit");
    bytes
}

fn decrypt(key: &[u8; 32], last: bool, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if bytes.len() > PLAIN_BYTES_MAX + TAG_BYTES {
        return None;
    }
    let mut bytes = Zeroizing::new(bytes.to_vec());
    let opened = chacha(key).open_in_place(nonce(last), Aad::empty(), &mut bytes);
    let length = opened.ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// Made by `age-keygen` 1.1.1, and a file sealed to it by `age`.
    const IDENTITY: &str =
        "AGE-SECRET-KEY-1MGYLMP9A7EWYWFWG7ZR7KG94YMDL49MQRVVGVPZQ0R5FXSFG6R5SF6LLNJ";
    const RECIPIENT: &str = "age1u9avhk9x8glgrqhy39mjs4zrzz7zyd4r7t2kjnc7f53x9z2ww54q6wmh8m";
    const SEALED: &str = "\
        6167652d656e6372797074696f6e2e6f72672f76310a2d3e205832353531392062794439566176423330\
        4149684c666f6a48385832334c357944796d36497a4668583265726935302f79510a6f466f7964466146\
        6a5859306c6b467954336d736f4f4d434c50784744446931305a3945714477576956770a2d2d2d20784b\
        303452465a5876587662456e7250364b4d374f564f6b6d504331534f78364f7634664c76394e596f630a\
        0b754ddc73b5bb7a96c945fbaba1fd0b9667d470f99a2250f55f6ed961dc8efa5ff7ef7be177e2f53682\
        e55d702e983d14";

    #[test]
    fn what_age_sealed_opens() {
        let identity: Identity = IDENTITY.parse().unwrap();
        assert_eq!(identity.recipient().to_string(), RECIPIENT);
        assert_eq!(RECIPIENT.parse(), Ok(identity.recipient()));
        assert_eq!(*identity.expose_text(), IDENTITY);

        let opened = identity.open(&hex::decode(SEALED).unwrap()).unwrap();

        assert_eq!(*opened, b"a share of a key\n");
        let text = format!("# created: some day\n# public key: {RECIPIENT}\n{IDENTITY}\n");
        let read = Identity::from_file(&text).unwrap();
        assert_eq!(read.recipient(), identity.recipient());
    }

    #[test]
    fn what_is_sealed_opens_for_its_holder_alone_and_whole_alone() {
        let [holder, other] = [1, 2].map(|seed| Identity::from_seed([seed; 32]));
        let sealed = holder.recipient().seal(b"share", &seed(3)).unwrap();

        assert_eq!(*holder.open(&sealed).unwrap(), b"share");
        assert_eq!(other.open(&sealed).unwrap_err(), AgeError::OtherHolder);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(holder.open(&changed).is_err(), "byte {at}");
            assert!(holder.open(&sealed[..at]).is_err(), "{at} bytes");
        }
        let again = holder.recipient().seal(b"share", &seed(4)).unwrap();
        assert_ne!(again, sealed);
    }

    #[test]
    fn the_program_age_opens_what_we_seal() {
        if Command::new("age").arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "age is not installed");
            println!("age is not installed (.ci/tokens does it): not run");
            return;
        }
        let identity: Identity = IDENTITY.parse().unwrap();
        let sealed = identity.recipient().seal(b"share", &seed(3)).unwrap();
        let mut key = tempfile::NamedTempFile::new().unwrap();
        writeln!(key, "{}", &*identity.expose_text()).unwrap();

        let mut age = Command::new("age")
            .args(["--decrypt", "--identity"])
            .arg(key.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        age.stdin.take().unwrap().write_all(&sealed).unwrap();

        assert_eq!(age.wait_with_output().unwrap().stdout, b"share");
    }

    #[test]
    fn other_texts_are_no_keys() {
        let other = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";
        let upper = RECIPIENT.to_uppercase();
        for text in ["", "age1", IDENTITY, other, &upper, "ssh-ed25519 AAAA"] {
            assert_eq!(
                text.parse::<Recipient>(),
                Err(AgeError::Recipient),
                "{text}"
            );
        }
        for text in ["", "# nothing here", RECIPIENT] {
            assert_eq!(Identity::from_file(text).unwrap_err(), AgeError::Identity);
        }
        assert_eq!(
            RECIPIENT.parse::<Identity>().unwrap_err(),
            AgeError::Identity
        );
        let identity = Identity::from_seed([1; 32]);
        assert_eq!(format!("{identity:?}"), "Identity([secret])");
    }

    #[test]
    fn what_is_too_long_or_to_a_key_of_low_order_is_not_sealed() {
        let holder = Identity::from_seed([1; 32]).recipient();
        let long = vec![0; PLAIN_BYTES_MAX + 1];
        assert_eq!(holder.seal(&long, &seed(3)), Err(AgeError::TooLong));
        let low = Recipient([0; 32]);
        assert_eq!(low.seal(b"share", &seed(3)), Err(AgeError::Recipient));
        let file = vec![b'a'; FILE_BYTES_MAX + 1];
        let opened = Identity::from_seed([1; 32]).open(&file);
        assert_eq!(opened.unwrap_err(), AgeError::File);
    }

    fn seed(byte: u8) -> SealingSeed {
        let mut seed = [byte; 64];
        seed[0] = 0;
        SealingSeed(seed)
    }
}
