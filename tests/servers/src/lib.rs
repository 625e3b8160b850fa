//! PostgreSQL and Redis for tests: real servers from Debian, each with a folder and a port of its
//! own, gone with the value that stands for it. `.ci/tokens` installs them.
//!
//! Where they are not installed, a test says so in one line and passes; where `CI` is set, it
//! fails.

mod postgres;
mod redis;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

pub use postgres::Postgres;
pub use redis::Redis;

/// How often a server is looked at that starts.
const POLL: Duration = Duration::from_millis(20);
/// How many times.
const POLLS_MAX: u32 = 1500;

/// Tells whether a program is there.
///
/// # Panics
/// If it is not, and `CI` is set.
#[must_use]
pub fn is_there(program: &Path) -> bool {
    let there = program.exists();
    assert!(
        there || std::env::var_os("CI").is_none(),
        "{} is not installed",
        program.display()
    );
    if !there {
        println!("{}: not installed, not tested", program.display());
    }
    there
}

/// Returns a port that nobody listens on now.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

fn wait_for_port(port: u16, name: &str) {
    wait_until(name, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    });
}

fn wait_until(name: &str, ready: impl Fn() -> bool) {
    for polls in 0.. {
        if ready() {
            return;
        }
        assert!(polls < POLLS_MAX, "{name} is not ready");
        sleep(POLL);
    }
}

fn password() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    hex::encode(bytes)
}
