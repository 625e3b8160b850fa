//! Intrusion detection at the doors: what they see goes to `boop-watch` under pseudonyms of the
//! day, and what its rules find comes back as a slower pace, a closed door or a page.
//!
//! Names stay on this side. The key that makes pseudonyms of them is drawn anew each day, with a
//! new watch, and nothing keeps it. Of a finding only a vendor's or a scanner's id is kept beside
//! the pseudonym: an operator needs it, and it is no person's. Addresses and users have none.
//!
//! Nobody waits here. Whoever is slowed has a small share of requests a minute, and beyond it is
//! told when to come back, so that an attacker's requests hold neither connections nor tasks.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use boop_watch::{Event, Finding, Pseudonym, Subject, Verdict, Watch, What};
use boop_wire::id::{ScannerId, VendorId};
use boop_wire::{Digest, UserId};

use crate::admission::Asker;
use crate::text;

pub(crate) use doors::Login;

mod doors;

/// Findings that are kept; one more, and the oldest is gone.
pub const FINDINGS_MAX: usize = 200;
/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Who does something at a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// Whoever holds the administrator's token.
    Administrator,
    /// A network address, of somebody who has not proved more.
    Address(IpAddr),
    /// A scanner.
    Scanner(ScannerId),
    /// A user.
    User(UserId),
    /// A vendor.
    Vendor(VendorId),
}

/// The names of a day, and what they are called in its watch.
pub(crate) struct Today<'a> {
    key: &'a hmac::Key,
    /// Vendors and scanners that an event is about.
    named: Vec<(Pseudonym, String)>,
}

impl Today<'_> {
    /// Returns how a subject is called.
    pub(crate) fn subject(&mut self, who: &Who) -> Subject {
        match who {
            Who::Administrator => Subject::Administrator,
            Who::Address(address) => Subject::Address(self.address(*address)),
            Who::Scanner(scanner) => Subject::Scanner(self.scanner(scanner)),
            Who::User(user) => Subject::User(self.user(*user)),
            Who::Vendor(vendor) => Subject::Vendor(self.vendor(vendor)),
        }
    }

    /// Returns how an address is called; an IPv6 customer is one.
    pub(crate) fn address(&self, address: IpAddr) -> Pseudonym {
        match Asker::at(address) {
            Asker::Address(IpAddr::V4(address)) => self.name("address", &address.octets()),
            Asker::Address(IpAddr::V6(address)) => self.name("address", &address.octets()),
            Asker::Caller(digest) => self.name("address", digest.as_bytes()),
        }
    }

    /// Returns how a scanner is called.
    pub(crate) fn scanner(&mut self, scanner: &ScannerId) -> Pseudonym {
        self.public("scanner", scanner.as_str())
    }

    /// Returns how a vendor is called.
    pub(crate) fn vendor(&mut self, vendor: &VendorId) -> Pseudonym {
        self.public("vendor", vendor.as_str())
    }

    /// Returns how a user is called.
    pub(crate) fn user(&self, user: UserId) -> Pseudonym {
        self.name("user", user.as_bytes())
    }

    /// Returns how something that was shown as a proof is called.
    pub(crate) fn key(&self, shown: &str) -> Pseudonym {
        self.name("key", shown.as_bytes())
    }

    /// Returns how something that was asked for is called.
    pub(crate) fn target(&self, target: &str) -> Pseudonym {
        self.name("target", target.as_bytes())
    }

    fn public(&mut self, kind: &str, name: &str) -> Pseudonym {
        let pseudonym = self.name(kind, name.as_bytes());
        self.named.push((pseudonym, name.into()));
        pseudonym
    }

    fn name(&self, kind: &str, name: &[u8]) -> Pseudonym {
        Pseudonym::new(keyed(self.key, kind, name))
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Names it at this gateway.
    pub(crate) id: String,
    /// What the rule says.
    pub(crate) finding: Finding,
    /// The vendor's or scanner's id, if it is about one.
    pub(crate) name: Option<String>,
}

/// A gateway's watch, its names of the day and what it found.
pub struct Intrusion(Mutex<State>);

struct State {
    day: u64,
    key: hmac::Key,
    watch: Watch,
    /// Oldest first.
    found: VecDeque<Found>,
    /// How many there were since the key was drawn.
    count: u64,
}

impl Intrusion {
    /// Begins with nothing seen, and a key for the rest of the day.
    pub fn new(key: &[u8; 32], now_ms: u64) -> Self {
        Self(Mutex::new(State {
            day: now_ms / DAY_MS,
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            watch: Watch::new(),
            found: VecDeque::new(),
            count: 0,
        }))
    }

