//! A network that goes over to the next manifest: names overlap, rules do not [EVI-8].

use std::sync::Arc;

use boop_channel::{JudgeError, SessionError, Trust};
use boop_wire::manifest::Measurement;
use boop_wire::session::Side;

use crate::cast::{AGE_MAX_S, Actor, CODE, NOW_MS, party, successor, trust};
use crate::pipe::{converse_at, session};

const WINDOW_MS: u64 = AGE_MAX_S as u64 * 1000;

#[test]
fn who_has_taken_the_next_version_and_who_has_not_meet_for_a_window() {
    let old = trust(|_| {});
    let taken = taken(&old, |_| {});
    for (after_ms, expected) in [
        (0, Ok(())),
        (WINDOW_MS - 1, Ok(())),
        // From here on one names the new version, which the other has yet to take.
        (WINDOW_MS, Err(SessionError::Evidence(JudgeError::Manifest))),
    ] {
        let late = actor(&old, NOW_MS + after_ms);
        let early = actor(&taken, NOW_MS + after_ms);

        assert_eq!(meet(&early, &late, after_ms), expected, "{after_ms}");
    }
}

#[test]
fn who_names_the_version_before_is_met_for_two_windows() {
    let old = trust(|_| {});
    let taken = taken(&old, |_| {});

    for (after_ms, expected) in [
        (2 * WINDOW_MS - 1, Ok(())),
        (2 * WINDOW_MS, Err(JudgeError::Manifest)),
    ] {
        let now_ms = NOW_MS + after_ms;
        let late = actor(&old, now_ms);
        let judged = taken.judge(&late.evidence, &party(1).expected(), now_ms);
        assert_eq!(judged.map(drop), expected, "{after_ms}");
    }
}

#[test]
fn whatever_version_is_named_the_newest_judges() {
    let old = trust(|_| {});
    let taken = taken(&old, |manifest| {
        manifest.revoked.measurements = vec![Measurement(CODE)];
        for release in &mut manifest.releases {
            release.measurement.0[0] ^= 1;
        }
    });
    let late = actor(&old, NOW_MS);

    let before = old.judge(&late.evidence, &party(1).expected(), NOW_MS);
    let judged = taken.judge(&late.evidence, &party(1).expected(), NOW_MS);
    let standing = taken.review(&late.evidence, NOW_MS);

    assert!(before.is_ok());
    for refused in [judged.map(drop), standing] {
        let Err(JudgeError::Refused { reasons, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(reasons, ["measurement-revoked"]);
    }
}

#[test]
fn a_session_that_stands_outlives_its_evidence_and_its_version() {
    let old = trust(|_| {});
    let taken = taken(&old, |manifest| manifest.evidence_age_max_s = 1);
    let long_ms = NOW_MS + 1_000 * WINDOW_MS;

    for index in 0..3 {
        let peer = Actor::new(party(index), &old);
        assert_eq!(taken.review(&peer.evidence, long_ms), Ok(()));
        let fresh = taken.judge(&peer.evidence, &party(index).expected(), long_ms);
        assert_eq!(fresh.map(drop), Err(JudgeError::Manifest));
    }
}

#[test]
fn evidence_lasts_as_long_as_the_version_says_that_it_names() {
    let old = trust(|_| {});
    let taken = taken(&old, |manifest| manifest.evidence_age_max_s = 1);
    let now_ms = NOW_MS + WINDOW_MS;
    let named = |trust: &Arc<Trust>, age_ms| {
        let digest = trust.manifest().digest();
        let actor = Actor::with(party(1), trust, |binding| {
            binding.manifest = digest;
            binding.made_at_ms = now_ms - age_ms;
        });
        let judged = taken.judge(&actor.evidence, &party(1).expected(), now_ms);
        judged.map(drop)
    };

    assert_eq!(named(&old, WINDOW_MS), Ok(()));
    assert_eq!(named(&taken, 1_000), Ok(()));
    assert_eq!(named(&taken, 1_001), Err(JudgeError::Stale));
}

fn taken(old: &Trust, change: impl FnOnce(&mut boop_wire::manifest::Manifest)) -> Arc<Trust> {
    let next = successor(old, change);
    Arc::new(old.take(&[next], NOW_MS).unwrap().unwrap())
}

/// Party 1 with evidence that is made now and names what it shows now.
fn actor(trust: &Arc<Trust>, now_ms: u64) -> Actor {
    Actor::with(party(1), trust, |binding| {
        binding.manifest = trust.shown(now_ms);
        binding.made_at_ms = now_ms;
    })
}

/// Has party 1 open a session with party 0, which believes something else.
fn meet(one: &Actor, of: &Actor, after_ms: u64) -> Result<(), SessionError> {
    let now_ms = NOW_MS + after_ms;
    let zero = Actor::with(party(0), &of.trust, |binding| {
        binding.manifest = of.trust.shown(now_ms);
        binding.made_at_ms = now_ms;
    });
    let mut client = session(Side::Client, one, party(0).expected());
    let mut server = session(Side::Server, &zero, party(1).expected());
    let ends = converse_at(&mut client, &mut server, now_ms);
    ends.client.and(ends.server)
}
