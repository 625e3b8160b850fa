//! Whole networks of real processes on this machine: journeys, crashes, and bad input.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod bad_rest;
#[cfg(test)]
mod bad_scanner;
#[cfg(test)]
mod bad_socket;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod custody_ledger;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod enrolment;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod guide;
#[cfg(test)]
mod intrusion;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod kms;
#[cfg(test)]
mod ledger_loss;
#[cfg(test)]
mod load;
#[cfg(test)]
mod moments;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod party_loss;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod scanner;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod succession;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod upgrade;
#[cfg(test)]
mod vendor_page;
