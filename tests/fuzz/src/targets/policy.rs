//! Policies as TOML files.

use boop_appraisal::policy::PolicyFile;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let file = match PolicyFile::parse(text) {
        Ok(file) => file,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says something");
            return;
        }
    };
    let written = PolicyFile::to_toml(&file.policy, &file.name);
    let again = PolicyFile::parse(&written).expect("what was read can be written");
    assert_eq!(again.policy, file.policy, "writing changes a policy");
    assert_eq!(again.name, file.name);
    assert_eq!(PolicyFile::to_toml(&again.policy, &again.name), written);
}
