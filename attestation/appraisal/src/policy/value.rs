//! Single values of a policy file, read and written.

use boop_verifier::{Mitigations, Rule, UnixTime};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};
use toml::Value;

/// The word that leaves a field open.
pub(super) const ANY: &str = "any";

/// A value that a rule of a file can hold.
pub(super) trait Plain: Sized {
    /// Whether "at least" has a meaning.
    const ORDERED: bool;

    /// Says what the file may hold.
    fn expected() -> String;

    /// Reads a value, or says what was found instead.
    fn read(value: &Value) -> Result<Self, String>;

    /// Writes a value.
    fn write(&self) -> String;
}

impl Plain for u8 {
    const ORDERED: bool = true;

    fn expected() -> String {
        "a number from 0 to 255".into()
    }

    fn read(value: &Value) -> Result<Self, String> {
        number(value)
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Plain for u32 {
    const ORDERED: bool = true;

    fn expected() -> String {
        format!("a number from 0 to {}", Self::MAX)
    }

    fn read(value: &Value) -> Result<Self, String> {
        number(value)
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Plain for bool {
    const ORDERED: bool = false;

    fn expected() -> String {
        "true or false".into()
    }

    fn read(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| describe(value))
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Plain for String {
    const ORDERED: bool = false;

    fn expected() -> String {
        "a text".into()
    }

    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            // Only alone does the word leave a field open; as a name it would accept nobody.
            Some(ANY | "") | None => Err(describe(value)),
            Some(text) => Ok(text.to_owned()),
        }
    }

    fn write(&self) -> String {
        quoted(self)
    }
}

impl<const N: usize> Plain for [u8; N] {
    const ORDERED: bool = false;

    fn expected() -> String {
        format!("{} hex digits", 2 * N)
    }

    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| describe(value))?;
        let bytes = hex::decode(text).map_err(|_| describe(value))?;
        let length = bytes.len();
        bytes
            .try_into()
            .map_err(|_| format!("{} hex digits", 2 * length))
    }

    fn write(&self) -> String {
        format!("\"{}\"", hex::encode(self))
    }
}

/// Reads a number that fits.
pub(super) fn number<N: TryFrom<i64>>(value: &Value) -> Result<N, String> {
    let number = value.as_integer().ok_or_else(|| describe(value))?;
    N::try_from(number).map_err(|_| number.to_string())
}

/// Says what a file may hold where a mask of mitigations stands.
pub(super) const MASK_EXPECTED: &str = "\"any\" or a mask such as 0x3f";

/// Reads a mask; the highest bit does not fit in a TOML number, so text is taken as well.
pub(super) fn mask(value: &Value) -> Result<Mitigations, String> {
    match value {
        Value::String(text) if text == ANY => Ok(Mitigations::Any),
        Value::String(text) => {
            let digits = text.strip_prefix("0x").ok_or_else(|| describe(value))?;
            let bits = u64::from_str_radix(digits, 16).map_err(|_| describe(value))?;
            Ok(Mitigations::All(bits))
        }
        _ => number(value).map(Mitigations::All),
    }
}

/// Writes a mask.
pub(super) fn write_mask(mask: Mitigations) -> String {
    match mask {
        Mitigations::Any => quoted(ANY),
        Mitigations::All(bits) if i64::try_from(bits).is_ok() => format!("{bits:#x}"),
        Mitigations::All(bits) => format!("\"{bits:#x}\""),
    }
}

/// Says what a file may hold where a date stands.
pub(super) const DATE_EXPECTED: &str = "a date such as 2025-02-03";

/// Reads a date, or a time with its offset; a date begins at midnight UTC.
pub(super) fn date(value: &Value) -> Result<UnixTime, String> {
    let found = || describe(value);
    let parts = value.as_datetime().ok_or_else(found)?;
    let day = parts.date.ok_or_else(found)?;
    let month = Month::try_from(day.month).map_err(|_| found())?;
    let day = Date::from_calendar_date(i32::from(day.year), month, day.day).map_err(|_| found())?;
    let (time, offset_minutes) = match (parts.time, parts.offset) {
        (None, None) => (Time::MIDNIGHT, 0),
        (Some(time), Some(offset)) => {
            let time = Time::from_hms(time.hour, time.minute, time.second).map_err(|_| found())?;
            let minutes = match offset {
                toml::value::Offset::Z => 0,
                toml::value::Offset::Custom { minutes } => i64::from(minutes),
            };
            (time, minutes)
        }
        _ => return Err(found()),
    };
    let seconds = PrimitiveDateTime::new(day, time)
        .assume_utc()
        .unix_timestamp()
        - offset_minutes * 60;
    u64::try_from(seconds).map(UnixTime).map_err(|_| found())
}

/// Writes a date, with the time of day where it is not midnight. What lies beyond the year 9999
/// becomes its end.
pub(super) fn write_date(at: UnixTime) -> String {
    let time = i64::try_from(at.0)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .filter(|time| time.year() <= 9999);
    let Some(time) = time else {
        return "9999-12-31T23:59:59Z".into();
    };
    let day = time.date();
    let (year, month, day) = (day.year(), u8::from(day.month()), day.day());
    let (hour, minute, second) = time.to_hms();
    match (hour, minute, second) {
        (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
    }
}

/// Writes a rule. "At least" for values without an order means the value itself.
pub(super) fn write_rule<T: Plain>(rule: &Rule<T>) -> String {
    match rule {
        Rule::Any => quoted(ANY),
        Rule::Exactly(value) => value.write(),
        Rule::OneOf(values) => write_list(values),
        Rule::AtLeast(value) if T::ORDERED => format!("{{ at_least = {} }}", value.write()),
        Rule::AtLeast(value) => value.write(),
    }
}

/// Writes a list.
pub(super) fn write_list<T: Plain>(values: &[T]) -> String {
    let values: Vec<_> = values.iter().map(Plain::write).collect();
    format!("[{}]", values.join(", "))
}

/// Writes a text as TOML.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Says what a value is, for an error; long texts are cut.
pub(super) fn describe(value: &Value) -> String {
    const CHARACTERS_MAX: usize = 40;
    match value {
        Value::String(text) if text.chars().count() <= CHARACTERS_MAX => format!("{text:?}"),
        Value::String(text) => {
            let start: String = text.chars().take(CHARACTERS_MAX).collect();
            format!("{start:?} and more")
        }
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(word) => word.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(_) => "a list".into(),
        Value::Table(_) => "a table".into(),
    }
}
