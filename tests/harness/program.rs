//! Where the programs under test lie.

use std::path::PathBuf;

/// Gives the path of a program of this workspace, built in the profile of the running test.
///
/// # Panics
/// If it is not built: `cargo xtask test` builds the programs before the tests.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test is a file");
    // A test lies in `deps`, the programs in the folder above.
    let folder = test
        .ancestors()
        .nth(2)
        .expect("a test lies two folders deep");
    let program = folder.join(name);
    assert!(
        program.is_file(),
        "{name} is not built: run `cargo build --workspace --bins` first"
    );
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "boop-nothing is not built")]
    fn a_program_that_is_not_built_is_named() {
        let path = path("boop-nothing");

        println!("{}", path.display());
    }
}
