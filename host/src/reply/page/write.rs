//! Serializes a parsed page as HTML: HTML standard, section 13.3.
//!
//! html5ever's serializer is not used, because it takes quadratic time for text with many non-breaking spaces.

use std::rc::Rc;

use html5ever::{Attribute, QualName, ns};

use super::parse::NODES_PER_CHECK;
use super::tree::{DOCUMENT, Id, NodeContent, Tree};
use crate::html::escape;
use crate::limits::LimitError;

/// Void elements, which have no end tag: HTML standard, section 13.1.2.
const VOID: [&str; 7] = ["br", "col", "hr", "img", "input", "meta", "wbr"];
/// Elements whose text is not escaped.
const RAW: [&str; 2] = ["script", "style"];

/// A step of the walk through the tree.
enum Visit {
    Enter(Id),
    Leave(Rc<QualName>),
}

/// Serializes `tree` as HTML that begins with a doctype.
///
/// # Errors
/// Fails if `check_limits` fails.
pub(super) fn to_html(
    tree: &Tree,
    check_limits: &dyn Fn() -> Result<(), LimitError>,
) -> Result<String, LimitError> {
    let below = |id: Id| tree.nodes[id].children.iter().rev().map(|child| Visit::Enter(*child));
    let mut html = "<!DOCTYPE html>".to_owned();
    let mut visits: Vec<Visit> = below(DOCUMENT).collect();
    let mut parents: Vec<Rc<QualName>> = Vec::new();
    let mut written = 0_usize;
    while let Some(visit) = visits.pop() {
        written += 1;
        if written.is_multiple_of(NODES_PER_CHECK) {
            check_limits()?;
        }
        let id = match visit {
            Visit::Enter(id) => id,
            Visit::Leave(name) => {
                parents.pop();
                html.extend(["</", &name.local, ">"]);
                continue;
            }
        };
        match &tree.nodes[id].content {
            NodeContent::Text(text) if parents.last().is_some_and(|parent| is(parent, &RAW)) => {
                html.push_str(text);
            }
            NodeContent::Text(text) => escape(&mut html, text),
            NodeContent::Element { name, attributes } => {
                open(&mut html, name, attributes);
                if is(name, &VOID) {
                    continue;
                }
                if needs_line_feed(tree, id, name) {
                    html.push('\n');
                }
                visits.push(Visit::Leave(Rc::clone(name)));
                visits.extend(below(id));
                parents.push(Rc::clone(name));
            }
            NodeContent::Document | NodeContent::Ignored => {}
        }
    }
    Ok(html)
}

fn is(name: &QualName, list: &[&str]) -> bool {
    name.ns == ns!(html) && list.contains(&&*name.local)
}

fn open(html: &mut String, name: &QualName, attributes: &[Attribute]) {
    html.extend(["<", &name.local]);
    for attribute in attributes {
        // The only allowed attribute in a namespace is `xmlns`, which is written without a prefix.
        html.extend([" ", &attribute.name.local, "=\""]);
        escape(html, &attribute.value);
        html.push('"');
    }
    html.push('>');
}

/// Returns whether to write an additional line feed, because parsers drop the first one in this element: HTML standard,
/// section 13.2.6.4.7.
fn needs_line_feed(tree: &Tree, id: Id, name: &QualName) -> bool {
    let first = tree.nodes[id].children.first().map(|first| &tree.nodes[*first].content);
    is(name, &["pre", "textarea"])
        && matches!(first, Some(NodeContent::Text(text)) if text.starts_with('\n'))
}
