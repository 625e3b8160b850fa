//! One rule of a policy. Every field of a policy is a rule that somebody wrote down.

use alloc::{string::String, vec::Vec};

/// Says which values a policy accepts for one field.
///
/// There is no default: a field that may hold anything says [`Rule::Any`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule<T> {
    /// This value alone.
    Exactly(T),
    /// One of these values; an empty list accepts nothing.
    OneOf(Vec<T>),
    /// This value or a greater one; values without an order are then refused unless equal.
    AtLeast(T),
    /// Every value. The step is then listed as not checked.
    Any,
}

impl<T: RuleValue> Rule<T> {
    /// Says whether the rule accepts `value`.
    pub fn accepts(&self, value: &T) -> bool {
        match self {
            Self::Exactly(expected) => value == expected,
            Self::OneOf(expected) => expected.contains(value),
            Self::AtLeast(floor) => value.reaches(floor),
            Self::Any => true,
        }
    }

    /// Says whether the rule accepts an optional value: an absent one satisfies only `Any`.
    pub fn accepts_option(&self, value: Option<&T>) -> bool {
        match value {
            Some(value) => self.accepts(value),
            None => self.is_any(),
        }
    }

    /// Says whether the rule leaves the field open.
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }
}

/// A value that a [`Rule`] can be about.
pub trait RuleValue: PartialEq {
    /// Says whether the value is at least `floor`; values without an order only reach themselves.
    fn reaches(&self, floor: &Self) -> bool {
        self == floor
    }
}

impl RuleValue for u8 {
    fn reaches(&self, floor: &Self) -> bool {
        self >= floor
    }
}

impl RuleValue for u32 {
    fn reaches(&self, floor: &Self) -> bool {
        self >= floor
    }
}

impl RuleValue for u64 {
    fn reaches(&self, floor: &Self) -> bool {
        self >= floor
    }
}

impl RuleValue for bool {}
impl RuleValue for String {}
impl RuleValue for Vec<u8> {}
impl<const N: usize> RuleValue for [u8; N] {}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn each_rule_accepts_what_it_says() {
        assert!(Rule::Exactly(3_u8).accepts(&3));
        assert!(!Rule::Exactly(3_u8).accepts(&4));
        assert!(Rule::OneOf(vec![1_u8, 2]).accepts(&2));
        assert!(!Rule::OneOf(vec![1_u8, 2]).accepts(&3));
        assert!(Rule::AtLeast(3_u8).accepts(&200));
        assert!(!Rule::AtLeast(3_u8).accepts(&2));
        assert!(Rule::<u8>::Any.accepts(&0));
    }

    #[test]
    fn an_empty_list_accepts_nothing() {
        assert!(!Rule::<u8>::OneOf(vec![]).accepts(&0));
    }

    #[test]
    fn byte_strings_have_no_order() {
        assert!(!Rule::AtLeast([1_u8; 4]).accepts(&[2; 4]));
        assert!(Rule::AtLeast([1_u8; 4]).accepts(&[1; 4]));
    }

    #[test]
    fn an_absent_value_satisfies_only_any() {
        assert!(Rule::<u8>::Any.accepts_option(None));
        assert!(!Rule::AtLeast(0_u8).accepts_option(None));
    }
}
