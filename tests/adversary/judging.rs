//! Peers whose evidence is genuine, and not what this edge may accept.

use std::sync::Arc;

use boop_channel::{Expectation, JudgeError, SessionError, Trust};
use boop_wire::binding::{Purpose, Role};
use boop_wire::manifest::{ChipId, Manifest};
use boop_wire::session::Side;
use boop_wire::{NetworkId, PartyIndex};

use crate::cast::{AGE_MAX_S, Actor, GATEWAY, LEDGER, NOW_MS, Part, party, trust};
use crate::pipe::{converse, session};

/// Has a client meet a server that expects `wanted`; returns why the server refused.
fn meet(client: &Actor, wanted: Expectation, trust: &Arc<Trust>) -> Option<SessionError> {
    let host = Actor::new(party(0), trust);
    // The client would take the server for what it is; what counts is the server's judgement.
    let mut client = session(Side::Client, client, party(0).expected());
    let mut server = session(Side::Server, &host, wanted);
    let ends = converse(&mut client, &mut server);
    assert_eq!(server.peer().is_some(), ends.server.is_ok());
    ends.server.err()
}

fn judged(error: JudgeError) -> Option<SessionError> {
    Some(SessionError::Evidence(error))
}

#[test]
fn a_session_opens_for_each_part_that_is_expected() {
    let trust = trust(|_| {});
    let pairs: [(Part, Part); 5] = [
        (party(1), party(0)),
        (party(2), party(1)),
        (party(0), party(2)),
        (GATEWAY, party(2)),
        (GATEWAY, LEDGER),
    ];
    for (from, to) in pairs {
        let (one, other) = (Actor::new(from, &trust), Actor::new(to, &trust));
        let mut client = session(Side::Client, &one, to.expected());
        let mut server = session(Side::Server, &other, from.expected());

        let ends = converse(&mut client, &mut server);

        assert_eq!((ends.client, ends.server), (Ok(()), Ok(())), "{from:?}");
        let (there, here) = (client.peer().unwrap(), server.peer().unwrap());
        assert_eq!((there.role(), there.party()), (to.role, to.party));
        assert_eq!((here.role(), here.party()), (from.role, from.party));
        assert_eq!(there.edge, here.edge);
        assert_eq!(client.export("job"), server.export("job"));
        client.send(b"hello").unwrap();
        assert_eq!(converse(&mut client, &mut server).server, Ok(()));
        assert_eq!(server.next_message().as_deref(), Some(&b"hello"[..]));
    }
}

#[test]
fn another_role_is_refused_where_a_party_is_expected_and_the_reverse() {
    let trust = trust(|_| {});
    for (shown, wanted) in [(GATEWAY, party(1)), (party(1), GATEWAY), (LEDGER, GATEWAY)] {
        let actor = Actor::new(shown, &trust);
        assert_eq!(meet(&actor, shown.expected(), &trust), None);

        let refused = meet(&actor, wanted.expected(), &trust);

        assert_role(refused, shown, wanted);
    }
}

#[test]
fn a_party_of_another_index_is_refused() {
    let trust = trust(|_| {});
    let (shown, wanted) = (party(1), party(2));
    let actor = Actor::new(shown, &trust);
    assert_eq!(meet(&actor, shown.expected(), &trust), None);

    assert_role(meet(&actor, wanted.expected(), &trust), shown, wanted);
}

#[test]
fn a_process_of_another_network_is_refused() {
    let here = trust(|_| {});
    let elsewhere = trust(|manifest| manifest.name = "elsewhere".into());
    let stranger = Actor::new(party(1), &elsewhere);
    let native = Actor::new(party(1), &here);
    let wanted = party(1).expected();

    assert_eq!(meet(&native, wanted, &here), None);
    assert_eq!(meet(&stranger, wanted, &here), judged(JudgeError::Network));
}

#[test]
fn what_the_manifest_lists_against_is_refused_by_its_name() {
    type Edit = fn(&mut Manifest);
    let edits: [(&str, Edit); 4] = [
        ("measurement-revoked", |m| {
            let code = m.releases[0].measurement;
            m.releases.clear();
            m.revoked.measurements.push(code);
        }),
        ("chip-revoked", |m| {
            let chip = ChipId(m.parties[1].machine.chip.clone());
            m.parties[1].machine.chip[0] ^= 1;
            // Other processes run on the same chip.
            for machine in m.gateways.iter_mut().chain([&mut m.ledger.machine]) {
                machine.chip[0] ^= u8::from(machine.chip == chip.0);
            }
            m.revoked.chips.push(chip);
        }),
        ("release-not-yet", |m| {
            let from = NOW_MS + 1;
            m.releases.iter_mut().for_each(|it| it.not_before_ms = from);
        }),
        ("release-ended", |m| {
            let end = Some(NOW_MS);
            m.releases.iter_mut().for_each(|it| it.not_after_ms = end);
        }),
    ];
    for (reason, edit) in edits {
        let trust = trust(edit);
        let actor = Actor::new(party(1), &trust);

        let refused = trust.judge(&actor.evidence, &party(1).expected(), NOW_MS);

        let reasons = vec![String::from(reason)];
        let summary = reason.replace('-', " ");
        assert_eq!(
            refused.err(),
            Some(JudgeError::Refused { summary, reasons })
        );
    }
}

