//! Fuzz replies of a guest. The host alone frames the response, and adds its security headers. The target `page` checks
//! the content of pages.

#![no_main]

use arbitrary::Arbitrary;
use curtaincall::internals::reply::{Cage, Disposition, RawReply, Reply};
use curtaincall::{Limits, Outcome, PageGrant, PageGrants};
use libfuzzer_sys::fuzz_target;
use url::Url;

const AUTHORITY: &str = "127.0.0.1:8080";
const APP: &str = "https://app.example";

#[derive(Debug, Arbitrary)]
struct Input {
    status: u16,
    usual_status: bool,
    content_type: Option<bool>,
    location: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    scripts: bool,
    forms: bool,
    redirect: bool,
    navigation: bool,
    outcome: Option<Vec<(String, String)>>,
    body: String,
    raw_body: Option<Vec<u8>>,
}

fuzz_target!(|input: Input| {
    let (body, status) = (
        input.raw_body.unwrap_or(input.body.into_bytes()),
        if input.usual_status { 200 } else { input.status },
    );
    let mut headers = input.headers;
    headers.extend(input.content_type.map(|html| {
        let value: &[u8] = if html { b"text/html" } else { b"text/plain; charset=utf-8" };
        ("content-type".to_owned(), value.to_vec())
    }));
    headers.extend(input.location.map(|to| ("location".to_owned(), to.into_bytes())));
    let disposition = match input.outcome.clone() {
        Some(values) => Disposition::Done(Outcome::Success(values)),
        None => Disposition::Pending,
    };
    let app = format!("redirect={APP}");
    let grants: PageGrants =
        [(input.scripts, "scripts"), (input.forms, "forms"), (input.redirect, &*app)]
            .iter()
            .filter(|(granted, _)| *granted)
            .map(|(_, word)| word.parse::<PageGrant>().unwrap())
            .collect();
    let limits = Limits::default();
    let cage = Cage {
        origin: &format!("http://{AUTHORITY}"),
        limits: &limits,
        grants: &grants,
        is_navigation: input.navigation,
        check_limits: &|| Ok(()),
    };
    let raw = RawReply { status, headers, body: body.clone().into(), disposition };
    let Ok(reply) = Reply::validate(raw, &cage) else { return };

    assert!((200..600).contains(&reply.page.status().as_u16()));
    let headers = reply.page.headers();
    for (name, value) in headers {
        assert!(!value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)), "{name}");
        assert!(!FRAMING.contains(&name.as_str()), "{name}");
    }
    let policies: Vec<_> = headers.get_all("content-security-policy").iter().collect();
    let host = policies[0].to_str().unwrap();
    assert!(host.starts_with("sandbox") && host.contains("default-src 'none'"));
    assert_eq!(host.contains("allow-scripts"), input.scripts);
    assert_eq!(host.contains("allow-forms"), input.forms);
    assert!(policies.iter().all(|policy| {
        !policy.as_bytes().to_ascii_lowercase().windows(7).any(|w| w == b"report-")
            || !has_report_directive(policy.as_bytes())
    }));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("x-dns-prefetch-control", "off"),
    ] {
        let all: Vec<_> = headers.get_all(name).iter().collect();
        assert_eq!(all, [value], "{name}");
    }
    if let Some(location) = headers.get("location") {
        let base = Url::parse(&format!("http://{AUTHORITY}/callback?code=secret")).unwrap();
        let target = base.join(location.to_str().unwrap()).unwrap();
        let origin = target.origin().ascii_serialization();
        assert!(
            origin == format!("http://{AUTHORITY}") || (input.redirect && origin == APP),
            "{target}"
        );
    }
    if !body.is_empty() {
        let sent = headers.get("content-type").unwrap().to_str().unwrap();
        assert!(
            ["text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json"]
                .contains(&sent)
        );
        assert!(!input.navigation || sent != "application/json");
        assert!(std::str::from_utf8(&body).is_ok());
    }
    if let Disposition::Done(outcome) = &reply.disposition {
        let fields = outcome.fields();
        let names = fields.iter().map(|(name, _)| *name);
        assert!(names.clone().all(|name| !name.is_empty() && !name.contains(char::is_control)));
        // The shell variables of the names, and of the host's own values.
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let mut names: Vec<String> = names.map(|name| name.chars().map(letter).collect()).collect();
        names.extend(["code_verifier", "redirect_uri", "nonce"].map(String::from));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
});

const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "trailer",
    "set-cookie",
    "link",
    "refresh",
    "content-encoding",
];

fn has_report_directive(policy: &[u8]) -> bool {
    policy
        .split(|byte| b";,".contains(byte))
        .any(|directive| directive.trim_ascii().to_ascii_lowercase().starts_with(b"report-"))
}
