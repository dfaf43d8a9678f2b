//! An answer as a tree, and JSON.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::ExchangeError;

/// The depth limit on an answer.
const DEPTH: usize = 32;

/// The limit on the number of values in an answer.
const VALUES: usize = 1 << 14;

/// A value of an answer.
#[derive(Clone, PartialEq)]
pub(super) enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number as text. A fraction is rounded to 64 bits.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    Items(Vec<Self>),
    /// An object or a form.
    Object(BTreeMap<String, Self>),
}

/// Does not show the content, in which everything may be a secret, also names.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node([redacted])")
    }
}

impl Node {
    /// The value at the path `path` below this one.
    pub(super) fn find(&self, path: &[impl AsRef<str>]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        let first = first.as_ref();
        let inner = match self {
            Self::Object(members) => members.get(first)?,
            Self::Items(items) => {
                // RFC 6901, section 4: an index has no leading zeros.
                let index = first.parse::<usize>().ok().filter(|index| index.to_string() == first);
                items.get(index?)?
            }
            _ => return None,
        };
        inner.find(rest)
    }

    /// Calls `visit` with each value that contains no others, and the path to it.
    pub(super) fn each_leaf(
        &self,
        path: &mut Vec<String>,
        visit: &mut dyn FnMut(&[String], &Self),
    ) {
        let mut below = |name: String, node: &Self| {
            path.push(name);
            node.each_leaf(path, visit);
            path.pop();
        };
        match self {
            Self::Items(items) => {
                items.iter().enumerate().for_each(|(index, node)| below(index.to_string(), node));
            }
            Self::Object(members) => {
                members.iter().for_each(|(name, node)| below(name.clone(), node));
            }
            _ => visit(path, self),
        }
    }
}

/// Parses an object or array. A name that an object contains twice is an error, because a guest could not tell which of
/// its values another program took.
pub(super) fn parse(text: &str) -> Result<Node, ExchangeError> {
    let within_limits = Cell::new(VALUES);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = Seed { depth: 0, remaining: &within_limits };
    let node =
        seed.deserialize(&mut deserializer).and_then(|node| deserializer.end().map(|()| node));
    match node {
        Ok(node @ (Node::Items(_) | Node::Object(_))) => Ok(node),
        Err(_) if within_limits.get() == 0 => Err(ExchangeError::Limit),
        _ => Err(ExchangeError::NotUnderstood),
    }
}

/// Reads one value and all that it contains.
#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: usize,
    /// The number of further values that are allowed. 0 after an error says that a limit was exceeded.
    remaining: &'a Cell<usize>,
}

impl Seed<'_> {
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH {
            self.remaining.set(0);
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let remaining = self.remaining.get();
        if remaining <= 1 {
            self.remaining.set(0);
            return Err(D::Error::custom("too many values"));
        }
        self.remaining.set(remaining - 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node, E> {
        Ok(Node::Boolean(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node, E> {
        // Beyond 64 bits, the digits of a whole number are lost. Another value must not be handed over in its place.
        if number.abs() < i64::MAX as f64 {
            // This format has a point or an exponent, also for `3600.0`.
            Ok(Node::Number(format!("{number:?}")))
        } else {
            Err(E::custom("a number beyond 64 bits"))
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let seed = self.below()?;
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            all.push(item);
        }
        Ok(Node::Items(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let seed = self.below()?;
        let mut all = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            let Entry::Vacant(place) = all.entry(name) else {
                return Err(A::Error::custom("a name occurs twice"));
            };
            place.insert(members.next_value_seed(seed)?);
        }
        Ok(Node::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (text, kept) in [
            ("0", Some("0")),
            ("3600", Some("3600")),
            ("-1", Some("-1")),
            ("9007199254740993", Some("9007199254740993")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("-9223372036854775808", Some("-9223372036854775808")),
            ("1.5", Some("1.5")),
            ("1e3", Some("1000.0")),
            ("3600.0", Some("3600.0")),
            ("18446744073709551616", None),
            ("1e300", None),
            ("1e999", None),
            ("01", None),
        ] {
            let root = parse(&format!("[{text}]")).ok();
            let expected = kept.map(|kept| Node::Items(vec![Node::Number(kept.to_owned())]));
            assert!(root == expected, "{text}");
        }
    }

    #[test]
    fn a_name_that_occurs_twice_is_an_error_at_any_depth() {
        for (text, valid) in [
            (r#"{"a":1,"b":1}"#, true),
            (r#"{"a":{"b":1},"b":[{"b":1},{"b":2}]}"#, true),
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1,"b":2,"\u0061":1}"#, false),
            (r#"{"x":[{"y":{"a":1,"a":2}}]}"#, false),
            (r#"{"":1,"":2}"#, false),
        ] {
            assert_eq!(
                parse(text).err(),
                (!valid).then_some(ExchangeError::NotUnderstood),
                "{text}"
            );
        }
    }

    #[test]
    fn only_a_complete_object_or_array_is_understood() {
        for text in
            ["", "1", "\"a\"", "null", "{", "[1,]", "{}{}", "{'a':1}", r#"["\ud800"]"#, "[NaN]"]
        {
            assert_eq!(parse(text).err(), Some(ExchangeError::NotUnderstood), "{text}");
        }
        assert!(parse(" {} \n").is_ok() && parse("[]").is_ok());
    }

    #[test]
    fn depth_and_number_of_values_are_limited() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let flat = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        for (text, valid) in [
            (nested(DEPTH), true),
            (nested(DEPTH + 1), false),
            (nested(30_000), false),
            (flat(VALUES - 2), true),
            (flat(VALUES), false),
        ] {
            assert_eq!(
                parse(&text).err(),
                (!valid).then_some(ExchangeError::Limit),
                "{}",
                text.len()
            );
        }
    }

    #[test]
    fn a_pointer_finds_its_place() {
        let root = parse(r#"{"a":[{"b":1},null],"":{"0":2}}"#).unwrap();
        for (path, found) in [
            (&["a", "0", "b"][..], Some("1")),
            (&["", "0"], Some("2")),
            (&["a", "00", "b"], None),
            (&["a", "+0", "b"], None),
            (&["a", "2"], None),
            (&["a", "-"], None),
            (&["a", "0", "b", "c"], None),
            (&["b"], None),
        ] {
            let number = match root.find(path) {
                Some(Node::Number(number)) => Some(number.as_str()),
                _ => None,
            };
            assert_eq!(number, found, "{path:?}");
        }
    }

    #[test]
    fn debug_shows_neither_names_nor_values() {
        let root = parse(r#"{"hunter2":"hunter3"}"#).unwrap();
        assert!(!format!("{root:?}").contains("hunter"));
    }
}
