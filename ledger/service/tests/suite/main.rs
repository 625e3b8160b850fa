//! The ledger as a whole: a real store in a folder of its own, the writer beside it, and the
//! proofs checked with the library that clients use.

#[cfg(test)]
mod books;
#[cfg(test)]
mod custodians;
#[cfg(test)]
mod introduce;
#[cfg(test)]
mod log;
#[cfg(test)]
mod model;
#[cfg(test)]
mod network;
#[cfg(test)]
mod process;
#[cfg(test)]
mod public;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod rpc;
#[cfg(test)]
mod support;
#[cfg(test)]
mod writer;
