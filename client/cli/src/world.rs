//! Commands that another program carries out, beside this one: the simulated world, so that nothing
//! of the simulation is linked into what people trust their checks to; and the custodian, so that
//! PKCS#11 modules are loaded by one program alone.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::Answer;
use crate::arguments::{AccuracyArguments, GenerateArguments, HsmArguments, UpArguments};

/// A program, and the package that it is of.
struct Program {
    name: &'static str,
    package: &'static str,
}

const WORLD: Program = Program {
    name: "boop-world",
    package: "boop-world",
};
const CUSTODIAN: Program = Program {
    name: "boop-custodian",
    package: "boop-hsm",
};

/// Runs a network until it is stopped.
///
/// # Errors
/// If the program is not there; otherwise it takes this one's place.
pub fn up(arguments: &UpArguments) -> anyhow::Result<Answer> {
    let mut all: Vec<OsString> = vec!["up".into()];
    all.extend(arguments.arguments.iter().cloned());
    replace(&WORLD, &all)
}

/// Makes, backs up and brings back a party's keys.
///
/// # Errors
/// If the program is not there; otherwise it takes this one's place.
pub fn hsm(arguments: &HsmArguments) -> anyhow::Result<Answer> {
    replace(&CUSTODIAN, &arguments.arguments)
}

/// Draws palms.
///
/// # Errors
/// If the program is not there; otherwise it takes this one's place.
pub fn generate(arguments: &GenerateArguments) -> anyhow::Result<Answer> {
    let GenerateArguments {
        seed,
        out,
        people,
        captures,
    } = arguments;
    replace(
        &WORLD,
        &[
            "palm".into(),
            "generate".into(),
            "--seed".into(),
            seed.to_string().into(),
            "--out".into(),
            out.clone().into(),
            "--people".into(),
            people.to_string().into(),
            "--captures".into(),
            captures.to_string().into(),
        ],
    )
}

/// Measures how well palms are told apart.
///
/// # Errors
/// If the program is not there; otherwise it takes this one's place.
pub fn accuracy(arguments: &AccuracyArguments) -> anyhow::Result<Answer> {
    let AccuracyArguments {
        seed,
        identities,
        captures,
        images,
        json,
        svg,
    } = arguments;
    let mut all: Vec<OsString> = vec!["palm".into(), "accuracy".into()];
    let mut option = |name: &str, value: OsString| all.extend([name.into(), value]);
    match images {
        Some(folder) => option("--images", folder.into()),
        None => {
            option("--seed", seed.to_string().into());
            option("--identities", identities.to_string().into());
            option("--captures", captures.to_string().into());
        }
    }
    for (name, path) in [("--json", json), ("--svg", svg)] {
        if let Some(path) = path {
            option(name, path.into());
        }
    }
    replace(&WORLD, &all)
}

/// Has the custodian's program do something with a token, and returns what it prints.
///
/// # Errors
/// If the program is not there, or says why it did not.
pub(crate) fn custodian_says(arguments: &[OsString], input: &[u8]) -> anyhow::Result<String> {
    let current = std::env::current_exe().context("cannot tell where boop lies")?;
    let program = beside(&CUSTODIAN, &current)?;
    let failed = || format!("cannot run {}", program.display());
    let mut child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever fails before it has read everything says why on its own.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().with_context(failed)?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("boop-custodian printed no text")
}

fn replace(program: &Program, arguments: &[OsString]) -> anyhow::Result<Answer> {
    let current = std::env::current_exe().context("cannot tell where boop lies")?;
    let program = beside(program, &current)?;
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

fn beside(program: &Program, current: &Path) -> anyhow::Result<PathBuf> {
    let Program { name, package } = program;
    let path = current.with_file_name(name);
    if !path.is_file() {
        bail!(
            "{name} is not beside boop, at {}; build it with `cargo build -p {package}`",
            path.display()
        );
    }
    Ok(path)
}
