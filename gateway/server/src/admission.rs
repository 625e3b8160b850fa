//! How often anybody may ask: the generic cell rate algorithm (ITU-T I.371, "virtual scheduling")
//! for each class of request and whoever asks.
//!
//! A caller may use a minute's share at once, and gets it back evenly over a minute. What is kept
//! for a caller is one number: when its share is whole again.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderValue};
use boop_wire::Digest;
use tokio::time::Instant;

use crate::problem::Failure;

/// Length of the window that a share is for, in microseconds.
const WINDOW_US: u64 = 60_000_000;
/// How often shares that are whole are looked for, in microseconds.
const SWEEP_EVERY_US: u64 = 1_000_000;
/// Callers that are kept at a time; beyond them, nobody new may ask.
const CALLERS_MAX: usize = 100_000;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Anything, from one address.
    Address,
    /// Contexts: open, ask about, cancel. Published: 100.
    Contexts,
    /// Users. Published: 50.
    Users,
    /// How jobs stand. Published: 1000.
    Jobs,
    /// Health. Published: 1000.
    Health,
    /// Balances and transactions.
    Ledger,
    /// Evidence, manifest, documents.
    Trust,
    /// What the operator does.
    Admin,
    /// New WebSockets.
    Sockets,
    /// Keys and tokens that were not good, from one address.
    Logins,
    /// Anything, from somebody whom intrusion detection slows down.
    Slowed,
}

impl Class {
    /// Returns the class of a path.
    pub fn of(path: &str) -> Self {
        let has = |prefix| path.starts_with(prefix);
        if path == "/health" || path == "/api/v1/status" {
            Self::Health
        } else if has("/ws/") || has("/vendor/") {
            Self::Sockets
        } else if has("/api/v1/auth") {
            Self::Contexts
        } else if has("/api/v1/mpc/jobs/") || has("/api/v1/jobs/") {
            Self::Jobs
        } else if path.ends_with("/register") || has("/api/v1/mpc/users/") {
            Self::Users
        } else if has("/api/v1/ledger/") {
            Self::Ledger
        } else if has("/api/v1/admin/") {
            Self::Admin
        } else {
            Self::Trust
        }
    }

    /// Returns the share of a minute.
    const fn per_minute(self) -> u32 {
        match self {
            Self::Address => 3_000,
            Self::Health | Self::Jobs => 1_000,
            Self::Trust => 300,
            Self::Contexts | Self::Ledger | Self::Admin | Self::Sockets => 100,
            Self::Users => 50,
            Self::Logins => 20,
            Self::Slowed => 6,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Contexts => "contexts",
            Self::Users => "users",
            Self::Jobs => "jobs",
            Self::Health => "health",
            Self::Ledger => "ledger",
            Self::Trust => "trust",
            Self::Admin => "admin",
            Self::Sockets => "sockets",
            Self::Logins => "logins",
            Self::Slowed => "slowed",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// An address; of IPv6, the network of 64 bits, which one customer has whole.
    Address(IpAddr),
    /// SHA-256 of a key, a token or an id.
    Caller(Digest),
}

impl Asker {
    /// Returns whoever asks from an address.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
                address.to_bits() & !u128::from(u64::MAX),
            )),
            v4 => v4,
        })
    }
}

/// Where an asker stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    class: Class,
    limit: u32,
    remaining: u32,
    /// Until the share is whole again.
    whole_us: u64,
    /// Until one request is free; none if this one was.
    wait_us: Option<u64>,
}

impl Standing {
    /// Tells whether the request is admitted.
    ///
    /// # Errors
    /// [`Refusal::Busy`](boop_wire::Refusal::Busy), with the time to wait.
    pub fn admitted(&self) -> Result<(), Failure> {
        let Some(wait_us) = self.wait_us else {
            return Ok(());
        };
        let Self { class, limit, .. } = self;
        let detail = format!("more than {limit} a minute of {}", class.name());
        Err(Failure {
            retry_after_s: Some(seconds(wait_us).max(1)),
            ..Failure::new(boop_wire::Refusal::Busy, detail)
        })
    }

