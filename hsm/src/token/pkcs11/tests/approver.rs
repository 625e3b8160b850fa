//! An approver's key in a token.

use boop_channel::manifest::approval_holds;
use boop_wire::codec::{CodecError, to_canonical};
use boop_wire::manifest::{Approval, SignedManifest};

use super::super::*;
use super::harness::{Kind, on_each_module};
use crate::testing::manifest;
use boop_wire::PartyIndex;

#[test]
fn an_approvers_key_is_made_once_in_a_token_that_can_and_signs_manifests_alone() {
    on_each_module(|stage| {
        stage.make_token();
        let token = ApproverToken::open(&stage.settings()).unwrap();
        let none = VaultError::Identity("there is none");
        assert_eq!(token.key(), Err(none.clone()));
        let bytes = to_canonical(&manifest(PartyIndex::ALL[0], [1; 32]));
        assert_eq!(token.approve(&bytes), Err(none.into()));
        if stage.kind == Kind::Kryoptic {
            let missing = VaultError::NotOffered(Capability::Ed25519);
            assert_eq!(token.make_key(), Err(missing));
            return;
        }

        let key = token.make_key().unwrap();
        let again = token.make_key().unwrap();
        drop(token);
        let token = ApproverToken::open(&stage.settings()).unwrap();
        let signature = token.approve(&bytes).unwrap();

        assert_eq!([again, token.key().unwrap()], [key; 2]);
        let signed = SignedManifest {
            manifest: bytes,
            approvals: Vec::new(),
        };
        assert!(approval_holds(&signed, &Approval { key, signature }));
        let other = token.approve(b"anything else");
        assert_eq!(other, Err(ApproveError::NoManifest(CodecError::Malformed)));
    });
}
