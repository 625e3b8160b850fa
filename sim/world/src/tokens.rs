//! Where a party's custodian has its keys: in a software token, unless the operator of the machine
//! says otherwise in `token.toml` before the network is made.
//!
//! ```toml
//! [token]            # as it stands in custodian.toml
//! kind = "pkcs11"
//! [environment]      # what the module reads
//! SOFTHSM2_CONF = "softhsm2.conf"
//! ```

use std::collections::BTreeMap;
use std::fs;

use boop_wire::PartyIndex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::layout::Layout;

/// What `token.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    /// The table of the custodian's configuration.
    pub(crate) token: Value,
    /// Variables of the custodian's process.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
}

impl Choice {
    /// Reads what the operator of a machine says.
    pub(crate) fn of(layout: &Layout, party: PartyIndex) -> anyhow::Result<Self> {
        let file = layout.machine(party, "token.toml");
        if file.exists() {
            return Ok(toml::from_str(&fs::read_to_string(file)?)?);
        }
        Ok(Self {
            token: json!({ "kind": "file", "path": "token" }),
            environment: BTreeMap::new(),
        })
    }
}
