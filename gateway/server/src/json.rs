//! JSON as clients send it, read the same on every surface.

use boop_wire::Refusal;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::Failure;

/// Integers that a double holds exactly lie below this (RFC 8259, section 6).
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Characters of a reader's words that are passed on.
const DETAIL_CHARACTERS_MAX: usize = 300;

/// Reads bytes that must be a JSON object. An array of a struct's members, which would read as the
/// struct too, is none.
///
/// # Errors
/// [`Refusal::Malformed`], with what is wrong.
pub(crate) fn object(bytes: &[u8]) -> Result<Value, Failure> {
    let mut value: Value =
        serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))?;
    if !value.is_object() {
        return Err(malformed("not an object"));
    }
    make_integral(&mut value);
    Ok(value)
}

/// Reads an object as a message.
///
/// # Errors
/// [`Refusal::Malformed`], with what is wrong.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| malformed(&error.to_string()))
}

/// The reader's words may quote what came, so they are cut short.
fn malformed(detail: &str) -> Failure {
    let detail: String = detail.chars().take(DETAIL_CHARACTERS_MAX).collect();
    Failure::new(Refusal::Malformed, detail)
}

/// Makes integers of numbers like `500.0`: the same number, as some languages write it.
fn make_integral(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(make_integral),
        Value::Object(members) => members.values_mut().for_each(make_integral),
        Value::Number(number) => {
            let integral = number
                .as_f64()
                .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT_MAX);
            // Its text without a fraction is the integer's.
            let text = integral.map(|float| format!("{float:.0}"));
            if let Some(integer) = text.and_then(|text| text.parse::<i64>().ok()) {
                *value = integer.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_without_a_fraction_are_integers() {
        let read = object(br#"{"a":500.0,"b":[-1e3,0.5,-0.0],"c":{"d":9007199254740993.0}}"#);

        let read = read.unwrap();
        assert_eq!(read["a"], json!(500));
        assert_eq!(read["b"], json!([-1000, 0.5, 0]));
        assert!(read["c"]["d"].is_f64());
    }

    #[test]
    fn what_came_is_quoted_in_short() {
        let failure = read::<()>(json!({ "x".repeat(10_000): 1 })).unwrap_err();

        assert!(failure.detail.unwrap().len() <= DETAIL_CHARACTERS_MAX);
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Empty {}
        let failure = read::<Empty>(json!({ "x".repeat(10_000): 1 })).unwrap_err();
        assert_eq!(failure.detail.unwrap().len(), DETAIL_CHARACTERS_MAX);
    }

    #[test]
    fn what_is_no_object_is_refused_with_the_reason() {
        for (text, named) in [
            ("{", "EOF"),
            ("[null]", "not an object"),
            ("7", "not an object"),
        ] {
            let failure = object(text.as_bytes()).unwrap_err();
            assert_eq!(failure.refusal, Refusal::Malformed);
            assert!(failure.detail.unwrap().contains(named), "{text}");
        }
    }
}
