//! libFuzzer around the target that `BOOP_FUZZ_TARGET` names; `cargo xtask fuzz` starts it.
#![no_main]

use std::sync::OnceLock;

use boop_fuzz::Target;
use libfuzzer_sys::fuzz_target;

/// The variable that names the target. libFuzzer takes the arguments.
const TARGET: &str = "BOOP_FUZZ_TARGET";

static CHOSEN: OnceLock<Target> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let target = CHOSEN.get_or_init(chosen);
    (target.run)(data);
});

fn chosen() -> Target {
    let name = std::env::var_os(TARGET).unwrap_or_default();
    let name = name.to_string_lossy();
    let Some(target) = Target::named(&name) else {
        eprintln!("{TARGET} names no target: `{name}`");
        std::process::exit(2);
    };
    target
}
