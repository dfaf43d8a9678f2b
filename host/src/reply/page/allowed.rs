//! The elements and attributes that a page may contain. None of them can fetch, navigate, submit, report or run.
//!
//! Everything else is refused, including new elements and attributes of future browsers. All lists are sorted, for a
//! binary search.

/// HTML elements that may have only global attributes.
#[rustfmt::skip]
pub(super) const HTML: &[&str] = &[
    "a", "abbr", "address", "article", "aside", "b", "bdi", "bdo", "blockquote", "body", "br", "caption",
    "cite", "code", "dd", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "footer", "h1", "h2", "h3",
    "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html", "i", "kbd", "main", "mark", "meta", "nav",
    "output", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span", "strong", "style",
    "sub", "summary", "sup", "table", "tbody", "tfoot", "thead", "title", "tr", "u", "ul", "var", "wbr",
];

/// HTML elements that may have more than the global attributes.
#[rustfmt::skip]
pub(super) const HTML_WITH_ATTRIBUTES: &[(&str, &[&str])] = &[
    ("col", &["span"]),
    ("colgroup", &["span"]),
    ("data", &["value"]),
    ("del", &["datetime"]),
    ("details", &["name", "open"]),
    ("ins", &["datetime"]),
    ("li", &["value"]),
    ("meter", &["high", "low", "max", "min", "optimum", "value"]),
    ("ol", &["reversed", "start", "type"]),
    ("progress", &["max", "value"]),
    ("td", &["abbr", "colspan", "headers", "rowspan", "scope"]),
    ("th", &["abbr", "colspan", "headers", "rowspan", "scope"]),
    ("time", &["datetime"]),
];

/// Global attributes, besides `aria-*` and `data-*`. `style` is checked as CSS.
pub(super) const GLOBAL_ATTRIBUTES: &[&str] =
    &["class", "dir", "hidden", "id", "lang", "role", "tabindex", "title", "translate"];

/// The allowed values of `<meta name>`.
pub(super) const META_NAMES: &[&str] = &["color-scheme", "description", "theme-color", "viewport"];

/// SVG elements.
#[rustfmt::skip]
pub(super) const SVG: &[&str] = &[
    "circle", "clipPath", "defs", "desc", "ellipse", "g", "line", "linearGradient", "path", "polygon",
    "polyline", "radialGradient", "rect", "stop", "svg", "text", "title", "tspan",
];

/// Attributes of SVG elements that take numbers, lengths, keywords and paths.
#[rustfmt::skip]
pub(super) const SVG_GEOMETRY: &[&str] = &[
    "clipPathUnits", "cx", "cy", "d", "dx", "dy", "focusable", "fx", "fy", "gradientTransform", "gradientUnits",
    "height", "lengthAdjust", "offset", "pathLength", "points", "preserveAspectRatio", "r", "rotate", "rx",
    "ry", "spreadMethod", "textLength", "transform", "version", "viewBox", "width", "x", "x1", "x2", "y", "y1",
    "y2",
];

/// Attributes of SVG elements whose values are CSS.
#[rustfmt::skip]
pub(super) const SVG_PRESENTATION: &[&str] = &[
    "clip-path", "clip-rule", "color", "display", "dominant-baseline", "fill", "fill-opacity", "fill-rule",
    "font-family", "font-size", "font-weight", "opacity", "paint-order", "shape-rendering", "stop-color",
    "stop-opacity", "stroke", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin",
    "stroke-miterlimit", "stroke-opacity", "stroke-width", "text-anchor", "vector-effect", "visibility",
];

/// The presentation attributes that may refer to an element of the same page, as `url(#id)`.
pub(super) const SVG_REFERENCES: &[&str] = &["clip-path", "fill", "stroke"];

/// The elements that the grant `forms` adds. `action` is checked, and an `<input>` must not be an image or a file.
#[rustfmt::skip]
pub(super) const FORMS: &[(&str, &[&str])] = &[
    ("button", &["disabled", "name", "type", "value"]),
    ("fieldset", &["disabled", "name"]),
    ("form", &["action", "autocomplete", "method", "name", "novalidate"]),
    ("input", &["autocomplete", "checked", "disabled", "inputmode", "max", "maxlength", "min", "minlength", "name", "pattern", "placeholder", "readonly", "required", "size", "step", "type", "value"]),
    ("label", &["for"]),
    ("legend", &[]),
    ("option", &["disabled", "label", "selected", "value"]),
    ("select", &["disabled", "multiple", "name", "required", "size"]),
    ("textarea", &["cols", "disabled", "maxlength", "minlength", "name", "placeholder", "readonly", "required", "rows"]),
];

/// The allowed values of `<input type>`.
#[rustfmt::skip]
pub(super) const INPUT_TYPES: &[&str] = &[
    "button", "checkbox", "color", "date", "datetime-local", "email", "hidden", "month", "number", "password",
    "radio", "range", "reset", "search", "submit", "tel", "text", "time", "url", "week",
];

/// The beginnings of image URLs that the grant `images` adds: bitmaps in the page itself. SVG is excluded,
/// because it can load more.
pub(super) const IMAGES: &[&str] = &[
    "data:image/gif;base64,",
    "data:image/jpeg;base64,",
    "data:image/png;base64,",
    "data:image/webp;base64,",
];

/// The allowed values of `<script type>`, with the grant `scripts`.
pub(super) const SCRIPT_TYPES: &[&str] = &["", "module", "text/javascript"];

/// Returns whether the sorted list `list` contains `name`.
pub(super) fn has(list: &[&str], name: &str) -> bool {
    list.binary_search(&name).is_ok()
}

/// Returns the attributes of `element` in the sorted list `list`, or `None` if the list does not contain the element.
pub(super) fn attributes_of<'a>(
    list: &'a [(&str, &'a [&'a str])],
    element: &str,
) -> Option<&'a [&'a str]> {
    list.binary_search_by_key(&element, |(name, _)| *name).ok().map(|at| list[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_sorted() {
        for list in [
            HTML,
            GLOBAL_ATTRIBUTES,
            META_NAMES,
            SVG,
            SVG_GEOMETRY,
            SVG_PRESENTATION,
            SVG_REFERENCES,
            INPUT_TYPES,
            IMAGES,
            SCRIPT_TYPES,
        ] {
            assert!(list.is_sorted(), "{list:?}");
        }
        for list in [HTML_WITH_ATTRIBUTES, FORMS] {
            assert!(list.is_sorted(), "{list:?}");
            assert!(list.iter().all(|(_, attributes)| attributes.is_sorted()), "{list:?}");
        }
    }

    /// Lists the known dangerous elements. The browser tests show that these are dangerous.
    #[test]
    fn no_element_that_loads_or_runs_is_on_a_list() {
        for element in "applet audio base basefont bgsound canvas dialog embed fencedframe font frame frameset \
            iframe img link map math marquee noembed noframes noscript object picture plaintext portal script \
            slot source template track video xmp"
            .split_ascii_whitespace()
        {
            assert!(!has(HTML, element) && attributes_of(FORMS, element).is_none(), "{element}");
        }
        for element in
            "a animate animateMotion animateTransform feImage filter foreignObject image marker \
            mask pattern script set style switch use view"
                .split_ascii_whitespace()
        {
            assert!(!has(SVG, element), "{element}");
        }
    }
}
