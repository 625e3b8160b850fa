//! What a server turned down, in its own stable code.

use boop_wire::Refusal;
use boop_wire::api::{ErrorMessage, Problem};

/// Characters of a server's code or message that are kept.
const TEXT_CHARACTERS_MAX: usize = 200;

/// A server's refusal. The server is attested, its words still end up on screens and in logs, so
/// they are cut short and hold printable characters alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused with {code}: {message}")]
pub struct Refused {
    /// The stable code.
    pub code: String,
    /// In words.
    pub message: String,
    /// Whether the same request may succeed if it is repeated.
    pub retry_allowed: bool,
}

impl Refused {
    /// Takes a code from a message that carries no words.
    pub fn new(code: &str, retry_allowed: bool) -> Self {
        let message = if retry_allowed {
            "the same request may succeed later"
        } else {
            "the same request will be refused again"
        };
        Self {
            code: printable(code),
            message: message.into(),
            retry_allowed,
        }
    }

    /// Returns the refusal, if the code is one that this version knows.
    pub fn refusal(&self) -> Option<Refusal> {
        Refusal::ALL
            .iter()
            .copied()
            .find(|refusal| refusal.code() == self.code)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.retryable())
    }
}

impl From<&ErrorMessage> for Refused {
    fn from(error: &ErrorMessage) -> Self {
        Self {
            // A vendor's socket says the published code, and ours beside it.
            code: printable(error.details.refusal.as_ref().unwrap_or(&error.code)),
            message: printable(&error.message),
            retry_allowed: error.details.retry_allowed,
        }
    }
}

impl From<&Problem> for Refused {
    fn from(problem: &Problem) -> Self {
        let message = problem.detail.as_ref().unwrap_or(&problem.title);
        Self {
            code: printable(&problem.code),
            message: printable(message),
            retry_allowed: problem.retry_allowed,
        }
    }
}

fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '?' } else { c };
    text.chars().take(TEXT_CHARACTERS_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_code_leads_back_to_its_refusal() {
        for refusal in Refusal::ALL {
            let refused = Refused::from(*refusal);

            assert_eq!(refused.refusal(), Some(*refusal));
            assert_eq!(refused.retry_allowed, refusal.retryable());
        }
        assert_eq!(Refused::new("from-the-future", true).refusal(), None);
    }

    #[test]
    fn a_servers_words_are_cut_short_and_made_printable() {
        let refused = Refused::new(&"\u{1b}[31m".repeat(100), false);

        assert_eq!(refused.code.chars().count(), TEXT_CHARACTERS_MAX);
        assert!(refused.code.starts_with("?[31m"));
    }
}
