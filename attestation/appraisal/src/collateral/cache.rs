//! A folder of collateral, so that a second check needs no network.
//!
//! Files are named after what was asked for and written whole or not at all. Only what states
//! itself what it was asked for as is kept: a leaf its chip, firmware level and product, an
//! intermediate its name, a list its issuer and times that include now. Anything else is handed
//! on, for the verifier to refuse, and asked for again the next time; a file with anything else in
//! it counts as absent. So a wrong answer does not outlive the run that got it. Signatures are not
//! checked here, and nothing in the folder is trusted: whoever can write to it can make a check
//! fail, never pass.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use boop_verifier::UnixTime;

use super::{
    COLLATERAL_BYTES_MAX, CollateralError, CrlDates, Provider, Wanted, WantedKey, content,
};

/// Numbers the unfinished files of this process.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Keeps what another provider brings.
#[derive(Debug)]
pub struct FileCache<P> {
    folder: PathBuf,
    behind: P,
    now: UnixTime,
}

impl<P: Provider> FileCache<P> {
    /// Makes a cache in a folder, which is made when it is not there.
    ///
    /// `now` decides whether a revocation list is still current: one that was kept and has run
    /// out is asked for again, and handed over as it is when nobody answers. The verifier then
    /// calls it stale, where without any list it might be content.
    ///
    /// # Errors
    ///
    /// Returns [`CollateralError::Cache`] when the folder cannot be made.
    pub fn new(folder: &Path, behind: P, now: UnixTime) -> Result<Self, CollateralError> {
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        Ok(Self {
            folder: folder.to_owned(),
            behind,
            now,
        })
    }

    fn cached(
        &self,
        name: &str,
        fits: impl Fn(&[u8]) -> bool,
        ask: impl FnOnce() -> Result<Vec<u8>, CollateralError>,
    ) -> Result<Vec<u8>, CollateralError> {
        if let Some(kept) = self.read(name, &fits)? {
            return Ok(kept);
        }
        let fresh = ask()?;
        if fits(&fresh) {
            self.keep(name, &fresh)?;
        }
        Ok(fresh)
    }

    fn read(
        &self,
        name: &str,
        fits: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>, CollateralError> {
        let path = self.folder.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, &error)),
        };
        let mut bytes = Vec::new();
        let mut limited = file.take(COLLATERAL_BYTES_MAX as u64 + 1);
        let read = limited.read_to_end(&mut bytes);
        read.map_err(|error| failed(&path, &error))?;
        let whole = bytes.len() <= COLLATERAL_BYTES_MAX && fits(&bytes);
        Ok(whole.then_some(bytes))
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), CollateralError> {
        if bytes.len() > COLLATERAL_BYTES_MAX {
            return Ok(());
        }
        let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!(".{}-{number}.unfinished", process::id());
        let unfinished = self.folder.join(unfinished);
        let path = self.folder.join(name);
        let written = write_whole(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path));
        written.map_err(|error| {
            // The first failure is the one to tell; a leftover is found by its name.
            let _ = fs::remove_file(&unfinished);
            failed(&path, &error)
        })
    }
}

impl<P: Provider> Provider for FileCache<P> {
    fn leaf(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        let WantedKey::Vcek { chip_id, tcb } = &wanted.key else {
            // A report does not say which fleet it belongs to, so there is no name for the file.
            return self.behind.leaf(wanted);
        };
        let fmc = tcb
            .fmc
            .map_or_else(String::new, |fmc| format!("-fmc{fmc:02}"));
        let name = format!(
            "{}-{}{fmc}-bl{:02}-tee{:02}-snp{:02}-ucode{:02}.der",
            prefix(wanted),
            wanted.hardware_id(chip_id),
            tcb.bootloader,
            tcb.tee,
            tcb.snp,
            tcb.microcode
        );
        let fits = |der: &[u8]| content::is_leaf_of(der, wanted);
        self.cached(&name, fits, || self.behind.leaf(wanted))
    }

    fn intermediate(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        let name = format!("{}-intermediate.der", prefix(wanted));
        let fits = |der: &[u8]| content::is_intermediate_of(der, wanted);
        self.cached(&name, fits, || self.behind.intermediate(wanted))
    }

    fn crl(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        let name = format!("{}.crl", prefix(wanted));
        let fits = |der: &[u8]| content::is_list_of(der, wanted, self.now);
        let is_current = |der: &[u8]| {
            let dates = CrlDates::read(der);
            dates.is_some_and(|dates| dates.is_current(self.now))
        };
        let kept = self.read(&name, fits)?;
        if let Some(kept) = kept.as_ref().filter(|kept| is_current(kept)) {
            return Ok(kept.clone());
        }
        match (self.behind.crl(wanted), kept) {
            (Ok(fresh), _) => {
                if fits(&fresh) && is_current(&fresh) {
                    self.keep(&name, &fresh)?;
                }
                Ok(fresh)
            }
            (Err(_), Some(stale)) => Ok(stale),
            (Err(error), None) => Err(error),
        }
    }
}

fn prefix(wanted: &Wanted) -> String {
    let product = wanted.chain_name().to_ascii_lowercase();
    format!("{}-{product}", wanted.key_name())
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> CollateralError {
    CollateralError::Cache {
        path: path.to_owned(),
        kind: error.kind(),
    }
}
