//! A parsed page.

use std::rc::Rc;

use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{Attribute, ParseOpts, QualName, parse_document};

use super::sink::Growing;
use super::{PageError, Slip};
use crate::limits::LimitError;

/// How many bytes are parsed between two looks at the bounds.
const PIECE: usize = 1 << 10;

/// The place of a node in its tree. The document is the first.
pub(super) type Id = usize;
pub(super) const DOCUMENT: Id = 0;

/// One node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<Id>,
    pub(super) children: Vec<Id>,
    /// The line of the source in which its tag ends.
    pub(super) line: u64,
    pub(super) content: Content,
}

/// What a node is. Comments and the doctype are not kept: they mean nothing to the page.
#[derive(Debug)]
pub(super) enum Content {
    Document,
    Element { name: Rc<QualName>, attributes: Vec<Attribute> },
    Text(StrTendril),
    Ignored,
}

/// A parsed page.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Where the source is not valid HTML, and what html5ever says of it.
    pub(super) slips: Vec<Slip>,
}

impl Tree {
    /// Parse a whole document, in pieces, as a browser does that finds a doctype at its start.
    ///
    /// # Errors
    /// When the page is larger than a page may be, or when `go_on` says that time is up.
    pub(super) fn parse(
        text: &str,
        go_on: &dyn Fn() -> Result<(), LimitError>,
    ) -> Result<Self, PageError> {
        // `iframe_srcdoc` is html5ever's name for: a missing doctype is no error, and the mode is "no quirks".
        let tree_builder = TreeBuilderOpts { iframe_srcdoc: true, ..TreeBuilderOpts::default() };
        let options = ParseOpts { tree_builder, ..ParseOpts::default() };
        let mut parser = parse_document(Growing::default(), options);
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.ceil_char_boundary(PIECE));
            parser.process(StrTendril::from_slice(piece));
            go_on()?;
            parser.tokenizer.sink.sink.check_bounds()?;
            rest = more;
        }
        parser.finish()
    }

    /// Whether both are the same page: the same elements, attributes and text in the same order.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let mut pairs = vec![(DOCUMENT, DOCUMENT)];
        while let Some((a, b)) = pairs.pop() {
            let (a, b) = (&self.nodes[a], &other.nodes[b]);
            if !a.content.is_same(&b.content) || a.children.len() != b.children.len() {
                return false;
            }
            pairs.extend(a.children.iter().copied().zip(b.children.iter().copied()));
        }
        true
    }
}

impl Content {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Document, Self::Document) => true,
            (Self::Text(a), Self::Text(b)) => a == b,
            (
                Self::Element { name, attributes },
                Self::Element { name: other_name, attributes: other_attributes },
            ) => {
                name.expanded() == other_name.expanded()
                    && attributes.len() == other_attributes.len()
                    && attributes
                        .iter()
                        .zip(other_attributes)
                        .all(|(a, b)| a.name.expanded() == b.name.expanded() && a.value == b.value)
            }
            _ => false,
        }
    }
}
