//! Every input that is kept, and every file of the vectors, through every target.
//!
//! The vectors lie outside the repository; without them the test says so.

use std::fs;
use std::path::{Path, PathBuf};

use boop_fuzz::TARGETS;

/// Longer files than any parser under test is meant for are left out.
const BYTES_MAX: u64 = 64 * 1024;

#[test]
fn every_committed_input_goes_through_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in TARGETS {
        let inputs = files(&corpus.join(target.name));

        assert!(!inputs.is_empty(), "{} has a corpus", target.name);
        for input in inputs {
            println!("{}", input.display());
            (target.run)(&fs::read(input).unwrap());
        }
    }
}

#[test]
fn every_file_of_the_vectors_goes_through_every_target() {
    let folder = boop_xtask::vectors::folder().join("attestation");
    if !folder.is_dir() {
        println!("attestation vectors are not here: nothing was replayed");
        return;
    }
    for file in files(&folder) {
        if fs::metadata(&file).unwrap().len() > BYTES_MAX {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        for target in TARGETS {
            println!("{}: {}", target.name, file.display());
            (target.run)(&bytes);
        }
    }
}

#[test]
fn short_inputs_of_every_first_byte_go_through_every_target() {
    for target in TARGETS {
        (target.run)(&[]);
        for first in u8::MIN..=u8::MAX {
            for rest in [&[][..], &[0], &[0xff], &[0; 40], &[0xff; 40]] {
                (target.run)(&[&[first], rest].concat());
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
