//! An answer as a tree, and JSON.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::ExchangeError;
use super::place::Place;

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
    Number(Arc<str>),
    /// A string.
    Text(Arc<str>),
    /// An array.
    Items(Vec<Self>),
    /// An object or a form, in the order of the text.
    Object(Vec<(String, Self)>),
}

/// Does not show the content, in which everything may be a secret, also names.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node([redacted])")
    }
}

impl Node {
    /// An object or a form. `None` if it contains a name twice.
    pub(super) fn object(mut members: Vec<(String, Self)>) -> Option<Self> {
        let mut names: Vec<_> = members.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        members.shrink_to_fit();
        Some(Self::Object(members))
    }

    /// The value at the path `path` below this one, and its place.
    pub(super) fn find<'a>(&'a self, path: &[impl AsRef<str>]) -> Option<(Place<'a>, &'a Self)> {
        path.iter().try_fold((Place::default(), self), |(place, node), name| {
            let name = name.as_ref();
            match node {
                Self::Object(members) => {
                    let (name, inner) = members.iter().find(|(member, _)| member == name)?;
                    Some((Place::member(name), inner))
                }
                Self::Items(items) => {
                    // RFC 6901, section 4: an index has no leading zeros.
                    let index = name.parse::<usize>().ok().filter(|at| at.to_string() == name);
                    Some((place.item(), items.get(index?)?))
                }
                _ => None,
            }
        })
    }

    /// Calls `visit` with each value that contains no others, and with the path to it, in the order of the text.
    pub(super) fn each_leaf<'a>(&'a self, visit: &mut dyn FnMut(&[String], Place<'a>, &'a Self)) {
        self.leaves_below(&mut Vec::new(), Place::default(), visit);
    }

    fn leaves_below<'a>(
        &'a self,
        path: &mut Vec<String>,
        place: Place<'a>,
        visit: &mut dyn FnMut(&[String], Place<'a>, &'a Self),
    ) {
        let mut below = |name: String, place: Place<'a>, node: &'a Self| {
            path.push(name);
            node.leaves_below(path, place, visit);
            path.pop();
        };
        match self {
            Self::Items(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(index, node)| below(index.to_string(), place.item(), node));
            }
            Self::Object(members) => {
                let members = members.iter();
                members.for_each(|(name, node)| below(name.clone(), Place::member(name), node));
            }
            _ => visit(path, place, self),
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
        Ok(Node::Number(number.to_string().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.to_string().into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node, E> {
        // Beyond 64 bits, the digits of a whole number are lost. Another value must not be handed over in its place.
        if number.abs() < i64::MAX as f64 {
            // This format has a point or an exponent, also for `3600.0`.
            Ok(Node::Number(format!("{number:?}").into()))
        } else {
            Err(E::custom("a number beyond 64 bits"))
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let seed = self.below()?;
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            all.push(item);
        }
        all.shrink_to_fit();
        Ok(Node::Items(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let seed = self.below()?;
        let mut all = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            all.push((name, members.next_value_seed(seed)?));
        }
        Node::object(all).ok_or_else(|| A::Error::custom("a name occurs twice"))
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
            let expected = kept.map(|kept| Node::Items(vec![Node::Number(kept.into())]));
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
                Some((_, Node::Number(number))) => Some(&**number),
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
