//! Checks each element and attribute of a page against the lists of what is allowed.

use std::rc::Rc;

use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName, QualName, ns};
use url::Url;

use super::allowed::{
    GLOBAL_ATTRIBUTES, IMAGES, INPUT_TYPES, META_NAMES, SCRIPT_TYPES, SVG_GEOMETRY,
    SVG_PRESENTATION, SVG_REFERENCES, has,
};
use super::element::ElementKind;
use super::parse::{MAX_DEPTH, NODES_PER_CHECK};
use super::style::{self, Context, PlacedError};
use super::tree::{DOCUMENT, Id, NodeContent, Tree};
use super::{PageError, PageGrants};
use crate::limits::LimitError;

/// Checks one parsed page against the lists of what is allowed, and the grants.
pub(super) struct Checker<'a> {
    pub(super) grants: &'a PageGrants,
    /// The origin of the listener.
    pub(super) origin: &'a str,
    /// Fails if the guest has reached a limit on time or memory.
    pub(super) check_limits: &'a dyn Fn() -> Result<(), LimitError>,
}

/// The reason why an attribute is refused.
enum AttributeProblem {
    /// The attribute is not allowed. Contains the grant that would allow it, if any.
    Name(Option<&'static str>),
    /// The value is not allowed. Contains the allowed values.
    Value(&'static str),
    /// A link leads to a place that is not allowed. Contains the allowed places, and the grant that would allow this
    /// one, if any.
    Link(&'static str, Option<&'static str>),
    Style(PlacedError),
}

/// The `rel` of every link, so that its target learns nothing about this page.
const REL: &str = "noreferrer noopener";

impl Checker<'_> {
    /// Checks every node, and rewrites the URLs of links and forms as the host has resolved them.
    pub(super) fn check(&self, tree: &mut Tree) -> Result<(), PageError> {
        let mut open = vec![(DOCUMENT, 0)];
        let mut checked = 0_usize;
        while let Some((id, depth)) = open.pop() {
            checked += 1;
            if checked.is_multiple_of(NODES_PER_CHECK) {
                (self.check_limits)()?;
            }
            if depth > MAX_DEPTH {
                return Err(PageError::TooDeep(MAX_DEPTH));
            }
            self.node(tree, id)?;
            open.extend(tree.nodes[id].children.iter().rev().map(|child| (*child, depth + 1)));
        }
        Ok(())
    }

    fn node(&self, tree: &mut Tree, id: Id) -> Result<(), PageError> {
        let NodeContent::Element { name, attributes } = &mut tree.nodes[id].content else {
            return Ok(());
        };
        let (name, mut checked) = (Rc::clone(name), std::mem::take(attributes));
        let line = tree.nodes[id].line;
        let kind = ElementKind::of(&name, self.grants).map_err(|grant| PageError::Element {
            line,
            name: name.local.to_string(),
            grant,
        })?;
        for attribute in &mut checked {
            self.attribute(kind, &name.local, attribute).map_err(|problem| {
                let (element, name) = (name.local.to_string(), attribute_name(attribute));
                match problem {
                    AttributeProblem::Name(grant) => {
                        PageError::Attribute { line, element, name, grant }
                    }
                    AttributeProblem::Value(expected) => {
                        PageError::Value { line, element, name, expected, grant: None }
                    }
                    AttributeProblem::Link(expected, grant) => {
                        PageError::Value { line, element, name, expected, grant }
                    }
                    AttributeProblem::Style((_, problem)) => {
                        let place = format!("the attribute `{name}` of `<{element}>`");
                        PageError::Style { line, place, problem }
                    }
                }
            })?;
        }
        if name.ns == ns!(html) && &*name.local == "a" {
            set_rel(&mut checked);
        }
        self.content(tree, id, &name)?;
        if let NodeContent::Element { attributes, .. } = &mut tree.nodes[id].content {
            *attributes = checked;
        }
        Ok(())
    }

    fn attribute(
        &self,
        kind: ElementKind,
        element: &LocalName,
        attribute: &mut Attribute,
    ) -> Result<(), AttributeProblem> {
        let name = &*attribute.name.local;
        if attribute.name.ns != ns!() {
            // `xmlns` is allowed if it repeats the namespace that `<svg>` has anyway.
            let is_svg = name == "xmlns" && &*attribute.value == "http://www.w3.org/2000/svg";
            return if is_svg { Ok(()) } else { Err(AttributeProblem::Name(None)) };
        }
        if has(GLOBAL_ATTRIBUTES, name) || is_custom(name) {
            return Ok(());
        }
        if name == "style" {
            return style::check(&attribute.value, Context::Value).map_err(AttributeProblem::Style);
        }
        if name.starts_with("on") {
            return if self.grants.allows_scripts() {
                Ok(())
            } else {
                Err(AttributeProblem::Name(Some("scripts")))
            };
        }
        match kind {
            ElementKind::Html(own) if has(own, name) => self.value(element, attribute),
            ElementKind::Svg if has(SVG_GEOMETRY, name) => Ok(()),
            ElementKind::Svg if has(SVG_PRESENTATION, name) => {
                let place =
                    if has(SVG_REFERENCES, name) { Context::Reference } else { Context::Value };
                style::check(&attribute.value, place).map_err(AttributeProblem::Style)
            }
            _ => Err(AttributeProblem::Name(None)),
        }
    }

    /// Checks the value of an attribute, if it could load something or lead elsewhere.
    fn value(
        &self,
        element: &LocalName,
        attribute: &mut Attribute,
    ) -> Result<(), AttributeProblem> {
        let value = &*attribute.value;
        let is_one_of = |list: &[&str]| has(list, &value.to_ascii_lowercase());
        match (&**element, &*attribute.name.local) {
            ("a", "href") if value.starts_with('#') => {}
            ("a", "href") => {
                let expected =
                    "a place on the page such as `#more`, or an absolute URL of a granted origin";
                let url = web_url(value).ok_or(AttributeProblem::Link(expected, None))?;
                if !self.grants.links_to(&url.origin()) {
                    return Err(AttributeProblem::Link(expected, Some("links=ORIGIN")));
                }
                attribute.value = StrTendril::from(String::from(url));
            }
            ("form", "action") if !value.is_empty() => {
                let action = self
                    .own_path(value)
                    .ok_or(AttributeProblem::Value("a URL of this listener"))?;
                attribute.value = StrTendril::from(action);
            }
            ("img", "src") if !IMAGES.iter().any(|start| value.starts_with(start)) => {
                return Err(AttributeProblem::Value(
                    "a `data:` URL of a PNG, JPEG, WebP or GIF image in Base64",
                ));
            }
            ("input", "type") if !is_one_of(INPUT_TYPES) => {
                return Err(AttributeProblem::Value("a type other than `image` and `file`"));
            }
            ("meta", "charset") if !value.eq_ignore_ascii_case("utf-8") => {
                return Err(AttributeProblem::Value("`utf-8`"));
            }
            ("meta", "name") if !is_one_of(META_NAMES) => {
                return Err(AttributeProblem::Value(
                    "`viewport`, `color-scheme`, `description` or `theme-color`",
                ));
            }
            ("script", "type") if !is_one_of(SCRIPT_TYPES) => {
                return Err(AttributeProblem::Value("`module` or `text/javascript`"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the path and query to which a form leads, or `None` if it does not lead to this listener.
    fn own_path(&self, value: &str) -> Option<String> {
        let listener = Url::parse(self.origin).ok()?;
        let target = listener.join(value).ok()?;
        let is_plain = target.username().is_empty() && target.password().is_none();
        // A `blob:` URL has the origin of the URL that it contains.
        let is_here = target.scheme() == listener.scheme() && target.origin() == listener.origin();
        if !is_plain || !is_here {
            return None;
        }
        // Browsers read a path that begins with two slashes as a host.
        let path = target.path();
        let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
        (!path.starts_with("//")).then(|| format!("{path}{query}"))
    }

    /// Checks the content of an element: the CSS in `<style>`, and only text in elements that browsers parse in
    /// different ways.
    fn content(&self, tree: &Tree, id: Id, name: &QualName) -> Result<(), PageError> {
        let node = &tree.nodes[id];
        let children = || node.children.iter().map(|child| &tree.nodes[*child].content);
        let is_html = name.ns == ns!(html);
        if is_html && &*name.local == "style" {
            for child in children() {
                if let NodeContent::Text(css) = child {
                    style::check(css, Context::Sheet).map_err(|(line, problem)| {
                        PageError::Style {
                            line: node.line + u64::from(line),
                            place: "`<style>`".to_owned(),
                            problem,
                        }
                    })?;
                }
            }
        }
        let is_in = |child: &NodeContent, list: &[&str]| match child {
            NodeContent::Element { name, .. } => name.ns == ns!(html) && has(list, &name.local),
            _ => true,
        };
        let fits = match (is_html, &*name.local) {
            (false, "title" | "desc") | (true, "option") => {
                children().all(|child| is_in(child, &[]))
            }
            (true, "select") => children().all(|child| is_in(child, &["option"])),
            _ => true,
        };
        if fits {
            Ok(())
        } else {
            Err(PageError::TextOnly { line: node.line, element: name.local.to_string() })
        }
    }
}

/// Parses `value` as an absolute URL, as browsers do. Returns `None` if it is not an `http` or `https` URL, or if it
/// has credentials.
fn web_url(value: &str) -> Option<Url> {
    let url = Url::parse(value).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none();
    is_plain.then_some(url)
}

/// Replaces the `rel` of a link with [`REL`].
fn set_rel(attributes: &mut Vec<Attribute>) {
    let is = |attribute: &Attribute, name: &str| &*attribute.name.local == name;
    attributes.retain(|attribute| !is(attribute, "rel"));
    if attributes.iter().any(|attribute| is(attribute, "href") && !attribute.value.starts_with('#'))
    {
        let name = QualName::new(None, ns!(), LocalName::from("rel"));
        attributes.push(Attribute { name, value: StrTendril::from(REL) });
    }
}

/// Returns whether the attribute is `aria-*` or `data-*`, with only lower-case ASCII letters, digits, `-`, `_` and `.`.
fn is_custom(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_.".contains(&c);
    (name.starts_with("aria-") || name.starts_with("data-")) && name.bytes().all(plain)
}

fn attribute_name(attribute: &Attribute) -> String {
    match &attribute.name.prefix {
        Some(prefix) if !prefix.is_empty() => format!("{prefix}:{}", attribute.name.local),
        _ => attribute.name.local.to_string(),
    }
}
