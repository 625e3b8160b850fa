//! One certificate out of a PEM text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Why a text holds no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// There are bytes that are no text.
    #[error("the certificate is not text")]
    NotText,
    /// No block begins and ends as a certificate does.
    #[error("no PEM block of a certificate")]
    NoCertificate,
    /// The block is not base64.
    #[error("the PEM block is not base64")]
    NotBase64,
    /// The block holds something other than exactly one DER sequence.
    #[error("the PEM block does not hold one DER sequence")]
    NotDer,
}

/// Returns the DER of the first certificate in a PEM text.
///
/// # Errors
/// If there is none, or it is damaged.
pub fn certificate_of_pem(text: &[u8]) -> Result<Vec<u8>, PemError> {
    let text = std::str::from_utf8(text).map_err(|_| PemError::NotText)?;
    let (_, rest) = text.split_once(BEGIN).ok_or(PemError::NoCertificate)?;
    let (block, _) = rest.split_once(END).ok_or(PemError::NoCertificate)?;
    let block: String = block.split_ascii_whitespace().collect();
    let der = STANDARD.decode(block).map_err(|_| PemError::NotBase64)?;
    if is_one_sequence(&der) {
        Ok(der)
    } else {
        Err(PemError::NotDer)
    }
}

fn is_one_sequence(der: &[u8]) -> bool {
    der::asn1::AnyRef::try_from(der).is_ok_and(|any| der::Tagged::tag(&any) == der::Tag::Sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_taken_out_of_its_text() {
        let text = format!("before\n{BEGIN}\nMAMC\r\nAQc=\n{END}\nafter");

        assert_eq!(
            certificate_of_pem(text.as_bytes()),
            Ok(vec![0x30, 3, 2, 1, 7])
        );
    }

    #[test]
    fn a_text_without_a_certificate_is_refused() {
        let block = |inner: &str| format!("{BEGIN}\n{inner}\n{END}\n").into_bytes();
        let cases = [
            (vec![0xff], PemError::NotText),
            (b"text".to_vec(), PemError::NoCertificate),
            (BEGIN.as_bytes().to_vec(), PemError::NoCertificate),
            (block("MAMCAQc"), PemError::NotBase64),
            (block("MAMCAQcA"), PemError::NotDer),
            (block("AgEH"), PemError::NotDer),
            (block(""), PemError::NotDer),
        ];
        for (text, error) in cases {
            assert_eq!(certificate_of_pem(&text), Err(error));
        }
    }
}
