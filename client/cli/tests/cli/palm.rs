//! `boop palm` on images that show no palm; palms themselves are drawn by another program.

use std::fs;

use boop_palm::Image;

use crate::run::boop;

#[test]
fn an_image_without_a_hand_holds_no_palm() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("black.png");
    let image = Image::new(200, 200, vec![0; 200 * 200]).expect("an image");
    fs::write(&path, image.to_png()).expect("written");

    let run = boop(["palm".as_ref(), "extract".as_ref(), path.as_os_str()]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.starts_with("no palm"), "{run:?}");
    assert!(run.out.contains("no hand is seen"), "{run:?}");

    let json = boop([
        "palm".as_ref(),
        "extract".as_ref(),
        path.as_os_str(),
        "--json".as_ref(),
    ]);
    assert_eq!(json.code, Some(1), "{json:?}");
    assert_eq!(json.json()["acceptable"], false);

    let palm = path.as_os_str();
    let compared = boop(["palm".as_ref(), "compare".as_ref(), palm, palm]);
    assert_eq!(compared.code, Some(2), "{compared:?}");
    assert!(compared.err.contains("no palm on"), "{compared:?}");
}

#[test]
fn files_that_are_no_images_are_named() {
    let scratch = tempfile::tempdir().expect("a folder");
    let text = scratch.path().join("text.png");
    fs::write(&text, "text").expect("written");
    let missing = scratch.path().join("missing.png");

    for (path, line) in [
        (&text, "bytes are no readable png"),
        (&missing, "cannot read"),
    ] {
        let run = boop(["palm".as_ref(), "extract".as_ref(), path.as_os_str()]);

        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.err.contains(line), "{run:?}");
    }
}

#[test]
fn accuracy_on_both_a_folder_and_drawn_palms_is_refused() {
    let run = boop(["palm", "accuracy", "--images", "captures", "--seed", "7"]);

    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("cannot be used with"), "{run:?}");
}

#[test]
fn accuracy_on_a_single_palm_is_refused() {
    let run = boop(["palm", "accuracy", "--identities", "1"]);

    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("1 is not in 2..=10000"), "{run:?}");
}
