//! Parses a page with html5ever, with limits on its size.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{Attribute, ExpandedName, ParseOpts, QualName, local_name, ns, parse_document};

use super::tree::{DOCUMENT, Id, Node, NodeContent, Tree};
use super::{PageError, Slip};
use crate::limits::LimitError;

/// How deep elements may be nested. The time to parse a page grows with the depth.
pub(super) const MAX_DEPTH: usize = 128;
/// The number of elements and text nodes that a page may have.
const MAX_NODES: usize = 20_000;
/// The number of attributes that an element may have. Browsers and html5ever compare each attribute with all others.
const MAX_ATTRIBUTES: usize = 100;
/// The number of bytes that are parsed between two checks of the limits.
const CHUNK: usize = 1 << 10;
/// The number of nodes between two checks of the time, each of which takes a system call.
pub(super) const NODES_PER_CHECK: usize = 64;
/// The number of slips that are kept.
const MAX_SLIPS: usize = 10;

/// Parses a whole document in chunks, like a browser in standards mode.
///
/// # Errors
/// Fails if the page exceeds a limit, or `check_limits` fails.
pub(super) fn parse(
    text: &str,
    check_limits: &dyn Fn() -> Result<(), LimitError>,
) -> Result<Tree, PageError> {
    // In html5ever, `iframe_srcdoc` means that a missing doctype is not an error and does not select quirks mode.
    let tree_builder = TreeBuilderOpts { iframe_srcdoc: true, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    let mut parser = parse_document(UnfinishedTree::default(), options);
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, more) = rest.split_at(rest.ceil_char_boundary(CHUNK));
        parser.process(StrTendril::from_slice(chunk));
        check_limits()?;
        parser.tokenizer.sink.sink.check_size()?;
        rest = more;
    }
    parser.finish()
}

/// A limit on the size of a page.
#[derive(Debug, Clone, Copy)]
enum SizeLimit {
    Depth,
    Nodes,
    Attributes,
}

impl From<SizeLimit> for PageError {
    fn from(limit: SizeLimit) -> Self {
        match limit {
            SizeLimit::Depth => Self::TooDeep(MAX_DEPTH),
            SizeLimit::Nodes => Self::TooManyNodes(MAX_NODES),
            SizeLimit::Attributes => Self::TooManyAttributes(MAX_ATTRIBUTES),
        }
    }
}

/// The tree while html5ever builds it.
struct UnfinishedTree {
    nodes: RefCell<Vec<Node>>,
    slips: RefCell<Vec<Slip>>,
    line: Cell<u64>,
    exceeded: Cell<Option<SizeLimit>>,
}

/// A handle to a node, for html5ever. The name is empty if the node is not an element.
#[derive(Debug, Clone)]
struct Handle {
    id: Id,
    name: Rc<QualName>,
}

fn no_name() -> Rc<QualName> {
    Rc::new(QualName::new(None, ns!(), local_name!("")))
}

impl Default for UnfinishedTree {
    fn default() -> Self {
        let document =
            Node { parent: None, children: Vec::new(), line: 1, content: NodeContent::Document };
        Self {
            nodes: RefCell::new(vec![document]),
            slips: RefCell::default(),
            line: Cell::new(1),
            exceeded: Cell::new(None),
        }
    }
}

impl UnfinishedTree {
    /// Fails if the page exceeds a limit.
    fn check_size(&self) -> Result<(), PageError> {
        match self.exceeded.get() {
            Some(limit) => Err(limit.into()),
            None => Ok(()),
        }
    }

    fn node(&self, content: NodeContent, name: Rc<QualName>) -> Handle {
        let mut nodes = self.nodes.borrow_mut();
        if nodes.len() > MAX_NODES {
            self.exceeded.set(Some(SizeLimit::Nodes));
        }
        nodes.push(Node { parent: None, children: Vec::new(), line: self.line.get(), content });
        Handle { id: nodes.len() - 1, name }
    }