#[test]
fn a_release_runs_from_its_first_moment_to_before_its_last() {
    let trust = trust(|m| {
        for release in &mut m.releases {
            release.not_before_ms = NOW_MS;
            release.not_after_ms = Some(NOW_MS + 1);
        }
    });
    let actor = Actor::new(party(1), &trust);

    let judged = trust.judge(&actor.evidence, &party(1).expected(), NOW_MS);

    assert!(judged.is_ok(), "{judged:?}");
}

#[test]
fn a_process_of_another_manifest_of_the_same_network_is_refused() {
    let first = trust(|_| {});
    let network = first.manifest().network();
    let next = |version| {
        let previous = first.manifest().digest();
        trust(|manifest| {
            manifest.version = version;
            manifest.previous = Some(previous);
            manifest.network = Some(network);
        })
    };
    let (second, third) = (next(2), next(3));
    let wanted = party(1).expected();

    let current = Actor::new(party(1), &second);
    assert_eq!(meet(&current, wanted, &second), None);
    for other in [&first, &third] {
        let late = Actor::new(party(1), other);
        assert_eq!(meet(&late, wanted, &second), judged(JudgeError::Manifest));
    }
}

#[test]
fn evidence_that_is_stale_or_of_the_future_is_refused() {
    let trust = trust(|_| {});
    let age_max_ms = u64::from(AGE_MAX_S) * 1000;
    let made_at = |ms| Actor::with(party(1), &trust, |binding| binding.made_at_ms = ms);
    let wanted = party(1).expected();

    for good in [NOW_MS - age_max_ms, NOW_MS + 60_000] {
        assert_eq!(meet(&made_at(good), wanted, &trust), None);
    }
    for bad in [NOW_MS - age_max_ms - 1, NOW_MS + 60_001, 0, u64::MAX] {
        let refused = meet(&made_at(bad), wanted, &trust);
        assert_eq!(refused, judged(JudgeError::Stale), "{bad}");
    }
}

#[test]
fn evidence_for_another_purpose_or_challenge_is_refused() {
    let trust = trust(|_| {});
    let wanted = party(1).expected();
    let release = Actor::with(party(1), &trust, |b| b.purpose = Purpose::KeyRelease);
    let challenged = Actor::with(party(1), &trust, |b| b.challenge = [1; 32]);

    assert_eq!(meet(&Actor::new(party(1), &trust), wanted, &trust), None);
    for actor in [release, challenged] {
        assert_eq!(meet(&actor, wanted, &trust), judged(JudgeError::Purpose));
    }
}

#[test]
fn evidence_over_another_binding_is_refused() {
    let trust = trust(|_| {});
    let wanted = party(1).expected();
    let mut actor = Actor::new(party(1), &trust);
    assert_eq!(meet(&actor, wanted, &trust), None);
    let other = Actor::with(party(1), &trust, |binding| binding.lease = 9);

    actor.evidence.binding = other.evidence.binding;

    let refused = meet(&actor, wanted, &trust);
    let Some(SessionError::Evidence(JudgeError::Refused { reasons, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(reasons, ["report-data-mismatch"]);
}

#[test]
fn a_network_that_only_claims_to_be_the_same_is_another() {
    let here = trust(|_| {});
    let liar = Actor::with(party(1), &here, |b| b.network = NetworkId::new([1; 32]));

    let refused = meet(&liar, party(1).expected(), &here);

    assert_eq!(refused, judged(JudgeError::Network));
}

fn assert_role(refused: Option<SessionError>, shown: Part, wanted: Part) {
    let Some(SessionError::Evidence(JudgeError::Role { found, expected })) = refused else {
        panic!("{refused:?}");
    };
    let named = |role: Role, party: Option<PartyIndex>| Part { role, party };
    assert_eq!(named(found.role, found.party), shown);
    assert_eq!(named(expected.role, expected.party), wanted);
}
