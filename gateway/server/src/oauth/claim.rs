//! What a request for a token says about whoever sent it.

use std::net::IpAddr;

use boop_jose::Jws;
use boop_watch::What;
use boop_wire::Refusal;
use boop_wire::id::VendorId;
use serde_json::Value;

use super::{Granted, OAuthError, TokenRequest, assertion, dpop};
use crate::app::App;
use crate::intrusion::{Login, Who};

impl App {
    /// Notes what became of a request for a token.
    pub(crate) fn saw_token_request(
        &self,
        from: IpAddr,
        request: &TokenRequest,
        granted: &Result<Granted, OAuthError>,
    ) {
        let error = match granted {
            Ok(granted) => return self.saw_login(&Who::Vendor(granted.kept.vendor.clone()), from),
            Err(error) => error,
        };
        // Noted where it is known whose it was.
        if *error == assertion::REPLAYED || *error == dpop::REPLAYED {
            return;
        }
        match error {
            OAuthError::InvalidClient(_) => {
                let claimed = request.claimed();
                let shown = request.shown(claimed.as_ref());
                let login = Login {
                    from,
                    claimed: claimed.map(Who::Vendor),
                    shown: &shown,
                };
                // A problem of the form that clients know says it to them.
                drop(self.turn_down(Refusal::Unauthenticated, &login));
            }
            OAuthError::InvalidRequest(_)
            | OAuthError::UnsupportedGrantType
            | OAuthError::InvalidScope
            | OAuthError::InvalidDpopProof(_)
            | OAuthError::InvalidToken(_) => self.saw(|today| What::Malformed {
                asker: today.subject(&Who::Address(from)),
            }),
            // The first is how a client gets its nonce.
            OAuthError::UseDpopNonce(_) | OAuthError::Server => {}
        }
    }
}

impl TokenRequest {
    /// Returns the client that the request claims to be of.
    fn claimed(&self) -> Option<VendorId> {
        let named = self.field("client_id").ok().flatten();
        let assertion = self.field("client_assertion").ok().flatten();
        let jws = assertion.and_then(assertion::read);
        let subject = jws.as_ref().and_then(subject);
        subject.or(named)?.parse().ok()
    }

    /// Returns what is the same as long as a client proves itself with the same key.
    fn shown(&self, claimed: Option<&VendorId>) -> String {
        let assertion = self.field("client_assertion").ok().flatten();
        let header = assertion.and_then(|text| text.split('.').next());
        let certificate = self.certificate.map(|digest| digest.to_string());
        let key = header.map(str::to_owned).or(certificate);
        let claimed = claimed.map_or("", VendorId::as_str);
        format!("{claimed} {}", key.unwrap_or_default())
    }
}

fn subject(jws: &Jws) -> Option<&str> {
    jws.payload.get("sub").and_then(Value::as_str)
}
