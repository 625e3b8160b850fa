//! Pages of documentation that the program prints from its own code.

use crate::{problem, rest};

/// What can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Page {
    /// Every error, as Markdown.
    Errors,
    /// The REST API, as OpenAPI 3.1.
    Openapi,
}

impl Page {
    /// Returns the page.
    ///
    /// # Errors
    /// If it does not serialise.
    pub fn text(self) -> anyhow::Result<String> {
        Ok(match self {
            Self::Errors => problem::page(),
            Self::Openapi => rest::document().to_pretty_json()?,
        })
    }
}
