//! A cursor over one table: it knows its path and which fields were asked for.
//!
//! Every reader notes what is wrong and gives `None`, so that one pass finds every problem.

use boop_verifier::{Permission, Rule, Tier};
use toml::{Table, Value};

use super::{
    problem::{ProblemKind, Problems},
    value::{ANY, Plain, describe, number},
};

/// Farthest two names may be apart, in single changes, for one to be taken for the other.
const TYPING_ERRORS_MAX: usize = 3;
/// How a field is left open.
const LEAVE_OPEN: &str = "\"any\" to leave it open";

/// One table of the file.
pub(super) struct Section<'a> {
    path: String,
    table: &'a Table,
    known: Vec<String>,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    /// Begins at the top of the file.
    pub(super) fn root(table: &'a Table, problems: &'a Problems) -> Self {
        Self::at(String::new(), table, problems)
    }

    fn at(path: String, table: &'a Table, problems: &'a Problems) -> Self {
        Self {
            path,
            table,
            known: Vec::new(),
            problems,
        }
    }

    /// Gives the path of a field.
    pub(super) fn path_of(&self, name: &str) -> String {
        match self.path.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.path),
        }
    }

    /// Notes a problem of a field.
    pub(super) fn refuse(&self, name: &str, kind: ProblemKind) {
        self.problems.add(self.path_of(name), kind);
    }

    /// Notes a problem of the table itself.
    pub(super) fn refuse_whole(&self, kind: ProblemKind) {
        self.problems.add(self.path.clone(), kind);
    }

    /// Gives a field that must be there.
    fn field(&mut self, name: &str, write: &str) -> Option<&'a Value> {
        self.known.push(name.to_owned());
        let value = self.table.get(name);
        if value.is_none() {
            let write = write.to_owned();
            self.refuse(name, ProblemKind::Missing { write });
        }
        value
    }

    fn kept<T>(&self, name: &str, read: Result<T, String>, expected: &str) -> Option<T> {
        read.map_err(|found| {
            let expected = expected.to_owned();
            self.refuse(name, ProblemKind::Expected { expected, found });
        })
        .ok()
    }

    /// Reads a field with a reader of its own that also knows the word for "open".
    pub(super) fn open_or<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.field(name, LEAVE_OPEN)?;
        self.kept(name, read(value), expected)
    }

    /// Reads a field with a reader of its own that cannot be left open.
    pub(super) fn must<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.field(name, expected)?;
        self.kept(name, read(value), expected)
    }

    /// Reads a number that has one allowed value.
    pub(super) fn exactly(&mut self, name: &str, only: u64) {
        let expected = only.to_string();
        let Some(value) = self.field(name, &expected) else {
            return;
        };
        let read = number::<u64>(value).and_then(|found| match found == only {
            true => Ok(()),
            false => Err(found.to_string()),
        });
        self.kept(name, read, &expected);
    }

    /// Reads a text that is not empty.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.must(name, "a text", |value| match value.as_str() {
            Some("") | None => Err(describe(value)),
            Some(text) => Ok(text.to_owned()),
        })
    }

    /// Reads one of a few words.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let expected = choice(words.iter().map(|(word, _)| *word));
        let value = self.field(name, &expected)?;
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        let read = found.map(|(_, meaning)| *meaning);
        self.kept(name, read.ok_or_else(|| describe(value)), &expected)
    }

    /// Reads whether something is put up with.
    pub(super) fn permission(&mut self, name: &str) -> Option<Permission> {
        let words = [
            ("refuse", Permission::Refuse),
            ("accept", Permission::Allow),
        ];
        self.word(name, &words)
    }

    /// Reads a tier.
    pub(super) fn tier(&mut self) -> Option<Tier> {
        let words = [("affirming", Tier::Affirming), ("warning", Tier::Warning)];
        self.word("tier", &words)
    }

    /// Reads a rule: open, one value, a list of them, or a least one.
    pub(super) fn rule<T: Plain>(&mut self, name: &str) -> Option<Rule<T>> {
        let value = self.field(name, LEAVE_OPEN)?;
        self.rule_of(name, value)
    }

    fn rule_of<T: Plain>(&self, name: &str, value: &Value) -> Option<Rule<T>> {
        let one = T::expected();
        let least = match T::ORDERED {
            true => ", or { at_least = ... }",
            false => "",
        };
        let expected = format!("\"any\", {one}, a list of these{least}");
        match value {
            Value::String(text) if text == ANY => Some(Rule::Any),
            Value::Array(values) => {
                let each = values.iter().enumerate().map(|(index, value)| {
                    let name = format!("{name}[{index}]");
                    self.kept(&name, T::read(value), &one)
                });
                // Every element is read before the first failure counts.
                let each: Vec<Option<T>> = each.collect();
                each.into_iter().collect::<Option<_>>().map(Rule::OneOf)
            }
            Value::Table(table) if T::ORDERED => {
                let path = self.path_of(name);
                let mut inner = Section::at(path, table, self.problems);
                let least = inner.must("at_least", &one, T::read);
                inner.finish();
                least.map(Rule::AtLeast)
            }
            value => self
                .kept(name, T::read(value), &expected)
                .map(Rule::Exactly),
        }
    }

    /// Reads the rules of a table whose fields are indexes below `end`, ascending.
    pub(super) fn indexed_rules<T: Plain>(mut self, end: u8) -> Vec<(u8, Rule<T>)> {
        let mut rules = Vec::new();
        for index in 0..end {
            let name = index.to_string();
            if let Some(value) = self.table.get(&name) {
                rules.extend(self.rule_of(&name, value).map(|rule| (index, rule)));
            }
            self.known.push(name);
        }
        self.finish();
        rules
    }

    /// Says whether a table has a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Reads one component of a firmware level: a number is the least one.
    pub(super) fn component(&mut self, name: &str) -> Option<Rule<u8>> {
        const EXPECTED: &str =
            "\"any\", a number from 0 to 255 (at least), a list, or { exactly = ... }";
        let value = self.field(name, LEAVE_OPEN)?;
        match value {
            Value::Integer(_) => {
                let least = self.kept(name, u8::read(value), EXPECTED)?;
                Some(Rule::AtLeast(least))
            }
            Value::Table(table) => {
                let path = self.path_of(name);
                let mut inner = Section::at(path, table, self.problems);
                let only = inner.must("exactly", &u8::expected(), u8::read);
                inner.finish();
                only.map(Rule::Exactly)
            }
            Value::Array(_) => self.rule_of(name, value),
            Value::String(text) if text == ANY => Some(Rule::Any),
            other => self.kept(name, Err(describe(other)), EXPECTED),
        }
    }

    /// Enters a table.
    pub(super) fn section(&mut self, name: &str) -> Option<Section<'a>> {
        let value = self.field(name, "the table with its fields")?;
        self.enter(name, value, "a table")
    }

    /// Enters a table, or gives `None` inside for the word that refuses it as a whole.
    pub(super) fn section_or_refuse(&mut self, name: &str) -> Option<Option<Section<'a>>> {
        const EXPECTED: &str = "\"refuse\" or the table with its fields";
        match self.field(name, EXPECTED)? {
            Value::String(word) if word == "refuse" => Some(None),
            value => self.enter(name, value, EXPECTED).map(Some),
        }
    }

    /// Enters each table of a list, or gives `None` inside for the word that leaves it open.
    pub(super) fn sections_or_any(&mut self, name: &str) -> Option<Option<Vec<Section<'a>>>> {
        const EXPECTED: &str = "\"any\" or a list of tables";
        match self.field(name, LEAVE_OPEN)? {
            Value::String(word) if word == ANY => Some(None),
            value => self.enter_each(name, value, EXPECTED).map(Some),
        }
    }

    /// Enters each table of a list.
    pub(super) fn sections(&mut self, name: &str, write: &str) -> Option<Vec<Section<'a>>> {
        let value = self.field(name, write)?;
        self.enter_each(name, value, "a list of tables")
    }

    fn enter(&self, name: &str, value: &'a Value, expected: &str) -> Option<Section<'a>> {
        let table = value.as_table().ok_or_else(|| describe(value));
        let table = self.kept(name, table, expected)?;
        Some(Section::at(self.path_of(name), table, self.problems))
    }

    fn enter_each(&self, name: &str, value: &'a Value, expected: &str) -> Option<Vec<Section<'a>>> {
        let list = value.as_array().ok_or_else(|| describe(value));
        let list = self.kept(name, list, expected)?;
        let each = list.iter().enumerate();
        let each: Vec<_> = each
            .map(|(index, value)| self.enter(&format!("{name}[{index}]"), value, "a table"))
            .collect();
        each.into_iter().collect()
    }

    /// Notes every field that nobody asked for.
    pub(super) fn finish(self) {
        for name in self.table.keys() {
            if !self.known.iter().any(|known| known == name) {
                let nearest = nearest(name, &self.known);
                self.refuse(name, ProblemKind::Unknown { nearest });
            }
        }
    }
}

fn choice<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.map(|word| format!("{word:?}")).collect();
    words.join(" or ")
}

/// Finds the known name that a misspelt one was meant to be.
fn nearest(name: &str, known: &[String]) -> Option<String> {
    let shortest = known.iter().map(|known| (distance(name, known), known));
    let (changes, known) = shortest.min_by_key(|(changes, _)| *changes)?;
    let alike = changes <= TYPING_ERRORS_MAX && changes * 2 < known.len().max(2);
    alike.then(|| known.clone())
}

/// Counts the single insertions, removals and replacements between two names.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, character) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, against) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *against);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_find_their_neighbour() {
        let known = ["debug", "vmpl", "measurement"].map(String::from);

        assert_eq!(nearest("debgu", &known).as_deref(), Some("debug"));
        assert_eq!(
            nearest("measurment", &known).as_deref(),
            Some("measurement")
        );
        assert_eq!(nearest("host_data", &known), None);
        assert_eq!(nearest("x", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn distance_counts_single_changes() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