    /// Takes what a door saw, and returns what is found with it.
    pub(crate) fn observe(&self, at_ms: u64, see: impl FnOnce(&mut Today) -> What) -> Vec<Found> {
        let mut state = self.at(at_ms);
        let (what, named) = state.today(see);
        let findings = state.watch.observe(&Event { at_ms, what });
        let found = findings.into_iter();
        found.map(|finding| state.keep(finding, &named)).collect()
    }

    /// Tells whether nobody is slowed or blocked.
    pub(crate) fn is_calm(&self, now_ms: u64) -> bool {
        self.at(now_ms).watch.is_calm(now_ms)
    }

    /// Returns how somebody is called today, and stands.
    fn verdict(&self, who: &Who, now_ms: u64) -> (Subject, Verdict) {
        let state = self.at(now_ms);
        let (subject, _) = state.today(|today| today.subject(who));
        (subject, state.watch.verdict(subject, now_ms))
    }

    /// Returns what was found, newest first, with how its subject stands now; of one subject alone
    /// if that is asked.
    pub(crate) fn found(&self, about: Option<&Who>, now_ms: u64) -> Vec<(Found, Verdict)> {
        let state = self.at(now_ms);
        let about = about.map(|who| state.today(|today| today.subject(who)).0);
        let asked = |found: &&Found| about.is_none_or(|about| found.finding.subject == about);
        let found = state.found.iter().rev().filter(asked);
        let standing = |found: &Found| state.watch.verdict(found.finding.subject, now_ms);
        found
            .map(|found| (found.clone(), standing(found)))
            .collect()
    }

    /// Lets the subject of a finding free; false if there is no such finding.
    pub(crate) fn lift(&self, id: &str, now_ms: u64) -> bool {
        let mut state = self.at(now_ms);
        let found = state.found.iter().find(|found| found.id == id);
        let Some(subject) = found.map(|found| found.finding.subject) else {
            return false;
        };
        state.watch.lift(subject);
        true
    }

    /// Takes the state of a time, which on a new day has forgotten the one before.
    fn at(&self, now_ms: u64) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let day = now_ms / DAY_MS;
        if day > state.day {
            match text::random::<32>() {
                Ok(key) => state.begin(day, &key),
                Err(refusal) => tracing::error!(%refusal, "yesterday's pseudonyms go on"),
            }
        }
        state
    }
}

impl State {
    /// Begins a day. What was found stays, under names that nobody can make any more.
    fn begin(&mut self, day: u64, key: &[u8; 32]) {
        self.day = day;
        self.key = hmac::Key::new(hmac::HMAC_SHA256, key);
        self.watch = Watch::new();
    }

    fn today<T>(&self, say: impl FnOnce(&mut Today) -> T) -> (T, Vec<(Pseudonym, String)>) {
        let mut today = Today {
            key: &self.key,
            named: Vec::new(),
        };
        (say(&mut today), today.named)
    }

    fn keep(&mut self, finding: Finding, named: &[(Pseudonym, String)]) -> Found {
        self.count += 1;
        let id = keyed(&self.key, "finding", &self.count.to_be_bytes());
        let about = pseudonym_of(finding.subject);
        let mut named = named.iter();
        let name = named.find(|(pseudonym, _)| Some(*pseudonym) == about);
        let found = Found {
            id: format!("fnd_{}", hex::encode(&id.as_bytes()[..12])),
            name: name.map(|(_, name)| name.clone()),
            finding,
        };
        while self.found.len() >= FINDINGS_MAX {
            self.found.pop_front();
        }
        self.found.push_back(found.clone());
        found
    }
}

/// Returns the kind of a subject in a word.
pub(crate) const fn kind_of(subject: Subject) -> &'static str {
    match subject {
        Subject::Administrator => "administrator",
        Subject::Address(_) => "address",
        Subject::Scanner(_) => "scanner",
        Subject::User(_) => "user",
        Subject::Vendor(_) => "vendor",
    }
}

/// Returns the pseudonym of a subject that has one.
pub(crate) const fn pseudonym_of(subject: Subject) -> Option<Pseudonym> {
    match subject {
        Subject::Administrator => None,
        Subject::Address(name)
        | Subject::Scanner(name)
        | Subject::User(name)
        | Subject::Vendor(name) => Some(name),
    }
}

fn keyed(key: &hmac::Key, kind: &str, name: &[u8]) -> Digest {
    // No kind has a zero in it, so that kind and name run together in one way alone.
    let tag = hmac::sign(key, &[kind.as_bytes(), &[0], name].concat());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    Digest::new(bytes)
}

#[cfg(test)]
mod tests;