    /// Writes the published headers, and those of the IETF's draft.
    pub fn write(&self, headers: &mut HeaderMap, now_ms: u64) {
        let Self {
            class,
            limit,
            remaining,
            whole_us,
            ..
        } = *self;
        let name = class.name();
        let reset_s = seconds(whole_us);
        let texts = [
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            (
                "x-ratelimit-reset",
                (now_ms / 1000).saturating_add(reset_s).to_string(),
            ),
            ("ratelimit-policy", format!("\"{name}\";q={limit};w=60")),
            ("ratelimit", format!("\"{name}\";r={remaining};t={reset_s}")),
        ];
        for (header, text) in texts {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(header, value);
            }
        }
    }
}

/// Seconds, so that what is left of one counts as one.
const fn seconds(us: u64) -> u64 {
    us.div_ceil(1_000_000)
}

/// Who has asked how often.
#[derive(Debug)]
pub struct Admission {
    /// Times each share.
    scale: u32,
    started: Instant,
    shares: Mutex<Shares>,
}

#[derive(Debug, Default)]
struct Shares {
    /// When each share is whole again, in microseconds after the start.
    whole: BTreeMap<(Class, Asker), u64>,
    /// From when on those that are whole may be looked for again.
    sweep_from_us: u64,
}

impl Admission {
    /// Returns an admission without askers; every published share counts so many times.
    pub fn new(scale: u32) -> Self {
        Self {
            scale,
            started: Instant::now(),
            shares: Mutex::default(),
        }
    }

    /// Counts one request, if it may be.
    pub fn admit(&self, class: Class, asker: Asker) -> Standing {
        self.admit_at(class, asker, self.now_us())
    }

    fn admit_at(&self, class: Class, asker: Asker, now_us: u64) -> Standing {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shares.whole.get(&(class, asker)).copied();
        if known.is_none() && shares.whole.len() >= CALLERS_MAX {
            shares.sweep(now_us);
            if shares.whole.len() >= CALLERS_MAX {
                return Standing {
                    class,
                    limit: self.limit(class),
                    remaining: 0,
                    whole_us: WINDOW_US,
                    wait_us: Some(WINDOW_US),
                };
            }
        }
        let (next_us, standing) = self.standing(class, known.unwrap_or(0), now_us);
        if standing.wait_us.is_none() {
            shares.whole.insert((class, asker), next_us);
        }
        standing
    }

    /// Returns when the share would be whole after one more request, and how the asker stands.
    fn standing(&self, class: Class, whole_us: u64, now_us: u64) -> (u64, Standing) {
        let limit = self.limit(class);
        let each_us = (WINDOW_US / u64::from(limit)).max(1);
        let before_us = whole_us.saturating_sub(now_us);
        let after_us = before_us + each_us;
        let fits = after_us <= WINDOW_US;
        let used_us = if fits { after_us } else { before_us };
        let left = WINDOW_US.saturating_sub(used_us) / each_us;
        let standing = Standing {
            class,
            limit,
            remaining: u32::try_from(left).unwrap_or(limit).min(limit),
            whole_us: used_us,
            wait_us: (!fits).then(|| after_us - WINDOW_US),
        };
        (now_us + after_us, standing)
    }