    /// Inserts `child` into `parent`, before the child at `at`.
    fn insert(&self, parent: Id, at: usize, child: NodeOrText<Handle>) {
        let child = match child {
            NodeOrText::AppendNode(node) => node.id,
            NodeOrText::AppendText(text) => {
                if self.continues_text(parent, at, &text) {
                    return;
                }
                self.node(NodeContent::Text(text), no_name()).id
            }
        };
        let mut nodes = self.nodes.borrow_mut();
        if matches!(nodes[child].content, NodeContent::Ignored) {
            return;
        }
        let above = std::iter::successors(Some(parent), |id| nodes[*id].parent);
        if above.take(MAX_DEPTH + 1).count() > MAX_DEPTH {
            self.exceeded.set(Some(SizeLimit::Depth));
        }
        nodes[child].parent = Some(parent);
        nodes[parent].children.insert(at, child);
    }

    /// Appends `text` to the text node before it. Returns false if there is none.
    fn continues_text(&self, parent: Id, at: usize, text: &StrTendril) -> bool {
        let mut nodes = self.nodes.borrow_mut();
        let Some(before) = at.checked_sub(1).map(|before| nodes[parent].children[before]) else {
            return false;
        };
        match &mut nodes[before].content {
            NodeContent::Text(known) => {
                known.push_tendril(text);
                true
            }
            _ => false,
        }
    }

    fn place(&self, child: Id) -> Option<(Id, usize)> {
        let nodes = self.nodes.borrow();
        let parent = nodes[child].parent?;
        let at = nodes[parent].children.iter().rposition(|known| *known == child)?;
        Some((parent, at))
    }

    fn remove(&self, child: Id) {
        if let Some((parent, at)) = self.place(child) {
            let mut nodes = self.nodes.borrow_mut();
            nodes[parent].children.remove(at);
            nodes[child].parent = None;
        }
    }
}

impl TreeSink for UnfinishedTree {
    type Handle = Handle;
    type Output = Result<Tree, PageError>;
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) -> Result<Tree, PageError> {
        self.check_size()?;
        Ok(Tree { nodes: self.nodes.into_inner(), slips: self.slips.into_inner() })
    }

    fn parse_error(&self, message: Cow<'static, str>) {
        let mut slips = self.slips.borrow_mut();
        if slips.len() < MAX_SLIPS {
            slips.push(Slip { line: self.line.get(), message: message.into_owned() });
        }
    }

    fn get_document(&self) -> Handle {
        Handle { id: DOCUMENT, name: no_name() }
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> ExpandedName<'a> {
        target.name.expanded()
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, _: ElementFlags) -> Handle {
        if attrs.len() > MAX_ATTRIBUTES {
            self.exceeded.set(Some(SizeLimit::Attributes));
        }
        let name = Rc::new(name);
        let content = NodeContent::Element { name: Rc::clone(&name), attributes: attrs };
        self.node(content, name)
    }

    fn create_comment(&self, _: StrTendril) -> Handle {
        self.node(NodeContent::Ignored, no_name())
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Handle {
        self.node(NodeContent::Ignored, no_name())
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        let end = self.nodes.borrow()[parent.id].children.len();
        self.insert(parent.id, end, child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        previous: &Handle,
        child: NodeOrText<Handle>,
    ) {
        match self.place(element.id) {
            Some(_) => self.append_before_sibling(element, child),
            None => self.append(previous, child),
        }
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        if let NodeOrText::AppendNode(node) = &child {
            self.remove(node.id);
        }
        if let Some((parent, at)) = self.place(sibling.id) {
            self.insert(parent, at, child);
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    /// `<template>` is not allowed in a page, so its content does not need a separate fragment.
    fn get_template_contents(&self, target: &Handle) -> Handle {
        target.clone()
    }

    fn same_node(&self, a: &Handle, b: &Handle) -> bool {
        a.id == b.id
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn add_attrs_if_missing(&self, target: &Handle, attrs: Vec<Attribute>) {
        let mut nodes = self.nodes.borrow_mut();
        if let NodeContent::Element { attributes, .. } = &mut nodes[target.id].content {
            if attributes.len().saturating_add(attrs.len()) > MAX_ATTRIBUTES {
                return self.exceeded.set(Some(SizeLimit::Attributes));
            }
            for attribute in attrs {
                if !attributes.iter().any(|known| known.name == attribute.name) {
                    attributes.push(attribute);
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.remove(target.id);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        let mut nodes = self.nodes.borrow_mut();
        let moved = std::mem::take(&mut nodes[node.id].children);
        for child in &moved {
            nodes[*child].parent = Some(new_parent.id);
        }
        nodes[new_parent.id].children.extend(moved);
    }

    fn set_current_line(&self, line: u64) {
        self.line.set(line);
    }
}
