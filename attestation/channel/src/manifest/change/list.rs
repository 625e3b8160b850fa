//! Lists whose entries are told apart by a key instead of their place.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::{Change, ChangeKind, Effect, added, removed};

/// Tells what was added to a list, removed from it and put in another order. Returns the entries
/// that kept their key and have another content: place in the new list, old and new one.
pub(super) fn compare_lists<'a, T: PartialEq, K: PartialEq>(
    found: &mut Vec<Change>,
    list: &str,
    (old, new): (&'a [T], &'a [T]),
    key: impl Fn(&T) -> K,
    words: impl Fn(&T) -> String,
) -> Vec<(usize, &'a T, &'a T)> {
    let places = matched(old, new, &key);
    for (index, entry) in old.iter().enumerate() {
        if places[index].is_none() {
            let field = format!("old.{list}[{index}]");
            found.push(removed(field, words(entry), Effect::RemovesTrust));
        }
    }
    for (index, entry) in new.iter().enumerate() {
        if !places.contains(&Some(index)) {
            let field = format!("{list}[{index}]");
            found.push(added(field, words(entry), Effect::AddsTrust));
        }
    }
    let kept: Vec<usize> = places.iter().flatten().copied().collect();
    if !kept.is_sorted() {
        found.push(reordered(list, &kept));
    }
    let pairs = old.iter().zip(places).filter_map(|(old, place)| {
        let place = place?;
        Some((place, old, &new[place]))
    });
    pairs.filter(|(_, old, new)| old != new).collect()
}

/// Returns for each old entry the place of its new one: an equal one, else one with its key.
fn matched<T: PartialEq, K: PartialEq>(
    old: &[T],
    new: &[T],
    key: impl Fn(&T) -> K,
) -> Vec<Option<usize>> {
    let mut places = vec![None; old.len()];
    match_by(&mut places, old, new, |old, new| old == new);
    match_by(&mut places, old, new, |old, new| key(old) == key(new));
    places
}

/// Gives each old entry without a place the first free one whose entry is the same.
fn match_by<T>(places: &mut [Option<usize>], old: &[T], new: &[T], same: impl Fn(&T, &T) -> bool) {
    for (index, entry) in old.iter().enumerate() {
        if places[index].is_none() {
            places[index] = (0..new.len())
                .find(|place| !places.contains(&Some(*place)) && same(entry, &new[*place]));
        }
    }
}

/// No code reads a meaning from the order of a list; the reviewer still sees that it is another.
fn reordered(list: &str, kept: &[usize]) -> Change {
    let words = |places: &mut dyn Iterator<Item = usize>| {
        let places: Vec<String> = places.map(|place| place.to_string()).collect();
        places.join(", ")
    };
    let mut sorted = kept.to_vec();
    sorted.sort_unstable();
    Change {
        field: format!("{list}.order"),
        kind: ChangeKind::Changed,
        effect: Effect::Neutral,
        before: Some(words(&mut kept.iter().copied())),
        after: Some(words(&mut sorted.into_iter())),
    }
}
