//! The two implementations of the signature checks give the same verdict, whatever they are
//! given, and a chain that was followed once gives the verdict of the certificates it is made of.

mod cases;
mod encoding;
mod genuine;
mod p384;
mod pss;
mod random;
mod verdicts;
