//! Attested sessions, in one process, against those who would break them.

#[cfg(test)]
mod cast;
#[cfg(test)]
mod intruder;
#[cfg(test)]
mod judging;
#[cfg(test)]
mod pipe;
#[cfg(test)]
mod relaying;
#[cfg(test)]
mod succession;
