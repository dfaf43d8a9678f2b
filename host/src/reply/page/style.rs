//! Checks CSS, token by token: style sheets, declarations and the values of SVG attributes.
//!
//! CSS may contain only the functions and at-rules that are listed here, and none of them can fetch. So a page
//! loads nothing, however the browser interprets the tokens. Property names are not restricted.

use cssparser::{BasicParseErrorKind, ParseError, ParseErrorKind, Parser, Token};

/// The place of the CSS in the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// In a `<style>` element.
    Sheet,
    /// In a `style` attribute, or in an SVG attribute that may not refer to an element.
    Value,
    /// In an SVG attribute that may refer to another element of the page: `fill`, `stroke`, `clip-path`.
    Reference,
}

/// The error for CSS that is not allowed in a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StyleError {
    /// The at-rule loads something, or is unknown.
    #[error("the at-rule `@{0}` is not allowed in CSS")]
    AtRule(String),
    /// The function loads something, or is unknown.
    #[error("the function `{0}()` is not allowed in CSS")]
    Function(String),
    /// The CSS contains `url()`.
    #[error("`url()` is not allowed in CSS: a page must not load anything")]
    Url,
    /// The name of an at-rule or of a function contains a backslash.
    #[error("escapes are not allowed in the name of a CSS function or at-rule")]
    Escape,
    /// A style sheet contains `<`.
    #[error("`<` is not allowed in CSS")]
    LessThan,
    /// A string is unclosed, a URL is malformed, or a bracket is unmatched. The text says which.
    #[error("invalid CSS: {0}")]
    Invalid(&'static str),
    /// The brackets are nested too deeply.
    #[error("the CSS is nested too deeply")]
    TooDeep,
}

/// The allowed at-rules, sorted for a binary search.
const AT_RULES: [&str; 7] =
    ["container", "keyframes", "layer", "media", "property", "starting-style", "supports"];

/// The allowed functions in values, media queries, support conditions and selectors, sorted for a binary search.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "abs", "acos", "asin", "atan", "atan2", "blur", "brightness", "calc", "circle", "clamp", "color",
    "color-mix", "conic-gradient", "contrast", "cos", "counter", "counters", "cubic-bezier", "dir",
    "drop-shadow", "ellipse", "env", "exp", "fit-content", "grayscale", "has", "hsl", "hsla", "hue-rotate",
    "hwb", "hypot", "inset", "invert", "is", "lab", "lang", "lch", "light-dark", "linear", "linear-gradient",
    "log", "matrix", "matrix3d", "max", "min", "minmax", "mod", "not", "nth-child", "nth-last-child",
    "nth-last-of-type", "nth-of-type", "oklab", "oklch", "opacity", "path", "perspective", "polygon", "pow",
    "radial-gradient", "rect", "rem", "repeat", "repeating-conic-gradient", "repeating-linear-gradient",
    "repeating-radial-gradient", "rgb", "rgba", "rotate", "rotate3d", "rotatex", "rotatey", "rotatez",
    "round", "saturate", "scale", "scale3d", "scalex", "scaley", "scalez", "selector", "sepia", "sign", "sin",
    "skew", "skewx", "skewy", "sqrt", "steps", "style", "tan", "translate", "translate3d", "translatex",
    "translatey", "translatez", "var", "where", "xywh",
];

/// The line of an error in the CSS, from 0, and the error.
pub(super) type PlacedError = (u32, StyleError);

/// Checks the CSS in `text`.
///
/// # Errors
/// Returns the first problem, with its line.
pub(super) fn check(text: &str, context: Context) -> Result<(), PlacedError> {
    if context == Context::Sheet
        && let Some(at) = text.find('<')
    {
        let line = text[..at].matches('\n').count();
        return Err((u32::try_from(line).unwrap_or(u32::MAX), StyleError::LessThan));
    }
    let mut parser = Parser::new(text);
    tokens(&mut parser, context).map_err(|error| match error.kind {
        ParseErrorKind::Custom(placed) => placed,
        ParseErrorKind::Basic(basic) => {
            let problem = match basic {
                BasicParseErrorKind::TooManyNestedBlocks => StyleError::TooDeep,
                _ => StyleError::Invalid("unexpected token"),
            };
            (parser.current_source_location().line, problem)
        }
    })
}

fn tokens(parser: &mut Parser<'_>, context: Context) -> Result<(), ParseError<PlacedError>> {
    loop {
        let (start, line) = (parser.position(), parser.current_source_location().line);
        let Ok(token) = parser.next_including_whitespace_and_comments() else { return Ok(()) };
        let opens = matches!(
            token,
            Token::Function(_)
                | Token::ParenthesisBlock
                | Token::SquareBracketBlock
                | Token::CurlyBracketBlock
        );
        let problem = problem(token, context);
        let names =
            matches!(token, Token::Function(_) | Token::AtKeyword(_) | Token::UnquotedUrl(_));
        let problem = problem.or_else(|| {
            (names && parser.slice_from(start).contains('\\')).then_some(StyleError::Escape)
        });
        if let Some(problem) = problem {
            return Err(ParseError::custom((line, problem)));
        }
        if opens {
            parser.parse_nested_block(|inner| tokens(inner, context))?;
        }
    }
}

