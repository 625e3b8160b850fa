//! How a Nitro document is to be made.

use boop_platform::EvidenceKind;

use crate::chip::document::{Envelope, Field, MapForm, Payload, map, sign};
use crate::chip::nitro::{ChainShape, LeafShape, NitroModule};
use crate::forge::{Forge, Specimen, rogue_nitro};
use crate::key::{P384Key, SigningError};

/// A document in the making.
pub(super) struct Plan {
    pub(super) now_ms: u64,
    /// The content, but for certificate and bundle, which are filled in when it is made.
    pub(super) payload: Payload,
    pub(super) leaf: LeafShape,
    pub(super) chain: Chain,
    /// What happens to the certificate and the bundle before they are signed.
    pub(super) bend_certificate: Option<fn(&mut Vec<u8>)>,
    pub(super) bend_bundle: Option<fn(&mut Vec<Vec<u8>>)>,
    /// What happens to the fields before they are signed, in this order.
    pub(super) bend_fields: Vec<fn(&mut Vec<Field>)>,
    pub(super) map_form: MapForm,
    pub(super) protected: Vec<u8>,
    pub(super) signer: Signer,
    /// What happens to the parts after they were signed, in this order.
    pub(super) bend_envelope: Vec<fn(&mut Envelope)>,
    /// What happens to the document once it is whole.
    pub(super) damage: Option<fn(&mut Vec<u8>)>,
}

/// Which authorities stand above the leaf.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chain {
    /// The machine's own.
    Own,
    /// Some that the vendor's root certified in this shape.
    Shaped(ChainShape),
    /// The forger's; `offered` says whether with his root or with the vendor's in front.
    Rogue { offered: bool },
}

/// Whose key signs the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    Leaf,
    /// One that nobody certified.
    Stranger,
}

impl Plan {
    /// Carries the plan out.
    pub(super) fn make(
        mut self,
        forge: &Forge<'_>,
        module: &NitroModule,
    ) -> Result<Specimen, SigningError> {
        let names = || (module.instance().to_owned(), module.module_id().to_owned());
        let other = match self.chain {
            Chain::Own => None,
            Chain::Shaped(shape) => {
                Some(NitroModule::certified(forge.nitro_root(), names(), shape)?)
            }
            Chain::Rogue { .. } => {
                let root = rogue_nitro(self.now_ms)?;
                let shape = ChainShape::genuine(self.now_ms);
                Some(NitroModule::certified(&root, names(), shape)?)
            }
        };
        let issuer = other.as_ref().unwrap_or(module);
        let leaf = issuer.issue_leaf(self.leaf.clone())?;
        self.payload.certificate.clone_from(&leaf.certificate);
        self.payload.bundle = issuer.bundle().to_vec();
        if let Chain::Rogue { offered: false } = self.chain {
            self.payload.bundle[0].clone_from(&module.bundle()[0]);
        }
        if let Some(bend) = self.bend_certificate {
            bend(&mut self.payload.certificate);
        }
        if let Some(bend) = self.bend_bundle {
            bend(&mut self.payload.bundle);
        }
        let mut fields = self.payload.fields();
        self.bend_fields.iter().for_each(|bend| bend(&mut fields));
        let payload = map(&fields, self.map_form);
        let mut envelope = match self.signer {
            Signer::Leaf => sign(&self.protected, &payload, &leaf.key)?,
            Signer::Stranger => sign(&self.protected, &payload, &P384Key::generate()?)?,
        };
        self.bend_envelope
            .iter()
            .for_each(|bend| bend(&mut envelope));
        let mut evidence = envelope.to_bytes();
        if let Some(damage) = self.damage {
            damage(&mut evidence);
        }
        Ok(Specimen {
            kind: EvidenceKind::Nitro,
            evidence,
            leaf: None,
            intermediate: None,
            crl: None,
        })
    }
}
