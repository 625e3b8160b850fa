//! `boop palm generate`: pictures of palms that nobody has.

use std::path::Path;

use crate::palm::{Person, Side};

/// Writes `captures` pictures of each of `people` palms to `out`.
///
/// # Errors
/// If a file cannot be written.
pub fn generate(seed: u64, out: &Path, people: u64, captures: u64) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)?;
    for index in 0..people {
        for (side, name) in [(Side::Left, "left"), (Side::Right, "right")] {
            let person = Person::new(seed, index, side);
            for capture in 0..captures {
                let file = out.join(format!("person-{index}-{name}-{capture}.png"));
                std::fs::write(&file, person.capture(capture).to_png())?;
                println!("{}", file.display());
            }
        }
    }
    Ok(())
}
