//! JSON whose every value knows where it stands, so that an error can say so.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// Why a twin is not one, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", if path.is_empty() { "the twin" } else { path })]
pub(in crate::manifest) struct TwinError {
    /// Where: `parties[1].machine.chip`.
    pub(in crate::manifest) path: String,
    /// What is wrong there.
    pub(in crate::manifest) problem: Problem,
}

/// What is wrong at one place of a twin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::manifest) enum Problem {
    /// The text is no JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// A field that must be there is not.
    #[error("this field is missing")]
    Missing,
    /// A manifest has no such field.
    #[error("there is no such field")]
    Unknown,
    /// A field is there twice.
    #[error("this field is there twice")]
    Twice,
    /// A value is of another kind.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A text is not hexadecimal of the right length.
    #[error("expected {expected} hexadecimal digits, found {found} characters")]
    Digits {
        /// How many are expected.
        expected: usize,
        /// How many characters there are.
        found: usize,
    },
    /// A text of the right length has something else than digits in it.
    #[error("expected hexadecimal digits alone")]
    NotHex,
    /// A number is too large.
    #[error("at most {0}")]
    Above(u64),
    /// A word is not among those that are known.
    #[error("expected one of {0}")]
    Word(String),
    /// A list has another length.
    #[error("expected {expected} entries, found {found}")]
    Count {
        /// How many are expected.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// An entry of a list stands in it before.
    #[error("this is listed twice")]
    ListedTwice,
    /// The next version would say something else.
    #[error("the version that follows has {0}; leave it out")]
    Lineage(String),
}

/// A JSON value; fields keep their order and stand twice if they are given twice.
#[derive(Debug)]
pub(super) enum Json {
    Null,
    Flag(bool),
    Number(u64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
    /// A number with a sign, a fraction or an exponent: nothing here takes one.
    OtherNumber,
}

/// Reads JSON text to its end.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, TwinError> {
    serde_json::from_slice(bytes).map_err(|error| TwinError {
        path: String::new(),
        problem: Problem::NotJson(error.to_string()),
    })
}

/// A value and where it stands.
pub(super) struct Node<'a> {
    path: String,
    json: &'a Json,
}

impl<'a> Node<'a> {
    pub(super) const fn root(json: &'a Json) -> Self {
        let path = String::new();
        Self { path, json }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Refuses the value unless something holds.
    pub(super) fn demand(
        &self,
        holds: bool,
        problem: impl FnOnce() -> Problem,
    ) -> Result<(), TwinError> {
        if holds {
            Ok(())
        } else {
            Err(self.error(problem()))
        }
    }

    /// Takes an object whose fields are all known and there at most once.
    pub(super) fn members(&self, known: &[&str]) -> Result<Members<'a>, TwinError> {
        let Json::Object(members) = self.json else {
            return Err(self.error(Problem::Expected("an object")));
        };
        let members = Members {
            path: self.path.clone(),
            members,
        };
        for (index, (name, _)) in members.members.iter().enumerate() {
            let before = &members.members[..index];
            let problem = if !known.contains(&name.as_str()) {
                Problem::Unknown
            } else if before.iter().any(|(other, _)| other == name) {
                Problem::Twice
            } else {
                continue;
            };
            let path = members.path_of(name);
            return Err(TwinError { path, problem });
        }
        Ok(members)
    }

    /// Takes a list.
    pub(super) fn entries(&self) -> Result<Vec<Self>, TwinError> {
        let Json::List(entries) = self.json else {
            return Err(self.error(Problem::Expected("a list")));
        };
        let entry = |(index, json)| Self {
            path: format!("{}[{index}]", self.path),
            json,
        };
        Ok(entries.iter().enumerate().map(entry).collect())
    }

    /// Takes what a reader takes; nothing for `null`.
    pub(super) fn or_null<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, TwinError>,
    ) -> Result<Option<T>, TwinError> {
        match self.json {
            Json::Null => Ok(None),
            _ => read(self).map(Some),
        }
    }

    /// Takes hexadecimal digits; nothing for `null`.
    pub(super) fn hex_or_null<const N: usize>(&self) -> Result<Option<[u8; N]>, TwinError> {
        self.or_null(Self::hex)
    }

    /// Takes hexadecimal digits of as many bytes as there are, up to a number of them.
    pub(super) fn hex_up_to(&self, bytes_max: usize) -> Result<Vec<u8>, TwinError> {
        let text = self.text()?;
        let (expected, found) = (2 * bytes_max, text.chars().count());
        self.demand(found <= expected, || Problem::Digits { expected, found })?;
        hex::decode(&text).map_err(|_| self.error(Problem::NotHex))
    }

    pub(super) fn flag(&self) -> Result<bool, TwinError> {
        match self.json {
            Json::Flag(flag) => Ok(*flag),
            _ => Err(self.error(Problem::Expected("true or false"))),
        }
    }

    pub(super) fn text(&self) -> Result<String, TwinError> {
        match self.json {
            Json::Text(text) => Ok(text.clone()),
            _ => Err(self.error(Problem::Expected("a text"))),
        }
    }

    pub(super) fn number<N>(&self, max: N) -> Result<N, TwinError>
    where
        N: TryFrom<u64> + Into<u64> + PartialOrd + Copy,
    {
        let Json::Number(number) = self.json else {
            return Err(self.error(Problem::Expected("a whole number from 0 on")));
        };
        let number = N::try_from(*number).ok().filter(|number| *number <= max);
        number.ok_or_else(|| self.error(Problem::Above(max.into())))
    }

    pub(super) fn hex<const N: usize>(&self) -> Result<[u8; N], TwinError> {
        let text = self.text()?;
        let (expected, found) = (2 * N, text.chars().count());
        self.demand(found == expected, || Problem::Digits { expected, found })?;
        let mut bytes = [0; N];
        hex::decode_to_slice(&text, &mut bytes).map_err(|_| self.error(Problem::NotHex))?;
        Ok(bytes)
    }

    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, TwinError> {
        let text = self.text()?;
        let known = words.iter().find(|(word, _)| *word == text);
        known.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.error(Problem::Word(words.join(", ")))
        })
    }

    fn error(&self, problem: Problem) -> TwinError {
        TwinError {
            path: self.path.clone(),
            problem,
        }
    }
}

/// The fields of an object.
pub(super) struct Members<'a> {
    path: String,
    members: &'a [(String, Json)],
}

impl<'a> Members<'a> {
    /// Returns a field that must be there.
    pub(super) fn get(&self, name: &str) -> Result<Node<'a>, TwinError> {
        self.find(name).ok_or_else(|| TwinError {
            path: self.path_of(name),
            problem: Problem::Missing,
        })
    }

    /// Returns a field, if it is there.
    pub(super) fn find(&self, name: &str) -> Option<Node<'a>> {
        let (_, json) = self.members.iter().find(|(other, _)| other == name)?;
        let path = self.path_of(name);
        Some(Node { path, json })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Json::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}
