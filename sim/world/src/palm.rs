//! Synthetic palms: people who do not exist, and pictures a scanner might take of their hands.
//!
//! A person is grown from a seed: the outline of a hand, a tree of veins and the creases of the
//! skin. A capture moves, bends, lights, blurs and soils that hand as a visit to a scanner would.
//! Both depend on their seeds alone, so the same numbers give the same pixels on every machine.
//!
//! Everything is measured in millimetres, x to the right and y to the fingers, on a right palm
//! with the thumb on the left; a left palm is its mirror image.

pub mod accuracy;
mod capture;
mod creases;
mod defects;
mod draw;
mod geometry;
mod hand;
mod math;
mod noise;
mod person;
mod random;
mod render;
#[cfg(test)]
mod statistics;
mod tree;
mod veins;

pub use person::{Person, Side};
