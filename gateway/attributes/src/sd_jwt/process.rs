//! Putting disclosures in the place of their digests (RFC 9901 §7.1 steps 3 to 5).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::disclosure::Disclosure;
use super::{DEPTH_MAX, ELEMENT, SD, SD_ALG, SHA_256};

/// Why claims and disclosures do not go together; each is a step of RFC 9901 §7.1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// Step 2d: the hash function is not SHA-256.
    #[error("the digests are of another hash function than sha-256")]
    HashFunction,
    /// Step 3: digests are not a list of texts.
    #[error("`_sd` is not a list of digests, or `...` not a digest alone")]
    Digests,
    /// Step 3c: a claim's disclosure stands for an element, or the other way round.
    #[error("the disclosure of a claim has no name, or that of an element has one")]
    Kind,
    /// Step 3c: the claim is there already.
    #[error("the claim `{0}` is there already")]
    Overrides(String),
    /// Step 4: a digest occurs twice.
    #[error("a digest occurs twice")]
    Twice,
    /// Disclosures lie within disclosures deeper than claims may.
    #[error("the claims are too deep")]
    TooDeep,
    /// Step 5: nothing refers to a disclosure.
    #[error("nothing refers to disclosure {0}")]
    Unused(usize),
}

/// The claims after processing, and where each disclosure went.
pub(super) struct Processed {
    pub(super) claims: Map<String, Value>,
    /// For each disclosure its place as a JSON pointer (RFC 6901), and the disclosure around it.
    pub(super) places: Vec<Place>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) pointer: String,
    pub(super) within: Option<usize>,
}

/// Puts every disclosure in its place.
pub(super) fn process(
    payload: &Map<String, Value>,
    disclosures: &[Disclosure],
) -> Result<Processed, ProcessError> {
    if payload.get(SD_ALG).is_some_and(|named| named != SHA_256) {
        return Err(ProcessError::HashFunction);
    }
    let mut by_digest = BTreeMap::new();
    for (number, disclosure) in disclosures.iter().enumerate() {
        // The same disclosure twice: nothing could refer to the second.
        if by_digest.insert(disclosure.digest(), number).is_some() {
            return Err(ProcessError::Twice);
        }
    }
    let mut work = Work {
        disclosures,
        by_digest,
        seen: BTreeSet::new(),
        places: vec![None; disclosures.len()],
        depth: 0,
    };
    let mut claims = work.object(payload, "", None)?;
    claims.remove(SD_ALG);
    let mut places = Vec::new();
    for (number, place) in work.places.into_iter().enumerate() {
        places.push(place.ok_or(ProcessError::Unused(number + 1))?);
    }
    Ok(Processed { claims, places })
}

struct Work<'d> {
    disclosures: &'d [Disclosure],
    by_digest: BTreeMap<String, usize>,
    seen: BTreeSet<String>,
    places: Vec<Option<Place>>,
    /// Levels around the value at hand, disclosures and all.
    depth: usize,
}

impl<'d> Work<'d> {
    fn value(
        &mut self,
        value: &Value,
        at: &str,
        within: Option<usize>,
    ) -> Result<Value, ProcessError> {
        if self.depth >= DEPTH_MAX {
            return Err(ProcessError::TooDeep);
        }
        self.depth += 1;
        let value = match value {
            Value::Object(object) => Value::Object(self.object(object, at, within)?),
            Value::Array(array) => Value::Array(self.array(array, at, within)?),
            other => other.clone(),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn object(
        &mut self,
        object: &Map<String, Value>,
        at: &str,
        within: Option<usize>,
    ) -> Result<Map<String, Value>, ProcessError> {
        if object.contains_key(ELEMENT) {
            return Err(ProcessError::Digests);
        }
        let mut claims = Map::new();
        for (name, value) in object.iter().filter(|(name, _)| *name != SD) {
            let place = format!("{at}/{}", escaped(name));
            claims.insert(name.clone(), self.value(value, &place, within)?);
        }
        let digests = match object.get(SD) {
            None => &[][..],
            Some(Value::Array(digests)) => digests,
            Some(_) => return Err(ProcessError::Digests),
        };
        for digest in digests {
            let Some((number, disclosure)) = self.take(digest)? else {
                continue;
            };
            let name = disclosure.name.as_ref().ok_or(ProcessError::Kind)?;
            if claims.contains_key(name) {
                return Err(ProcessError::Overrides(name.clone()));
            }
            let pointer = format!("{at}/{}", escaped(name));
            let value = self.value(&disclosure.value, &pointer, Some(number))?;
            self.places[number] = Some(Place { pointer, within });
            claims.insert(name.clone(), value);
        }
        Ok(claims)
    }

    fn array(
        &mut self,
        array: &[Value],
        at: &str,
        within: Option<usize>,
    ) -> Result<Vec<Value>, ProcessError> {
        let mut values = Vec::new();
        for value in array {
            let pointer = format!("{at}/{}", values.len());
            let digest = value.as_object().and_then(|object| object.get(ELEMENT));
            let Some(digest) = digest else {
                values.push(self.value(value, &pointer, within)?);
                continue;
            };
            if value.as_object().is_some_and(|object| object.len() != 1) {
                return Err(ProcessError::Digests);
            }
            let Some((number, disclosure)) = self.take(digest)? else {
                continue;
            };
            if disclosure.name.is_some() {
                return Err(ProcessError::Kind);
            }
            values.push(self.value(&disclosure.value, &pointer, Some(number))?);
            self.places[number] = Some(Place { pointer, within });
        }
        Ok(values)
    }

    /// Returns the disclosure of a digest, if it came along.
    fn take(&mut self, digest: &Value) -> Result<Option<(usize, &'d Disclosure)>, ProcessError> {
        let digest = digest.as_str().ok_or(ProcessError::Digests)?;
        if !self.seen.insert(digest.to_owned()) {
            return Err(ProcessError::Twice);
        }
        let found = self.by_digest.get(digest);
        Ok(found.map(|number| (*number, &self.disclosures[*number])))
    }
}

/// Returns a name as a JSON pointer has it (RFC 6901 §3).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
