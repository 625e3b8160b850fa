//! The matching protocol between three parties against the plain rule.

#[cfg(test)]
mod cells;
#[cfg(test)]
mod cheating;
#[cfg(test)]
mod clauses;
#[cfg(test)]
mod deviation;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod leakage;
#[cfg(test)]
mod packed;
#[cfg(test)]
mod sixteen;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transcript;
#[cfg(test)]
mod validity;
