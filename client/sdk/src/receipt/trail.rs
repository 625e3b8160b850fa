//! What was checked, line by line, for whoever wants to see it.

use super::ReceiptError;

macro_rules! checks {
    ($($name:ident = $title:literal, $why:literal;)*) => {
        /// Names a check of a receipt.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ReceiptCheck {
            $(#[doc = concat!("Checks: ", $title, ".")] $name,)*
        }

        impl ReceiptCheck {
            /// Says in a few words what holds when the check passes.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Says in one sentence why the check matters.
            pub const fn why(self) -> &'static str {
                match self { $(Self::$name => $why,)* }
            }
        }
    };
}

checks! {
    Checkpoint = "the log signed the checkpoint",
        "Only the key in the approved manifest speaks for the log.";
    Inclusion = "the log contains the entry",
        "An entry outside the log could be shown to one person and denied to the next.";
    Commitment = "the entry commits to the detail",
        "The log holds a commitment alone; this ties it to the facts in plain sight.";
    Parties = "the three parties are the attested ones",
        "A signature counts when genuine hardware vouches for the key, at that time.";
    Signatures = "each party signed the outcome",
        "One party, or two, cannot say what was found.";
    Subject = "the outcome answers what was asked",
        "A match for another amount, payee or person proves nothing here.";
    Expected = "it is what was asked for",
        "Somebody else's genuine receipt must not pass for ours.";
    Decision = "the parties' decision fits",
        "An enrolment is no authentication, and the other way round.";
    Detail = "the entry records this outcome",
        "The log must tell of this very event, not of another one like it.";
    Simulated = "simulated hardware is stated",
        "Whoever reads the log must see that simulated hardware protects nothing.";
    Payment = "the payment is what was asked",
        "Amount, currency, payer and payee must be the ones the customer confirmed.";
}

/// One check with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailStep {
    /// Which check it was.
    pub check: ReceiptCheck,
    /// What was compared, or why it does not hold.
    pub result: Result<String, ReceiptError>,
}

/// The checks in the order they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    steps: Vec<TrailStep>,
}

impl Trail {
    /// Returns the checks made so far.
    pub fn steps(&self) -> &[TrailStep] {
        &self.steps
    }

    /// Writes a check down and passes its failure on.
    pub(crate) fn note(
        &mut self,
        check: ReceiptCheck,
        result: Result<String, ReceiptError>,
    ) -> Result<(), ReceiptError> {
        let failure = result.as_ref().err().cloned();
        self.steps.push(TrailStep { check, result });
        failure.map_or(Ok(()), Err)
    }
}
