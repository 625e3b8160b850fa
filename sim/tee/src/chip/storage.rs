//! A chip on disk: `chip.toml` says what it is, beside it lie its key and certificates.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::nitro::NitroModule;
use super::snp::{Firmware, SnpChip};
use super::{Chip, ChipModel, Hardware};
use crate::authority::Product;
use crate::key::P384Key;
use crate::store::{self, StoreError};

const DESCRIPTION: &str = "chip.toml";
const KEY: &str = "chip.pk8";
const VCEK: &str = "vcek.der";
const ASK: &str = "ask.der";
const BUNDLE: [&str; 4] = [
    "nitro-root.der",
    "nitro-regional.der",
    "nitro-zonal.der",
    "nitro-instance.der",
];

/// The content of `chip.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    model: ChipModel,
    #[serde(skip_serializing_if = "Option::is_none")]
    chip_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firmware: Option<Firmware>,
}

impl Chip {
    /// Writes the chip into `directory`, its files readable by their owner alone.
    ///
    /// # Errors
    /// [`StoreError`] names the file that could not be written.
    pub fn save(&self, directory: impl AsRef<Path>) -> Result<(), StoreError> {
        let directory = directory.as_ref();
        store::make_directory(directory)?;
        let mut description = Description {
            model: self.model(),
            chip_id: None,
            instance: None,
            module_id: None,
            firmware: None,
        };
        match &self.hardware {
            Hardware::Snp(chip) => {
                description.chip_id = Some(hex::encode(chip.chip_id));
                description.firmware = Some(chip.firmware);
                store::write(directory, KEY, chip.key.as_pkcs8())?;
                store::write(directory, VCEK, &chip.vcek)?;
                store::write(directory, ASK, &chip.ask)?;
            }
            Hardware::Nitro(module) => {
                description.instance = Some(module.instance().to_owned());
                description.module_id = Some(module.module_id().to_owned());
                store::write(directory, KEY, module.key().as_pkcs8())?;
                for (file, certificate) in BUNDLE.into_iter().zip(module.bundle()) {
                    store::write(directory, file, certificate)?;
                }
            }
        }
        let malformed = StoreError::Malformed { file: DESCRIPTION };
        let text = toml::to_string(&description).map_err(|_| malformed)?;
        store::write(directory, DESCRIPTION, text.as_bytes())
    }

    /// Reads a chip that was saved into `directory`.
    ///
    /// # Errors
    /// [`StoreError`] names the file that could not be read.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let directory = directory.as_ref();
        let description: Description =
            store::parse(directory, DESCRIPTION, |text| toml::from_slice(text))?;
        let key = store::parse(directory, KEY, P384Key::from_pkcs8)?;
        let model = description.model;
        let hardware = match model.snp() {
            Some(product) => Hardware::Snp(load_snp(directory, &description, product, key)?),
            None => Hardware::Nitro(load_nitro(directory, &description, key)?),
        };
        Ok(Self { model, hardware })
    }
}

fn load_snp(
    directory: &Path,
    description: &Description,
    (product, version): (Product, u32),
    key: P384Key,
) -> Result<SnpChip, StoreError> {
    let malformed = StoreError::Malformed { file: DESCRIPTION };
    let mut chip_id = [0; 64];
    let text = description.chip_id.as_deref().unwrap_or_default();
    hex::decode_to_slice(text, &mut chip_id).map_err(|_| malformed.clone())?;
    Ok(SnpChip {
        product,
        version,
        chip_id,
        firmware: description.firmware.ok_or(malformed)?,
        key,
        vcek: store::read(directory, VCEK)?,
        ask: store::read(directory, ASK)?,
    })
}

fn load_nitro(
    directory: &Path,
    description: &Description,
    key: P384Key,
) -> Result<NitroModule, StoreError> {
    let malformed = StoreError::Malformed { file: DESCRIPTION };
    let instance = description
        .instance
        .clone()
        .ok_or_else(|| malformed.clone())?;
    let module_id = description.module_id.clone().ok_or(malformed)?;
    let [root, regional, zonal, own] = BUNDLE.map(|file| store::read(directory, file));
    Ok(NitroModule::new(
        instance,
        module_id,
        key,
        [root?, regional?, zonal?, own?],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::tests::{NOW_MS, authority};
    use crate::measure::Launch;

    #[test]
    fn chip_comes_back_from_disk_and_signs_as_before() {
        let launch = Launch {
            measurement: [1; 48],
            config_hash: [2; 32],
            instance: [3; 32],
        };
        for model in ChipModel::ALL {
            let directory = tempfile::tempdir().unwrap();
            let chip = Chip::provision(authority(), model, "saved", NOW_MS).unwrap();
            let before = chip.attest(&launch, &[4; 64], &[5; 32], NOW_MS).unwrap();

            chip.save(directory.path()).unwrap();
            let copy = Chip::load(directory.path()).unwrap();

            let after = copy.attest(&launch, &[4; 64], &[5; 32], NOW_MS).unwrap();
            assert_eq!(copy.model(), model);
            assert_eq!(copy.chip_id(), chip.chip_id());
            assert_eq!(copy.module_id(), chip.module_id());
            assert_eq!(after.endorsements, before.endorsements);
            // The first ten bytes of a document hold its length, which varies with its leaf.
            assert_eq!(after.evidence[10..100], before.evidence[10..100]);
        }
    }

    #[test]
    fn description_with_an_unknown_key_or_without_a_chip_id_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let chip = Chip::provision(authority(), ChipModel::GenoaV3, "saved", NOW_MS).unwrap();
        chip.save(directory.path()).unwrap();

        let model = "model = 'genoa-v3'";
        for text in [format!("{model}\nspeed = 1\n"), format!("{model}\n")] {
            std::fs::write(directory.path().join(DESCRIPTION), &text).unwrap();

            let error = Chip::load(directory.path()).err();

            assert_eq!(
                error,
                Some(StoreError::Malformed { file: DESCRIPTION }),
                "{text}"
            );
        }
    }
}
