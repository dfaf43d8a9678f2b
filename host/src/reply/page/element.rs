//! Determines which elements a page may have, and the attributes of each.

use html5ever::{QualName, ns};

use super::PageGrants;
use super::allowed::{FORMS, HTML, HTML_WITH_ATTRIBUTES, SVG, attributes_of, has};

/// The kind of an element, which decides its attributes.
#[derive(Clone, Copy)]
pub(super) enum ElementKind {
    /// An HTML element, with the attributes that it may have besides the global ones.
    Html(&'static [&'static str]),
    Svg,
}

impl ElementKind {
    /// Returns the kind of the element `name`, if the element is allowed.
    ///
    /// # Errors
    /// Returns the grant that would allow the element, if any.
    pub(super) fn of(name: &QualName, grants: &PageGrants) -> Result<Self, Option<&'static str>> {
        let local = &*name.local;
        if name.ns == ns!(svg) {
            return if has(SVG, local) { Ok(Self::Svg) } else { Err(None) };
        }
        if name.ns != ns!(html) {
            return Err(None);
        }
        match local {
            "a" => {
                return Ok(Self::Html(if grants.has_links() {
                    &["href", "rel"]
                } else {
                    &["href"]
                }));
            }
            "meta" => return Ok(Self::Html(&["charset", "content", "name"])),
            "img" if grants.allows_images() => {
                return Ok(Self::Html(&["alt", "height", "src", "width"]));
            }
            "img" => return Err(Some("images")),
            "script" if grants.allows_scripts() => return Ok(Self::Html(&["type"])),
            "script" => return Err(Some("scripts")),
            _ => {}
        }
        if has(HTML, local) {
            return Ok(Self::Html(&[]));
        }
        if let Some(own) = attributes_of(HTML_WITH_ATTRIBUTES, local) {
            return Ok(Self::Html(own));
        }
        match attributes_of(FORMS, local) {
            Some(own) if grants.allows_forms() => Ok(Self::Html(own)),
            Some(_) => Err(Some("forms")),
            None => Err(None),
        }
    }
}
