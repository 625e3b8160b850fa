//! The bare signature checks that a piece of evidence needs, taken apart beforehand.
//!
//! This is a reading of its own, which shares no code with the verifier.

use anyhow::{Context, Result, bail};
use minicbor::{Decoder, Encoder};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::evidence::Subject;

/// Bytes of a report that its signature covers.
const SNP_SIGNED_BYTES: usize = 0x2a0;
/// Places of R and S in a report, least significant byte first.
const SNP_SCALARS: [usize; 2] = [0x2a0, 0x2e8];
/// Bytes of a P-384 number.
const SCALAR_BYTES: usize = 48;

/// One signature check.
#[derive(Debug, Clone)]
pub enum Check {
    /// RSASSA-PSS.
    Pss(Signed),
    /// ECDSA P-384 with a signature in DER.
    P384Der(Signed),
    /// ECDSA P-384 with a signature of 96 bytes.
    P384Fixed(Signed),
}

/// A message with its signature and the key that made it.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The subject public key, as a certificate holds it.
    pub key: Vec<u8>,
    /// What is signed.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Gives the checks of a report and its chain; the last is that of the report.
///
/// # Errors
/// If a certificate is missing or cannot be read.
pub fn snp_checks(subject: &Subject) -> Result<Vec<Check>> {
    let endorsements = &subject.endorsements;
    let root = Certificate::from_der(&subject.root)?;
    let intermediate = endorsements.intermediate.as_deref();
    let intermediate = Certificate::from_der(intermediate.context("no intermediate")?)?;
    let leaf = Certificate::from_der(endorsements.leaf.as_deref().context("no leaf")?)?;
    let message = subject.bytes.get(..SNP_SIGNED_BYTES);
    let mut signature = Vec::new();
    for place in SNP_SCALARS {
        let scalar = subject.bytes.get(place..place + SCALAR_BYTES);
        signature.extend(scalar.context("report is short")?.iter().rev());
    }
    Ok(vec![
        Check::Pss(link(&root, &intermediate)?),
        Check::Pss(link(&intermediate, &leaf)?),
        Check::P384Fixed(Signed {
            key: key(&leaf)?,
            message: message.context("report is short")?.to_vec(),
            signature,
        }),
    ])
}

/// Gives the checks of a Nitro document and its chain, from the root down.
///
/// # Errors
/// If the document or a certificate in it cannot be read.
pub fn nitro_checks(subject: &Subject) -> Result<Vec<Check>> {
    let mut decoder = Decoder::new(&subject.bytes);
    if decoder.datatype()? == minicbor::data::Type::Tag {
        decoder.tag()?;
    }
    decoder.array()?;
    let protected = decoder.bytes()?;
    decoder.skip()?;
    let payload = decoder.bytes()?;
    let signature = decoder.bytes()?;

    let chain = certificates(payload)?;
    let links = chain.windows(2).map(|pair| match pair {
        [issuer, child] => Ok(Check::P384Der(link(issuer, child)?)),
        _ => bail!("a link has two ends"),
    });
    let mut checks: Vec<Check> = links.collect::<Result<_>>()?;
    let mut message = Vec::new();
    let mut encoder = Encoder::new(&mut message);
    encoder.array(4)?.str("Signature1")?;
    encoder.bytes(protected)?.bytes(&[])?.bytes(payload)?;
    checks.push(Check::P384Fixed(Signed {
        key: key(chain.last().context("no leaf")?)?,
        message,
        signature: signature.to_vec(),
    }));
    Ok(checks)
}

/// The certificates of a payload, from the root to the leaf.
fn certificates(payload: &[u8]) -> Result<Vec<Certificate>> {
    let (mut bundle, mut leaf) = (Vec::new(), None);
    let mut decoder = Decoder::new(payload);
    let entries = decoder.map()?;
    let mut taken = 0;
    loop {
        let ended = match entries {
            Some(entries) => taken == entries,
            None => decoder.datatype()? == minicbor::data::Type::Break,
        };
        if ended {
            break;
        }
        taken += 1;
        match decoder.str()? {
            "certificate" => leaf = Some(Certificate::from_der(decoder.bytes()?)?),
            "cabundle" => {
                for der in decoder.array_iter::<&minicbor::bytes::ByteSlice>()? {
                    bundle.push(Certificate::from_der(der?)?);
                }
            }
            _ => decoder.skip()?,
        }
    }
    bundle.push(leaf.context("no leaf")?);
    Ok(bundle)
}

fn link(issuer: &Certificate, child: &Certificate) -> Result<Signed> {
    let signature = child.signature().as_bytes();
    Ok(Signed {
        key: key(issuer)?,
        message: child.tbs_certificate().to_der()?,
        signature: signature.context("a signature of whole bytes")?.to_vec(),
    })
}

fn key(certificate: &Certificate) -> Result<Vec<u8>> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    let key = info.subject_public_key.as_bytes();
    Ok(key.context("a key of whole bytes")?.to_vec())
}
