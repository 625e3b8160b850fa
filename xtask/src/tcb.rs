//! `cargo xtask tcb`: what the measured binary links, held against `enclave/TCB.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The package whose program is the measured binary.
pub const ENTRY: &str = "boop-entry";
/// The line of the document that opens the table, whose rows are written by this command.
const TABLE_HEAD: &str = "| package | version | for |";
const TABLE_RULE: &str = "|---|---|---|";

/// Arguments of `cargo xtask tcb`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rewrites the table; a new row waits for somebody to write what the package is for.
    #[arg(long)]
    write: bool,
}

/// A package in the measured binary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Linked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl fmt::Display for Linked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.version)
    }
}

/// Where the document lies.
#[must_use]
pub fn document() -> PathBuf {
    workspace::root().join("enclave/TCB.md")
}

/// Compares the document with what is linked, or rewrites its table.
///
/// # Errors
/// If they differ, or cargo cannot tell.
pub fn run(args: &Args) -> Result<()> {
    let linked = linked()?;
    let file = document();
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    if args.write {
        fs::write(&file, rewritten(&text, &linked)?)?;
        println!("{}: {} packages", file.display(), linked.len());
        return Ok(());
    }
    let differences = differences(&listed(&text)?, &linked);
    if !differences.is_empty() {
        bail!("enclave/TCB.md differs:\n{}", differences.join("\n"));
    }
    println!(
        "the measured binary links the {} packages of enclave/TCB.md",
        linked.len()
    );
    Ok(())
}

/// The packages linked into the measured binary, our own included. What runs at compile time
/// alone (macros, build scripts) is not among them.
///
/// # Errors
/// If cargo cannot tell.
pub fn linked() -> Result<BTreeSet<Linked>> {
    let mut command = workspace::cargo();
    command.args([
        "tree",
        "--package",
        ENTRY,
        "--edges",
        "normal,no-proc-macro",
    ]);
    command.args(["--prefix", "none", "--no-dedupe", "--locked"]);
    command.args(["--target", workspace::TARGET]);
    let tree = workspace::output(&mut command)?;
    let lines = tree.lines().filter(|line| !line.is_empty());
    lines.map(package_of_tree).collect()
}

/// The packages of the document's table, each with what it is for.
///
/// # Errors
/// If there is no table, or a package is in it twice.
pub fn listed(document: &str) -> Result<BTreeMap<Linked, String>> {
    let mut packages = BTreeMap::new();
    for row in table(document)?.1.lines() {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, version, purpose] = cells[..] else {
            bail!("not a row of three cells: {row}");
        };
        let (name, version) = (name.to_owned(), version.to_owned());
        let package = Linked { name, version };
        if packages
            .insert(package.clone(), purpose.to_owned())
            .is_some()
        {
            bail!("{package} is listed twice");
        }
    }
    Ok(packages)
}

/// A line for each package that only one side has, or that nobody says the purpose of.
#[must_use]
pub fn differences(listed: &BTreeMap<Linked, String>, linked: &BTreeSet<Linked>) -> Vec<String> {
    let new = linked
        .iter()
        .filter(|package| !listed.contains_key(package));
    let gone = listed.keys().filter(|package| !linked.contains(package));
    let silent = listed.iter().filter(|(_, purpose)| purpose.is_empty());
    new.map(|package| format!("linked, not listed: {package}"))
        .chain(gone.map(|package| format!("listed, not linked: {package}")))
        .chain(silent.map(|(package, _)| format!("listed without what it is for: {package}")))
        .collect()
}

fn package_of_tree(line: &str) -> Result<Linked> {
    let mut words = line.split(' ');
    let name = words.next().context("a package has a name")?.to_owned();
    let version = words.next().and_then(|word| word.strip_prefix('v'));
    let version = version.with_context(|| format!("no version: {line}"))?;
    let version = version.to_owned();
    Ok(Linked { name, version })
}

/// The document with its table made anew. A purpose stays with its package's name.
fn rewritten(document: &str, linked: &BTreeSet<Linked>) -> Result<String> {
    let (before, _, after) = table(document)?;
    let listed = listed(document)?.into_iter();
    let purposes: BTreeMap<String, String> = listed
        .map(|(package, purpose)| (package.name, purpose))
        .collect();
    let rows = linked.iter().map(|package| {
        let Linked { name, version } = package;
        let purpose = purposes.get(name).map_or("", String::as_str);
        format!("| {name} | {version} | {purpose} |\n")
    });
    let rows: String = rows.collect();
    Ok(format!("{before}{rows}{after}"))
}

/// The document cut into what stands before the rows, the rows, and what stands after.
fn table(document: &str) -> Result<(&str, &str, &str)> {
    let head = format!("{TABLE_HEAD}\n{TABLE_RULE}\n");
    let start = document.find(&head).context("no table of packages")? + head.len();
    let (before, rest) = document.split_at(start);
    let rows = rest
        .split_inclusive('\n')
        .take_while(|line| line.starts_with('|'));
    let (rows, after) = rest.split_at(rows.map(str::len).sum());
    Ok((before, rows, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = concat!(
        "# TCB\n\n",
        "| package | version | for |\n|---|---|---|\n",
        "| a | 1.0.0 | x |\n| b | 2.0.0 | y |\n\n",
        "End.\n"
    );

    #[test]
    fn a_package_more_less_or_of_another_version_is_a_difference() {
        let listed = listed(DOCUMENT).unwrap();
        let linked = BTreeSet::from([package("a", "1.0.1"), package("b", "2.0.0")]);

        let differences = differences(&listed, &linked);

        let expected = ["linked, not listed: a 1.0.1", "listed, not linked: a 1.0.0"];
        assert_eq!(differences, expected);
    }

    #[test]
    fn a_rewritten_table_keeps_purposes_and_the_text_around() {
        let linked = BTreeSet::from([package("a", "1.0.1"), package("c", "3.0.0")]);

        let text = rewritten(DOCUMENT, &linked).unwrap();

        assert!(text.starts_with("# TCB\n") && text.ends_with("\nEnd.\n"));
        assert!(
            text.contains("| a | 1.0.1 | x |\n| c | 3.0.0 |  |\n"),
            "{text}"
        );
        let differences = differences(&listed(&text).unwrap(), &linked);
        assert_eq!(differences, ["listed without what it is for: c 3.0.0"]);
    }

    #[test]
    fn a_document_without_a_table_is_refused() {
        assert!(listed("# TCB\n").is_err());
    }

    #[test]
    fn lines_of_the_tree_are_read_with_or_without_a_folder() {
        let own = package_of_tree("boop-wire v0.1.0 (/somewhere/wire)").unwrap();

        assert_eq!(own, package("boop-wire", "0.1.0"));
        assert_eq!(
            package_of_tree("der v0.8.3").unwrap(),
            package("der", "0.8.3")
        );
        assert!(package_of_tree("der").is_err());
    }

    fn package(name: &str, version: &str) -> Linked {
        Linked {
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }
}
