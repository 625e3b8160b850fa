//! What cargo says about this workspace: its packages and how they depend on one another.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The target whose dependencies count: where the measured binary runs.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A package of this workspace.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name, such as `boop-wire`.
    pub name: String,
    /// Its folder, from the root of the workspace, such as `ledger/proof`.
    pub folder: String,
    /// Whether its manifest says that the measured binary may link it.
    pub tcb: bool,
    /// The root files of its library and programs.
    pub roots: Vec<PathBuf>,
    /// The packages of this workspace it depends on.
    pub dependencies: Vec<Dependency>,
}

/// An edge between two packages of this workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package depended on.
    pub name: String,
    /// What it is needed for.
    pub kind: Kind,
}

/// What a dependency is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is linked.
    Normal,
    /// A build script uses it.
    Build,
    /// Tests use it.
    Dev,
}

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// `cargo`, to be run at the root of the workspace.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root());
    command
}

/// Runs a command whose output goes where ours goes.
///
/// # Errors
/// If it cannot be started or does not succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let name = line_of(command);
    let status = command
        .status()
        .with_context(|| format!("cannot run `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed: {status}");
    }
    Ok(())
}

/// Runs a command and gives what it printed.
///
/// # Errors
/// If it cannot be started, does not succeed or prints other than UTF-8.
pub fn output(command: &mut Command) -> Result<String> {
    let name = line_of(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{name}` prints no text"))
}

/// Lists the packages of the workspace, in the order of their names.
///
/// # Errors
/// If cargo cannot read the manifests.
pub fn packages() -> Result<Vec<Package>> {
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&output(&mut command)?)?;
    let packages = array(&metadata["packages"]).iter().map(package);
    let mut packages: Vec<Package> = packages.collect::<Result<_>>()?;
    packages.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(packages)
}

fn package(value: &Value) -> Result<Package> {
    let manifest = Path::new(text(&value["manifest_path"])?);
    let folder = manifest.parent().context("a manifest lies in a folder")?;
    let folder = folder
        .strip_prefix(root())
        .context("a package lies in the workspace")?;
    let programs = array(&value["targets"]).iter().filter(|target| {
        let kinds = array(&target["kind"]);
        kinds.iter().any(|kind| kind == "lib" || kind == "bin")
    });
    Ok(Package {
        name: text(&value["name"])?.to_owned(),
        folder: folder.display().to_string(),
        tcb: value["metadata"]["boop"]["tcb"] == true,
        roots: programs
            .map(|target| Ok(PathBuf::from(text(&target["src_path"])?)))
            .collect::<Result<_>>()?,
        dependencies: array(&value["dependencies"])
            .iter()
            .filter(|dependency| dependency["path"].is_string())
            .map(dependency)
            .collect::<Result<_>>()?,
    })
}

fn dependency(value: &Value) -> Result<Dependency> {
    let kind = match value["kind"].as_str() {
        None => Kind::Normal,
        Some("build") => Kind::Build,
        Some("dev") => Kind::Dev,
        Some(other) => bail!("a dependency of an unknown kind: {other}"),
    };
    let name = text(&value["name"])?.to_owned();
    Ok(Dependency { name, kind })
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("cargo metadata lacks a text")
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn line_of(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_package_is_found_with_its_program() {
        let packages = packages().unwrap();

        let own = packages.iter().find(|package| package.name == "boop-xtask");
        let own = own.unwrap();
        assert_eq!(own.folder, "xtask");
        assert!(!own.tcb);
        assert!(own.roots.contains(&root().join("xtask/src/main.rs")));
    }

    #[test]
    fn a_command_that_fails_is_an_error_with_its_line() {
        let error = run(cargo()
            .args(["metadata", "--no-such-option"])
            .stderr(Stdio::null()));

        let text = error.unwrap_err().to_string();
        assert!(
            text.starts_with("`cargo metadata --no-such-option` failed"),
            "{text}"
        );
    }
}
