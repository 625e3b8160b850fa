//! The CBOR messages of the Nitro security module.
//!
//! ```text
//! request   {"Attestation": {"user_data": bytes, "nonce": bytes, "public_key": null}}
//! response  {"Attestation": {"document": bytes}} | {"Error": text}
//! ```

use minicbor::{Decoder, Encoder};

/// Why the module's answer holds no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NsmMessageError {
    /// The module refused.
    #[error("the module refused: {code}")]
    Refused {
        /// The module's own code, such as `InvalidArgument`.
        code: String,
    },
    /// The answer has another form.
    #[error("malformed answer")]
    Malformed,
}

/// Returns the request for a document over `user_data` and `nonce`.
pub(super) fn attestation_request(user_data: &[u8], nonce: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_request(&mut Encoder::new(&mut bytes), user_data, nonce)
        .expect("a Vec takes every write");
    bytes
}

/// Returns the document of the module's answer.
pub(super) fn document(response: &[u8]) -> Result<Vec<u8>, NsmMessageError> {
    let mut decoder = Decoder::new(response);
    let answer = read_response(&mut decoder).map_err(|_| NsmMessageError::Malformed)?;
    if decoder.position() != response.len() {
        return Err(NsmMessageError::Malformed);
    }
    answer
}

fn write_request(
    encoder: &mut Encoder<&mut Vec<u8>>,
    user_data: &[u8],
    nonce: &[u8],
) -> Result<(), minicbor::encode::Error<core::convert::Infallible>> {
    encoder.map(1)?.str("Attestation")?.map(3)?;
    encoder.str("user_data")?.bytes(user_data)?;
    encoder.str("nonce")?.bytes(nonce)?;
    encoder.str("public_key")?.null()?;
    Ok(())
}

fn read_response(
    decoder: &mut Decoder<'_>,
) -> Result<Result<Vec<u8>, NsmMessageError>, minicbor::decode::Error> {
    let malformed = Ok(Err(NsmMessageError::Malformed));
    if decoder.map()? != Some(1) {
        return malformed;
    }
    match decoder.str()? {
        "Error" => Ok(Err(NsmMessageError::Refused {
            code: decoder.str()?.to_owned(),
        })),
        "Attestation" => {
            if decoder.map()? != Some(1) || decoder.str()? != "document" {
                return malformed;
            }
            Ok(Ok(decoder.bytes()?.to_vec()))
        }
        _ => malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_the_bytes_that_the_module_reads() {
        let bytes = attestation_request(&[1, 2], &[3]);

        let expected = b"\xa1\x6bAttestation\xa3\x69user_data\x42\x01\x02\
                         \x65nonce\x41\x03\x6apublic_key\xf6";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn document_is_taken_out_of_the_answer() {
        let answer = b"\xa1\x6bAttestation\xa1\x68document\x43abc";

        assert_eq!(document(answer), Ok(b"abc".to_vec()));
    }

    #[test]
    fn modules_refusal_keeps_its_code() {
        let answer = b"\xa1\x65Error\x6fInvalidArgument";

        let code = "InvalidArgument".to_owned();
        assert_eq!(document(answer), Err(NsmMessageError::Refused { code }));
    }

    #[test]
    fn malformed_answers_are_refused() {
        let cases: [&[u8]; 6] = [
            b"",
            b"\xa0",
            b"\xa1\x6bAttestation\xa1\x68document\x43ab",
            b"\xa1\x6bAttestation\xa1\x68document\x43abc\x00",
            b"\xa1\x6bAttestation\xa1\x68deed\x43abc",
            b"\xa1\x63Foo\x43abc",
        ];
        for answer in cases {
            assert_eq!(document(answer), Err(NsmMessageError::Malformed));
        }
    }
}