fn problem(token: &Token<'_>, context: Context) -> Option<StyleError> {
    let is_in =
        |list: &[&str], name: &str| list.binary_search(&name.to_ascii_lowercase().as_str()).is_ok();
    match token {
        Token::AtKeyword(name) if context != Context::Sheet || !is_in(&AT_RULES, name) => {
            Some(StyleError::AtRule(name.to_string()))
        }
        Token::Function(name) if name.eq_ignore_ascii_case("url") => Some(StyleError::Url),
        Token::Function(name) if !is_in(FUNCTIONS, name) => {
            Some(StyleError::Function(name.to_string()))
        }
        Token::UnquotedUrl(url) => {
            let is_here = context == Context::Reference && url.starts_with('#');
            (!is_here).then_some(StyleError::Url)
        }
        Token::BadString(_) => Some(StyleError::Invalid("unclosed string")),
        Token::BadUrl(_) => Some(StyleError::Invalid("malformed `url()`")),
        Token::CloseParenthesis => Some(StyleError::Invalid("unmatched `)`")),
        Token::CloseSquareBracket => Some(StyleError::Invalid("unmatched `]`")),
        Token::CloseCurlyBracket => Some(StyleError::Invalid("unmatched `}`")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_in(css: &str, context: Context) -> Option<StyleError> {
        check(css, context).err().map(|(_, problem)| problem)
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(AT_RULES.is_sorted());
        assert!(FUNCTIONS.is_sorted());
    }

    #[test]
    fn css_that_loads_nothing_is_allowed() {
        for css in [
            "",
            "p { color: rgb(0 0 0 / .5); margin: calc(1px + 2%) } /* url(x) */",
            "@media (prefers-color-scheme: dark) { :root { --a: #fff } }",
            "@keyframes x { from { transform: rotate(0) } to { opacity: 0 } }",
            "@supports (display: grid) and (not (display: inline-grid)) { a:not(:hover)::after { content: \"\\201c url(x)\" } }",
            "a[href^='#'] > b ~ c + d { background: linear-gradient(red, blue) }",
            "p { FILTER: BLUR(2px) }",
            ".md\\:flex { display: flex }",
            "p { color: red",
        ] {
            assert_eq!(check(css, Context::Sheet), Ok(()), "{css}");
        }
        assert_eq!(check("color: var(--a); width: min(1px, 2px)", Context::Value), Ok(()));
        assert_eq!(check("url(#a)", Context::Reference), Ok(()));
    }

    #[test]
    fn css_that_loads_is_refused_in_any_spelling() {
        let function = |name: &str| Some(StyleError::Function(name.to_owned()));
        let rule = |name: &str| Some(StyleError::AtRule(name.to_owned()));
        let invalid = |problem: &'static str| Some(StyleError::Invalid(problem));
        for (css, expected) in [
            ("p{background:url(//a)}", Some(StyleError::Url)),
            ("p{background:URL( '//a' )}", Some(StyleError::Url)),
            ("p{background:u\\72l(//a)}", Some(StyleError::Url)),
            ("p{--a:{b:[url(//a)]}}", Some(StyleError::Url)),
            ("p{fill:url(#a)}", Some(StyleError::Url)),
            ("p{background:image-set('//a' 1x)}", function("image-set")),
            ("p{background:-webkit-image-set(url(a) 1x)}", function("-webkit-image-set")),
            ("p{background:cross-fade('//a', red)}", function("cross-fade")),
            ("p{background:src('//a')}", function("src")),
            ("p{background:image('//a')}", function("image")),
            ("p{background:attr(a)}", function("attr")),
            ("p{background:paint(a)}", function("paint")),
            ("p{background:-moz-element(#a)}", function("-moz-element")),
            ("p{width:expression(alert(1))}", function("expression")),
            ("@import '//a';", rule("import")),
            ("@\\69mport '//a';", rule("import")),
            ("@IMPORT '//a' layer(x);", rule("IMPORT")),
            ("@font-face{src:local(a)}", rule("font-face")),
            ("@namespace '//a';", rule("namespace")),
            ("@charset 'utf-16';", rule("charset")),
            ("@page{}", rule("page")),
            ("@view-transition{navigation:auto}", rule("view-transition")),
            ("@m\\65 dia{}", Some(StyleError::Escape)),
            ("p{color:r\\67 b(0 0 0)}", Some(StyleError::Escape)),
            ("p{background:url(a", Some(StyleError::Url)),
            ("p{background:url(a b)}", invalid("malformed `url()`")),
            ("p{content:'a\n}", invalid("unclosed string")),
            ("p{}}", invalid("unmatched `}`")),
            ("p{color:])}", invalid("unmatched `]`")),
            ("p{color:)}", invalid("unmatched `)`")),
            ("</style>", Some(StyleError::LessThan)),
            ("<!-- p{} -->", Some(StyleError::LessThan)),
        ] {
            assert_eq!(problem_in(css, Context::Sheet), expected, "{css}");
        }
        assert_eq!(problem_in("@media{}", Context::Value), rule("media"));
        for elsewhere in ["url(//a)", "url(a#b)", "url('#a')", "src(#a)"] {
            assert!(problem_in(elsewhere, Context::Reference).is_some(), "{elsewhere}");
        }
        assert_eq!(problem_in(&"(".repeat(200), Context::Value), Some(StyleError::TooDeep));
    }

    #[test]
    fn an_error_contains_its_line() {
        assert_eq!(
            check("p{}\n\n@import 'a';", Context::Sheet),
            Err((2, StyleError::AtRule("import".into())))
        );
        assert_eq!(check("p{}\n<", Context::Sheet), Err((1, StyleError::LessThan)));
    }
}
