//! `boop-party --probe`: what the machine has that can prove what it runs.
//!
//! Text is for people, one place on each line; JSON is for programs. Nothing is configured,
//! measured or asked for a report.

use std::fmt::Write as _;
use std::path::Path;

use boop_platform::detect::{Found, detect_in};

/// How much of the kernel's list of processors is read.
const CPUINFO_BYTES_MAX: u64 = 1 << 16;

/// What was found on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    found: Vec<Found>,
    flag: bool,
}

impl Probe {
    /// Looks at the machine whose files lie under `root`.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self {
            found: detect_in(root, None),
            flag: has_flag(&processors(root)),
        }
    }

    /// Returns the source of evidence that would be used.
    #[must_use]
    pub fn choice(&self) -> Option<&Found> {
        self.found.iter().find(|found| found.usable.is_ok())
    }

    /// Returns what was found, for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for found in &self.found {
            let state = match &found.usable {
                Ok(()) => "usable".to_owned(),
                Err(reason) => reason.to_string(),
            };
            let path = found.path.display();
            line(&mut text, format_args!("{path}: {}: {state}", found.kind));
        }
        // A guest need not show the flag, and the processor of a host has it without a guest.
        let flag = if self.flag { "sev_snp" } else { "no sev_snp" };
        line(&mut text, format_args!("processor flags: {flag}"));
        match self.choice() {
            Some(found) => line(&mut text, format_args!("would use: {}", found.kind)),
            None => line(&mut text, format_args!("would use: nothing")),
        }
        text
    }

    /// Returns what was found, for programs: one object on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let found: Vec<String> = self.found.iter().map(object).collect();
        let choice = self
            .choice()
            .map_or_else(|| "null".to_owned(), |choice| quoted(choice.kind.as_str()));
        format!(
            "{{\"found\":[{}],\"processor_sev_snp\":{},\"would_use\":{choice}}}\n",
            found.join(","),
            self.flag
        )
    }
}

fn object(found: &Found) -> String {
    let reason = match &found.usable {
        Ok(()) => "null".to_owned(),
        Err(reason) => quoted(&reason.to_string()),
    };
    format!(
        "{{\"kind\":{},\"path\":{},\"usable\":{},\"reason\":{reason}}}",
        quoted(found.kind.as_str()),
        quoted(&found.path.to_string_lossy()),
        found.usable.is_ok()
    )
}

/// Returns a JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control.is_control() && control.is_ascii() => {
                write!(json, "\\u{:04x}", u32::from(control)).expect("a String takes every write");
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

fn line(text: &mut String, line: core::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a String takes every write");
}

/// Returns the kernel's list of processors, or nothing where there is none.
fn processors(root: &Path) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(root.join("proc/cpuinfo"));
    let read = file.and_then(|file| file.take(CPUINFO_BYTES_MAX).read_to_end(&mut bytes));
    read.map_or_else(
        |_| String::new(),
        |_| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

fn has_flag(processors: &str) -> bool {
    let mut lines = processors.lines();
    let flags = lines.find(|line| line.starts_with("flags"));
    flags.is_some_and(|line| line.split_whitespace().any(|flag| flag == "sev_snp"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn machine_without_hardware_is_told_place_by_place() {
        let root = tempfile::tempdir().unwrap();
        let at = root.path().display();

        let probe = Probe::of(root.path());

        assert_eq!(
            probe.to_text(),
            format!(
                "{at}/dev/nsm: AWS Nitro security module: not there\n\
                 {at}/sys/kernel/config/tsm/report: AMD SEV-SNP by configfs-tsm: not there\n\
                 {at}/dev/sev-guest: AMD SEV-SNP by its guest device: not there\n\
                 processor flags: no sev_snp\n\
                 would use: nothing\n"
            )
        );
        assert_eq!(probe.choice(), None);
    }

    #[test]
    fn guest_with_both_interfaces_uses_the_newer_one() {
        let root = tempfile::tempdir().unwrap();
        guest(root.path(), "sev_guest\n");
        let at = root.path().display();

        let probe = Probe::of(root.path());

        assert_eq!(
            probe.to_text(),
            format!(
                "{at}/dev/nsm: AWS Nitro security module: not a device\n\
                 {at}/sys/kernel/config/tsm/report: AMD SEV-SNP by configfs-tsm: usable\n\
                 {at}/dev/sev-guest: AMD SEV-SNP by its guest device: usable\n\
                 processor flags: sev_snp\n\
                 would use: AMD SEV-SNP by configfs-tsm\n"
            )
        );
    }

    #[test]
    fn programs_read_the_same_as_json() {
        let root = tempfile::tempdir().unwrap();
        guest(root.path(), "a \"quoted\"\nname\\");
        let at = root.path().display();

        let json = Probe::of(root.path()).to_json();

        let reason = r#"the report provider is a \"quoted\"\u000aname\\, not sev_guest"#;
        let expected = [
            r#"{"found":[{"kind":"nitro-module","path":"ROOT/dev/nsm","usable":false,"#,
            r#""reason":"not a device"},{"kind":"tsm-report","#,
            r#""path":"ROOT/sys/kernel/config/tsm/report","usable":false,"reason":"REASON"},"#,
            r#"{"kind":"sev-guest","path":"ROOT/dev/sev-guest","usable":true,"reason":null}],"#,
            r#""processor_sev_snp":true,"would_use":"sev-guest"}"#,
        ];
        let expected = expected.concat().replace("ROOT", &at.to_string());
        assert_eq!(json, expected.replace("REASON", reason) + "\n");
    }

    #[test]
    fn flag_is_a_whole_word_among_the_flags() {
        assert!(has_flag("processor: 0\nflags\t\t: sev sev_es sev_snp\n"));
        assert!(!has_flag("flags\t\t: sev sev_es sev_snp_x\n"));
        assert!(!has_flag("model name\t: sev_snp\nflags\t\t: sev\n"));
        assert!(!has_flag(""));
    }

    /// Lays out a guest whose reports come from `provider`.
    fn guest(root: &Path, provider: &str) {
        let entry = root.join("sys/kernel/config/tsm/report/boop");
        fs::create_dir_all(&entry).unwrap();
        fs::write(entry.join("provider"), provider).unwrap();
        fs::create_dir(root.join("dev")).unwrap();
        symlink("/dev/null", root.join("dev/sev-guest")).unwrap();
        fs::write(root.join("dev/nsm"), "").unwrap();
        fs::create_dir(root.join("proc")).unwrap();
        fs::write(root.join("proc/cpuinfo"), "flags\t: sev sev_snp\n").unwrap();
    }
}
