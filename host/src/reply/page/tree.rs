//! A parsed page.

use std::rc::Rc;

use html5ever::tendril::StrTendril;
use html5ever::{Attribute, QualName};

use super::Slip;

/// The index of a node in its tree. The document is the first node.
pub(super) type Id = usize;
pub(super) const DOCUMENT: Id = 0;

/// A node of a parsed page.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<Id>,
    pub(super) children: Vec<Id>,
    /// The line of the source where its tag ends.
    pub(super) line: u64,
    pub(super) content: NodeContent,
}

/// The content of a node. Comments are not kept, because they have no effect.
#[derive(Debug)]
pub(super) enum NodeContent {
    Document,
    Element { name: Rc<QualName>, attributes: Vec<Attribute> },
    Text(StrTendril),
    Ignored,
}

/// A parsed page.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// The places where the source is not valid HTML, with html5ever's messages.
    pub(super) slips: Vec<Slip>,
}

impl Tree {
    /// Returns whether both pages have the same elements, attributes and text, in the same order.
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

impl NodeContent {
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
