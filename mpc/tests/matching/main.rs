//! The matching protocol between three parties against the plain rule.

#[cfg(test)]
mod clauses;
#[cfg(test)]
mod deviation;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transcript;
#[cfg(test)]
mod validity;
