//! What an access token is for.

use std::collections::BTreeSet;
use std::fmt;

use super::OAuthError;

/// One thing that a token may be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Open contexts, ask about them, cancel them.
    Contexts,
    /// Check transactions.
    Transactions,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 2] = [Self::Contexts, Self::Transactions];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contexts => "contexts",
            Self::Transactions => "transactions",
        }
    }
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Returns all there are.
    pub fn all() -> Self {
        Self(Scope::ALL.into())
    }

    /// Reads what a client asks for, names with a space between; all of them if it says nothing.
    ///
    /// # Errors
    /// [`OAuthError::InvalidScope`].
    pub fn asked(text: Option<&str>) -> Result<Self, OAuthError> {
        text.map_or_else(|| Ok(Self::all()), Self::read)
    }

    /// Reads names with a space between.
    ///
    /// # Errors
    /// [`OAuthError::InvalidScope`].
    pub fn read(text: &str) -> Result<Self, OAuthError> {
        let named = |name| Scope::ALL.into_iter().find(|scope| scope.name() == name);
        let scopes: Option<BTreeSet<Scope>> = text.split(' ').map(named).collect();
        scopes.map(Self).ok_or(OAuthError::InvalidScope)
    }

    /// Tells whether a scope is among them.
    pub fn hold(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|scope| scope.name()).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_as_they_are_written_and_unknown_ones_are_refused() {
        assert_eq!(Scopes::asked(None), Ok(Scopes::all()));
        assert_eq!(Scopes::all().to_string(), "contexts transactions");
        let one = Scopes::read("transactions").unwrap();
        assert_eq!(Scopes::read(&one.to_string()), Ok(one.clone()));
        assert!(one.hold(Scope::Transactions) && !one.hold(Scope::Contexts));
        for text in ["", "contexts  transactions", "everything", "contexts admin"] {
            assert_eq!(Scopes::read(text), Err(OAuthError::InvalidScope), "{text}");
        }
    }
}
