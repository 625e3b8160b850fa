//! Names of streams, and lives of the log that keeps them.

use std::fmt;
use std::str::FromStr;

use boop_wire::UserId;
use boop_wire::id::{ScannerId, VendorId};

/// Whose stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamName {
    /// Results for a vendor; read by each of its sockets.
    Vendor(VendorId),
    /// Contexts for a scanner; read by its newest socket alone.
    Scanner(ScannerId),
    /// News of an enrolment; read by each of the user's sockets.
    User(UserId),
}

impl StreamName {
    /// Tells whether a new socket takes the place of the one before.
    pub const fn is_exclusive(&self) -> bool {
        match self {
            Self::Scanner(_) => true,
            Self::Vendor(_) | Self::User(_) => false,
        }
    }

    /// Returns the name under which a log keeps the stream. It names the user, so it is for
    /// databases and not for logs of what happens.
    pub fn key(&self) -> String {
        match self {
            Self::Vendor(vendor) => format!("vendor:{vendor}"),
            Self::Scanner(scanner) => format!("scanner:{scanner}"),
            Self::User(user) => format!("user:{user}"),
        }
    }
}

/// Why a text is no stream's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a stream")]
pub struct ParseKeyError;

impl FromStr for StreamName {
    type Err = ParseKeyError;

    fn from_str(key: &str) -> Result<Self, ParseKeyError> {
        let (kind, id) = key.split_once(':').ok_or(ParseKeyError)?;
        let name = match kind {
            "vendor" => id.parse().map(Self::Vendor).ok(),
            "scanner" => id.parse().map(Self::Scanner).ok(),
            "user" => id.parse().map(Self::User).ok(),
            _ => None,
        };
        name.ok_or(ParseKeyError)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vendor(_) | Self::Scanner(_) => f.write_str(&self.key()),
            // A user id is personal; the stream's kind is enough for a log.
            Self::User(_) => f.write_str("user:-"),
        }
    }
}

/// One life of a log. It changes when the log was put back to an earlier state, because offsets
/// that were given out since then will be given out again, for other messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_a_user_is_logged_without_the_user() {
        let user = StreamName::User(UserId::new([7; 16]));

        assert_eq!(user.to_string(), "user:-");
        assert_eq!(user.key(), format!("user:{}", "07".repeat(16)));
        let vendor = StreamName::Vendor("ven_1".parse().unwrap());
        assert_eq!(vendor.to_string(), "vendor:ven_1");
    }

    #[test]
    fn a_key_reads_as_its_stream_and_nothing_else_does() {
        let scanner = StreamName::Scanner("scn_1".parse().unwrap());
        for name in [scanner, StreamName::User(UserId::new([7; 16]))] {
            assert_eq!(name.key().parse(), Ok(name));
        }
        for text in ["", "vendor", "till:1", "user:7", "vendor:"] {
            assert_eq!(text.parse::<StreamName>(), Err(ParseKeyError), "{text}");
        }
    }
}
