//! Answers of every kind: all, some, other ones, none.

use boop_channel::manifest::ChangeKind;
use ed25519_dalek::Signer as _;

use super::*;

const CONSOLE: Console = Console::new(false);

#[test]
fn every_change_is_asked_for_and_then_the_signature() {
    let changes = changes();

    let both = ask(&changes, &mut &b"y\nyes\ny\n"[..], &CONSOLE);
    let no_signature = ask(&changes, &mut &b"y\ny\nn\n"[..], &CONSOLE);

    assert_eq!(both, Ok(()));
    assert_eq!(no_signature, Err("signing was not accepted".into()));
}

#[test]
fn the_first_no_ends_it() {
    let mut input = &b"n\ny\ny\n"[..];

    let result = ask(&changes(), &mut input, &CONSOLE);

    assert_eq!(result, Err("name was not accepted".into()));
    assert_eq!(input, b"y\ny\n");
}

#[test]
fn the_end_of_the_input_is_a_no() {
    assert_eq!(
        ask(&changes(), &mut &b"y\n"[..], &CONSOLE),
        Err("threshold was not accepted".into())
    );
}

#[test]
fn a_question_is_put_again_and_not_for_ever() {
    assert_eq!(
        ask(&changes(), &mut &b"?\nY\ny\ny\ny\n"[..], &CONSOLE),
        Ok(())
    );
    assert_eq!(
        ask(&changes(), &mut &b"\n\n\ny\ny\ny\n"[..], &CONSOLE),
        Err("name was not accepted".into())
    );
}

#[test]
fn fields_are_named_all_and_no_others() {
    let named = |fields: &[&str]| {
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        named(&changes(), &fields, &CONSOLE)
    };

    assert_eq!(named(&["threshold", "name"]), Ok(()));
    assert_eq!(named(&["name"]), Err("no --yes-to for threshold".into()));
    assert_eq!(named(&[]), Err("no --yes-to for name, threshold".into()));
    for more in ["quality_min", "version"] {
        assert_eq!(
            named(&["threshold", "name", more]),
            Err(format!("--yes-to {more}, which does not change"))
        );
    }
}

#[test]
fn expected_changes_are_these_and_no_others() {
    let expected = diff::described(&changes());
    let mut other = expected.clone();
    other[2]["after"] = "3".into();
    let mut more = expected.clone();
    more.push(serde_json::json!({ "field": "quality_min" }));

    assert_eq!(listed(&changes(), &expected, &CONSOLE), Ok(()));
    for expected in [&other[..], &expected[..2]] {
        assert_eq!(
            listed(&changes(), expected, &CONSOLE),
            Err("threshold is not as the file expects".into())
        );
    }
    assert_eq!(
        listed(&changes(), &more, &CONSOLE),
        Err("the file expects quality_min, which does not change so".into())
    );
}

#[test]
fn an_approver_that_signs_something_else_is_found_out() {
    let mut signed = SignedManifest {
        manifest: vec![1, 2, 3],
        approvals: vec![],
    };

    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let liars = Approval {
        key: key.verifying_key().to_bytes(),
        signature: key.sign(b"something else").to_bytes(),
    };

    let error = add(&mut signed, liars).unwrap_err();

    assert_eq!(
        error.to_string(),
        "the key signed something else than it was given"
    );
    assert_eq!(signed.approvals, []);
}

fn changes() -> Vec<Change> {
    let change = |field: &str, effect| Change {
        field: field.into(),
        kind: ChangeKind::Changed,
        effect,
        before: Some("1".into()),
        after: Some("2".into()),
    };
    vec![
        change("version", Effect::Lineage),
        change("name", Effect::Neutral),
        change("threshold", Effect::RemovesTrust),
    ]
}