    fn limit(&self, class: Class) -> u32 {
        class.per_minute().saturating_mul(self.scale)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Shares {
    /// Forgets shares that are whole, at most once in a while: a crowd of new askers must not have
    /// every one of them counted for each.
    fn sweep(&mut self, now_us: u64) {
        if now_us >= self.sweep_from_us {
            self.sweep_from_us = now_us.saturating_add(SWEEP_EVERY_US);
            self.whole.retain(|_, whole_us| *whole_us > now_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: Asker = Asker::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
    const THERE: Asker = Asker::Caller(Digest::new([1; 32]));

    fn admits(admission: &Admission, asker: Asker, now_us: u64) -> bool {
        let standing = admission.admit_at(Class::Users, asker, now_us);
        standing.admitted().is_ok()
    }

    #[test]
    fn a_minutes_share_may_be_used_at_once_and_comes_back_evenly() {
        let admission = Admission::new(1);
        for _ in 0..50 {
            assert!(admits(&admission, HERE, 0));
        }
        assert!(!admits(&admission, HERE, 0));
        let each_us = WINDOW_US / 50;

        assert!(!admits(&admission, HERE, each_us - 1));
        assert!(admits(&admission, HERE, each_us));
        assert!(!admits(&admission, HERE, each_us));
        for _ in 0..50 {
            assert!(admits(&admission, HERE, 2 * WINDOW_US));
        }
    }

    #[test]
    fn no_minute_holds_more_than_twice_the_share_and_no_hour_more_than_its_own() {
        let admission = Admission::new(1);
        let tries = (0..36_000u64).map(|tenth| tenth * 100_000);

        let admitted = tries.filter(|now_us| admits(&admission, HERE, *now_us));

        assert_eq!(admitted.count(), 60 * 50 + 49);
    }

    #[test]
    fn askers_and_classes_do_not_share() {
        let admission = Admission::new(1);
        for _ in 0..51 {
            admits(&admission, HERE, 0);
        }

        assert!(!admits(&admission, HERE, 0));
        assert!(admits(&admission, THERE, 0));
        let other = admission.admit_at(Class::Health, HERE, 0);
        assert!(other.admitted().is_ok());
    }

    #[test]
    fn a_refusal_says_how_long_to_wait() {
        let admission = Admission::new(1);
        for _ in 0..50 {
            admits(&admission, HERE, 0);
        }

        let refused = admission.admit_at(Class::Users, HERE, 0);

        assert_eq!(refused.wait_us, Some(WINDOW_US / 50));
        let failure = refused.admitted().unwrap_err();
        assert_eq!(failure.retry_after_s, Some(2));
        assert_eq!(
            failure.detail.as_deref(),
            Some("more than 50 a minute of users")
        );
    }

    #[test]
    fn row_34_both_families_of_headers_say_the_same() {
        let admission = Admission::new(2);
        let standing = admission.admit_at(Class::Contexts, HERE, 0);
        let mut headers = HeaderMap::new();

        standing.write(&mut headers, 1_000_000);

        for (header, text) in [
            ("x-ratelimit-limit", "200"),
            ("x-ratelimit-remaining", "199"),
            ("x-ratelimit-reset", "1001"),
            ("ratelimit-policy", "\"contexts\";q=200;w=60"),
            ("ratelimit", "\"contexts\";r=199;t=1"),
        ] {
            assert_eq!(headers[header], text);
        }
    }

    #[test]
    fn an_ipv6_customer_is_one_asker() {
        let one = Asker::at("2001:db8::1".parse().unwrap());

        assert_eq!(one, Asker::at("2001:db8::ffff:1".parse().unwrap()));
        assert_ne!(one, Asker::at("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(HERE, Asker::at("::ffff:127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn too_many_askers_leave_no_place_for_new_ones_until_shares_are_whole() {
        let admission = Admission::new(1);
        let asker = |number: u32| Asker::Address(IpAddr::V4(Ipv4Addr::from_bits(number)));
        for number in 0..u32::try_from(CALLERS_MAX).unwrap() {
            assert!(admits(&admission, asker(number), 0));
        }

        assert!(!admits(&admission, THERE, 0));
        assert!(admits(&admission, asker(0), 0));
        assert!(admits(&admission, THERE, WINDOW_US));
    }

    #[test]
    fn paths_have_their_class() {
        for (path, class) in [
            ("/health", Class::Health),
            ("/api/v1/auth", Class::Contexts),
            ("/api/v1/auth/{context_id}/status", Class::Contexts),
            ("/v1/register", Class::Users),
            ("/api/v1/mpc/users/create", Class::Users),
            ("/api/v1/mpc/jobs/{job_id}", Class::Jobs),
            ("/api/v1/jobs/{job_id}/status", Class::Jobs),
            ("/api/v1/ledger/tokens/{user_id}", Class::Ledger),
            ("/ws/pvs", Class::Sockets),
            ("/vendor/connect", Class::Sockets),
            ("/api/v1/admin/credits", Class::Admin),
            ("/.well-known/attestation", Class::Trust),
        ] {
            assert_eq!(Class::of(path), class, "{path}");
        }
    }
}
