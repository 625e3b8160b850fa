//! Looking for secret bytes where none may be: in files, and in the memory of processes.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Bytes read at once.
const WINDOW_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a secret that are looked for; enough that none turns up by chance.
const NEEDLE_BYTES: usize = 24;
/// Places in a long secret from which pieces are taken.
const PIECES: usize = 8;

/// Pieces of secrets in the forms that a careless program would write them.
pub(super) struct Needles {
    all: Vec<(String, Vec<u8>)>,
}

/// Where a piece of a secret was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: String,
    pub(super) secret: String,
}

impl Needles {
    pub(super) const fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// Adds a secret: pieces of it as they are, in hexadecimal and in base64.
    pub(super) fn add(&mut self, name: &str, secret: &[u8]) {
        let last = secret.len().saturating_sub(NEEDLE_BYTES);
        let step = (last / PIECES).max(1);
        for start in (0..=last).step_by(step) {
            let piece = &secret[start..(start + NEEDLE_BYTES).min(secret.len())];
            if is_plain(piece) {
                continue;
            }
            self.all
                .push((format!("{name} at {start}"), piece.to_vec()));
            self.all.push((
                format!("{name} at {start}, hex"),
                hex::encode(piece).into_bytes(),
            ));
            // A piece at a multiple of three starts a base64 quantum of its own.
            if start.is_multiple_of(3) {
                for text in [URL_SAFE_NO_PAD.encode(piece), STANDARD_NO_PAD.encode(piece)] {
                    self.all
                        .push((format!("{name} at {start}, base64"), text.into_bytes()));
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Searches every file under `folder`.
    pub(super) fn in_files(&self, folder: &Path) -> anyhow::Result<(usize, Vec<Found>)> {
        let (mut files, mut found) = (0, Vec::new());
        for path in files_under(folder)? {
            files += 1;
            let bytes = fs::read(&path)?;
            self.in_bytes(&bytes, &path.display().to_string(), &mut found);
        }
        Ok((files, found))
    }

    /// Searches the readable memory of a process.
    pub(super) fn in_memory(&self, pid: u32, name: &str) -> anyhow::Result<(usize, Vec<Found>)> {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let mut memory = File::open(format!("/proc/{pid}/mem"))?;
        let (mut searched, mut found) = (0, Vec::new());
        for (start, end) in maps.lines().filter_map(writable_range) {
            let mut at = start;
            while at < end {
                let length = usize::try_from(end - at)?.min(WINDOW_BYTES);
                let mut window = vec![0; length];
                memory.seek(SeekFrom::Start(at))?;
                // A page may be gone by now; the rest is still worth a look.
                let count = memory.read(&mut window).unwrap_or(0);
                self.in_bytes(&window[..count], &format!("memory of {name}"), &mut found);
                searched += count;
                if count == 0 {
                    break;
                }
                let overlap = if count > 256 { 256 } else { 0 };
                let step = u64::try_from(count - overlap)?;
                at += if at + step < end && count == length {
                    step
                } else {
                    end - at
                };
            }
        }
        Ok((searched, found))
    }

    fn in_bytes(&self, bytes: &[u8], place: &str, found: &mut Vec<Found>) {
        for (secret, needle) in &self.all {
            if contains(bytes, needle) {
                found.push(Found {
                    place: place.to_owned(),
                    secret: secret.clone(),
                });
            }
        }
    }
}

/// Tells whether a piece is too regular to be looked for: memory is full of such.
fn is_plain(piece: &[u8]) -> bool {
    let mut seen = [false; 256];
    piece
        .iter()
        .for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count() < NEEDLE_BYTES / 3
}

/// Looks for the first byte with the standard library's fast search, then compares.
fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some((first, _)) = needle.split_first() else {
        return false;
    };
    let mut rest = haystack;
    while let Some(position) = rest.iter().position(|byte| byte == first) {
        if rest[position..].starts_with(needle) {
            return true;
        }
        rest = &rest[position + 1..];
    }
    false
}

fn files_under(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Reads one line of `maps`: the range, if a process can write there.
fn writable_range(line: &str) -> Option<(u64, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let range = (
        u64::from_str_radix(start, 16).ok()?,
        u64::from_str_radix(end, 16).ok()?,
    );
    permissions.starts_with("rw").then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_a_stranger_in_none() {
        let secret: Vec<u8> = (0..200)
            .map(|n: u8| n.wrapping_mul(37).wrapping_add(11))
            .collect();
        let mut needles = Needles::new();
        needles.add("secret", &secret);

        let hits = |bytes: &[u8]| {
            let mut found = Vec::new();
            needles.in_bytes(bytes, "here", &mut found);
            found.len()
        };

        assert!(hits(&secret) > 0);
        assert!(hits(hex::encode(&secret).as_bytes()) > 0);
        assert!(hits(URL_SAFE_NO_PAD.encode(&secret).as_bytes()) > 0);
        assert_eq!(hits(&[7; 4096]), 0);
    }

    #[test]
    fn maps_lines_give_writable_ranges_alone() {
        assert_eq!(
            writable_range("7f00-7f10 rw-p 0 00:00 0 [heap]"),
            Some((0x7f00, 0x7f10))
        );
        assert_eq!(writable_range("7f00-7f10 r-xp 0 00:00 0 x"), None);
        assert_eq!(writable_range("nonsense"), None);
    }
}
