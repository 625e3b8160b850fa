//! Captures of many palms: drawn from a seed, or read from a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, bail};
use boop_palm::{ExtractError, Extraction, Image, extract};

use crate::palm::{Person, Side};

/// Largest image file, in bytes.
const IMAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Palms with what the scanner took from their captures.
#[derive(Debug)]
pub struct Population {
    /// Where the captures come from.
    pub origin: String,
    /// The palms.
    pub palms: Vec<Sampled>,
}

/// What the scanner took from the captures of one palm.
#[derive(Debug)]
pub struct Sampled {
    /// Every capture, in the order taken.
    pub captures: Vec<Result<Extraction, ExtractError>>,
}

impl Sampled {
    /// Returns the captures that a scanner would accept.
    pub fn accepted(&self) -> impl Iterator<Item = &Extraction> {
        let taken = self.captures.iter().flatten();
        taken.filter(|capture| capture.quality.acceptable())
    }
}

impl Population {
    /// Draws people and their captures, right and left hands by turns; `done` hears of each palm.
    pub fn drawn(seed: u64, palms: u64, captures: u64, done: &(dyn Fn() + Sync)) -> Self {
        let palm = |index: usize| {
            let index = index as u64;
            let side = if index.is_multiple_of(2) {
                Side::Right
            } else {
                Side::Left
            };
            let person = Person::new(seed, index, side);
            let captures = (0..captures).map(|capture| extract(&person.capture(capture)));
            let captures = captures.collect();
            done();
            Sampled { captures }
        };
        Self {
            origin: format!("synthetic palms of seed {seed}"),
            palms: in_parallel(usize::try_from(palms).unwrap_or(usize::MAX), palm),
        }
    }

    /// Reads a folder of images named `palm-capture.png`; `done` hears of each palm.
    ///
    /// # Errors
    /// If the folder or an image cannot be read, or there are not two captures of two palms.
    pub fn read(folder: &Path, done: &(dyn Fn() + Sync)) -> anyhow::Result<Self> {
        let files = by_palm(folder)?;
        let files: Vec<Vec<PathBuf>> = files.into_values().collect();
        let palm = |index: usize| {
            let images = files[index].iter().map(|file| read_image(file));
            let images: anyhow::Result<Vec<Image>> = images.collect();
            let captures = images?.iter().map(extract).collect();
            done();
            Ok(Sampled { captures })
        };
        let palms: anyhow::Result<Vec<Sampled>> =
            in_parallel(files.len(), palm).into_iter().collect();
        Ok(Self {
            origin: format!("images of {}", folder.display()),
            palms: palms?,
        })
    }

    /// Returns the number of captures.
    pub fn captures(&self) -> usize {
        self.palms.iter().map(|palm| palm.captures.len()).sum()
    }
}

/// Collects the image files of a folder by the palm that their names tell.
fn by_palm(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<PathBuf>>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut palms: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "png") {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Some((palm, _)) = stem.rsplit_once('-') else {
            bail!(
                "{} does not name palm and capture, as in anna-left-3.png",
                path.display()
            );
        };
        palms.entry(palm.to_owned()).or_default().push(path.clone());
    }
    for files in palms.values_mut() {
        files.sort();
    }
    let twice = palms.values().filter(|files| files.len() > 1).count();
    if palms.len() < 2 || twice == 0 {
        bail!(
            "{} holds images of {} palms, {twice} of them more than once; rates need two palms \
             and two captures of one",
            folder.display(),
            palms.len()
        );
    }
    Ok(palms)
}

fn read_image(path: &Path) -> anyhow::Result<Image> {
    let size = std::fs::metadata(path)
        .with_context(|| path.display().to_string())?
        .len();
    if size > IMAGE_BYTES_MAX {
        bail!("{} is larger than {IMAGE_BYTES_MAX} bytes", path.display());
    }
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Image::from_png(&bytes).with_context(|| format!("{} is not usable", path.display()))
}

/// Does numbered work on every core and returns the results in the order of the numbers.
pub(super) fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return done;
            }
            done.push((index, work(index)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<(usize, T)> = thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(some)).collect();
        let mut all = some();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        let squares = in_parallel(100, |index| index * index);

        assert_eq!(squares, (0..100).map(|i| i * i).collect::<Vec<_>>());
    }

    #[test]
    fn a_folder_without_palms_is_refused() {
        let folder = scratch("empty");

        let error = Population::read(&folder, &|| {}).unwrap_err();

        assert!(error.to_string().contains("images of 0 palms"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_name_without_a_capture_is_refused() {
        let folder = scratch("names");
        std::fs::write(folder.join("palm.png"), b"").unwrap();

        let error = Population::read(&folder, &|| {}).unwrap_err();

        assert!(error.to_string().contains("does not name"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_broken_image_is_named() {
        let folder = scratch("broken");
        for name in ["a-0.png", "a-1.png", "b-0.png"] {
            std::fs::write(folder.join(name), b"text").unwrap();
        }

        let error = Population::read(&folder, &|| {}).unwrap_err();

        let text = format!("{error:#}");
        assert!(text.contains("a-0.png is not usable"), "{text}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn written_captures_are_read_back() {
        let folder = scratch("back");
        let drawn = Population::drawn(5, 2, 2, &|| {});
        for (index, side) in [(0, Side::Right), (1, Side::Left)] {
            let person = Person::new(5, index, side);
            for capture in 0..2 {
                let file = folder.join(format!("person-{index}-{capture}.png"));
                std::fs::write(file, person.capture(capture).to_png()).unwrap();
            }
        }

        let read = Population::read(&folder, &|| {}).unwrap();

        assert_eq!(read.captures(), 4);
        for (read, drawn) in read.palms.iter().zip(&drawn.palms) {
            assert_eq!(read.captures, drawn.captures);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("boop-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}
