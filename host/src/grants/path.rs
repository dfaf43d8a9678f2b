//! The path of a URL. Servers map a path to a resource in different ways, so one resource often has several paths.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Whether every server reads `path` alike.
///
/// It has only the characters of RFC 3986, section 3.3, and no percent-encoding of a character that needs none (section
/// 6.2.2.2) or that is a separator. No segment but the last is empty. Some servers remove parameters (`;a=b`), and dots
/// and spaces at the end of a segment, so something must be left of it then: `/a/..;/b` could be `/b`.
pub(super) fn is_unambiguous(path: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_plain = |byte: u8| is_unreserved(byte) || b"!$&'()*+,;=:@/%".contains(&byte);
    let is_encoded_well = |rest: &str| {
        let byte = rest.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let has_digits = rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
        has_digits
            && byte.is_some_and(|byte| {
                !is_unreserved(byte) && !byte.is_ascii_control() && !b"/\\%".contains(&byte)
            })
    };
    let is_name = |segment: &str| segment.is_empty() || !bare(&decoded(segment)).is_empty();
    path.bytes().all(is_plain)
        && !path.contains("//")
        && path.split('%').skip(1).all(is_encoded_well)
        && path.split('/').all(is_name)
}

/// Returns whether a server may answer a request to `path` as one to `endpoint`.
///
/// Many do for another case of letters, a slash at the end, a format (`.json`), the extension of a script that the path
/// has or lacks, path parameters (`;a=b`), segments after the path of a script, or a script before the path
/// (`/index.php/token`).
pub(super) fn is_near(path: &str, endpoint: &str) -> bool {
    let [paths, mut endpoints] = [path, endpoint].map(readings);
    for endpoint in &mut endpoints {
        endpoint.truncate(endpoint.trim_end_matches('/').len());
        endpoint.truncate(without_extension(endpoint).len());
    }
    paths.iter().any(|path| endpoints.iter().any(|endpoint| leads_to(path, endpoint)))
}

/// The path as lenient servers compare it: with its scripts, and without those that serve the path behind them.
fn readings(path: &str) -> [String; 2] {
    // In upper case, `\u{17f}` and `\u{131}` are the letters S and I.
    let folded = decoded(path).to_uppercase().to_lowercase();
    let mut segments: Vec<_> = folded.split('/').map(bare).collect();
    let whole = segments.join("/");
    let last = segments.pop();
    segments.retain(|segment| !is_script(segment));
    segments.extend(last);
    [whole, segments.join("/")]
}

/// Returns whether `path` is `endpoint`, maybe with something behind it.
fn leads_to(path: &str, endpoint: &str) -> bool {
    match path.strip_prefix(endpoint) {
        // Every path begins with that of the root.
        Some(rest) if endpoint.is_empty() => rest == "/",
        Some(rest) => !rest.starts_with(|c: char| c.is_alphanumeric() || "-_".contains(c)),
        None => false,
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// The segment without its parameters, and without the dots and spaces at its end, which Windows ignores.
fn bare(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default().trim_end_matches(['.', ' '])
}

/// Returns whether a segment is the file name of a script.
fn is_script(segment: &str) -> bool {
    let extension = segment[without_extension(segment).len()..].strip_prefix('.');
    extension.is_some_and(|extension| extension.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// The path without the extension of its last segment. The dot at the start of a name starts no extension.
fn without_extension(path: &str) -> &str {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[name..].rfind('.') {
        Some(dot) if dot > 0 => &path[..name + dot],
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_that_is_nothing_but_parameters_dots_or_spaces_is_ambiguous() {
        for path in [
            "/x/..;/token",
            "/x/..;a=b/token",
            "/x/..%3b/token",
            "/x/..%3Ba/token",
            "/;/token",
            "/;a=b/token",
            "/%3ba/token",
            "/.;/token",
            "/oauth/;/token",
            "/oauth/.;a=b/token",
            "/oauth/token/;",
            "/oauth/token/..;",
            "/oauth/.../token",
            "/oauth/..%20/token",
            "/oauth/%20/token",
        ] {
            assert!(!is_unambiguous(path), "{path}");
        }
        for path in ["/", "/a/", "/a;b/c", "/a..;b/..c", "/.well-known/a", "/a/%20b;/c%3Bd", "/~;"]
        {
            assert!(is_unambiguous(path), "{path}");
        }
    }

    #[test]
    fn a_path_that_a_server_may_take_for_an_endpoint_is_near_it() {
        for (path, endpoint) in [
            ("/oauth/token", "/oauth/token"),
            ("/oauth/token/", "/oauth/token"),
            ("/oauth/token", "/oauth/token/"),
            ("/OAuth/Token", "/oauth/token"),
            ("/oauth/token;x", "/oauth/token"),
            ("/oauth/token", "/oauth;a=b/token;x"),
            ("/oauth;a=b/token;c", "/oauth/token"),
            ("/oauth%3ba/token%3B", "/oauth/token"),
            ("/oauth/token.json", "/oauth/token"),
            ("/oauth/token", "/oauth/token.php"),
            ("/oauth/token/x", "/oauth/token.php"),
            ("/oauth/token.json", "/oauth/token.php"),
            ("/token.php/more", "/token.php"),
            ("/index.php/oauth/token", "/oauth/token"),
            ("/oauth/token", "/index.php/oauth/token"),
            ("/app.php/oauth/token/", "/index.php/oauth/token"),
            ("/oauth/token%20", "/oauth/token"),
            ("/oauth./token", "/oauth/token"),
            ("/oauth%20/token", "/oauth/token"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/acce%C5%BFs", "/access"),
            ("/%C4%B1ntrospect", "/introspect"),
            ("/to%E2%84%AAen", "/token"),
            ("/", "/"),
        ] {
            assert!(is_near(path, endpoint), "{path} {endpoint}");
        }
        for (path, endpoint) in [
            ("/oauth/tokens", "/oauth/token"),
            ("/oauth/tokeninfo", "/oauth/token"),
            ("/oauth/token-info", "/oauth/token"),
            ("/oauth/tokens", "/oauth/token.php"),
            ("/oauth/", "/oauth/token"),
            ("/index.php", "/index.php/oauth/token"),
            ("/.well-known/openid-configuration", "/oauth/token"),
            ("/.well-known/openid-configuration", "/"),
            ("/.well-known/openid-configuration", "/.well-known/token"),
            ("/v2/oauth/token", "/oauth/token"),
        ] {
            assert!(!is_near(path, endpoint), "{path} {endpoint}");
        }
    }
}
