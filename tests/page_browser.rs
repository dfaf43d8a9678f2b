//! A guest's page in a real Chromium, beside a second listener that must see nothing of it. Each way out
//! is tried twice: caged by the host, and served as it is, where it has to get out: a test that cannot
//! fail proves nothing. The second also says how long the first had.

#![cfg(unix)]

use crate::support::guest;
use crate::support::host::Host;
use crate::support::webdriver::Browser;
use crate::support::witness::Witness;

/// One way out of a page. `{to}` is where it wants to get.
struct Attack {
    name: &'static str,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    /// What a person clicks on.
    click: Option<&'static str>,
}

const fn page(name: &'static str, body: &'static str) -> Attack {
    Attack { name, status: 200, headers: &[], body, click: None }
}

const fn header(name: &'static str, headers: &'static [(&'static str, &'static str)]) -> Attack {
    Attack { name, status: 200, headers, body: "<img src=x>", click: None }
}

const ATTACKS: [Attack; 47] = [
    page("script", "<script src='{to}/x.js'></script>"),
    page("inline-script", "<script>fetch('{to}')</script>"),
    page("module-script", "<script type=module>import '{to}/x.js'</script>"),
    page("navigating-script", "<script>location = '{to}'</script>"),
    page("socket", "<script>new WebSocket('{to}'.replace('http', 'ws'))</script>"),
    page("beacon", "<script>navigator.sendBeacon('{to}')</script>"),
    page("event-handler", "<body onload=\"fetch('{to}')\">"),
    page("error-handler", "<img src=data:, onerror=\"fetch('{to}')\">"),
    page("img", "<img src='{to}/x.png'>"),
    page("srcset", "<img srcset='{to}/x.png 1x'>"),
    page("picture", "<picture><source srcset='{to}/x.png'><img></picture>"),
    page("input-image", "<input type=image src='{to}/x.png'>"),
    page("body-background", "<body background='{to}/x.png'>"),
    page("video", "<video src='{to}/x.mp4' preload=auto></video>"),
    page("poster", "<video poster='{to}/x.png'></video>"),
    page("audio", "<audio src='{to}/x.mp3' preload=auto></audio>"),
    page("css-url", "<style>body{background:url({to}/x.png)}</style>"),
    page("css-attribute", "<p style='background:url({to}/x.png)'>x"),
    page("css-import", "<style>@import '{to}/x.css';</style>"),
    page(
        "font",
        "<style>@font-face{font-family:x;src:url({to}/x.woff)}p{font-family:x}</style><p>x",
    ),
    page("stylesheet", "<link rel=stylesheet href='{to}/x.css'>"),
    page("icon", "<link rel=\"icon\" href='{to}/x.ico'>"),
    page("preload", "<link rel=preload as=image href='{to}/x.png'>"),
    page("modulepreload", "<link rel=modulepreload href='{to}/x.js'>"),
    page("prefetch", "<link rel=prefetch href='{to}/x'>"),
    page("preconnect", "<link rel=preconnect href='{to}'>"),
    page(
        "preconnect-in-svg",
        "<svg><foreignObject><link rel=preconnect href='{to}'></foreignObject></svg>",
    ),
    page(
        "preconnect-in-srcdoc",
        "<iframe srcdoc=\"&lt;link rel=preconnect href='{to}'>\"></iframe>",
    ),
    page("iframe", "<iframe src='{to}'></iframe>"),
    page("frameset", "<frameset><frame src='{to}'></frameset>"),
    page("object", "<object data='{to}/x.html' type=text/html></object>"),
    page("embed", "<embed src='{to}/x.html' type=text/html>"),
    page("meta-refresh", "<meta http-equiv=refresh content='0;url={to}'>"),
    page("form", "<form action='{to}'></form><script>document.forms[0].submit()</script>"),
    page("base", "<base href='{to}'><img src=x.png>"),
    page("svg-image", "<svg><image href='{to}/x.png' width=9 height=9 /></svg>"),
    page("svg-script", "<svg><script href='{to}/x.js'></script></svg>"),
    page(
        "svg-filter",
        "<svg><filter id=f><feImage href='{to}/x.png'/></filter><rect filter='url(#f)' width=9 height=9 /></svg>",
    ),
    page("svg-use", "<svg><use href='{to}/x.svg#x'/></svg>"),
    page(
        "speculation",
        "<script type=speculationrules>{\"prefetch\":[{\"urls\":[\"{to}/x\"],\"eagerness\":\"immediate\"}]}</script>",
    ),
    Attack {
        click: Some("#ping"),
        ..page("ping", "<a id=ping href='#here' ping='{to}'>click</a><p id=here>")
    },
    Attack {
        click: Some("button"),
        ..page("clicked-form", "<form action='{to}'><button>click</button></form>")
    },
    header("refresh-header", &[("refresh", "0; url={to}")]),
    header("link-header", &[("link", "<{to}>; rel=preconnect")]),
    header("link-preload-header", &[("link", "<{to}/x.css>; rel=preload; as=style")]),
    header("report-uri", &[("content-security-policy", "img-src 'none'; report-uri {to}/r")]),
    Attack { status: 302, body: "", ..header("redirect", &[("location", "{to}")]) },
];

/// What the host does not even show; the others are shown, and the browser holds them back.
const REFUSED: [&str; 17] = [
    "stylesheet",
    "icon",
    "preload",
    "modulepreload",
    "prefetch",
    "preconnect",
    "preconnect-in-svg",
    "preconnect-in-srcdoc",
    "iframe",
    "frameset",
    "object",
    "embed",
    "refresh-header",
    "link-header",
    "link-preload-header",
    "report-uri",
    "redirect",
];

/// The page as the guest wants it, with no cage around it.
fn loose(attack: &Attack, to: &str) -> String {
    let body = attack.body.replace("{to}", to);
    let headers: String = attack
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\r\n", value.replace("{to}", to)))
        .collect();
    format!(
        "HTTP/1.1 {} X\r\nContent-Type: text/html\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n{body}",
        attack.status,
        body.len()
    )
}

/// The same from a guest.
fn caged(attack: &Attack, to: &str) -> std::path::PathBuf {
    let headers: Vec<_> =
        attack.headers.iter().map(|(name, value)| (*name, value.replace("{to}", to))).collect();
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
    headers.push(("content-type", "text/html"));
    guest::page(attack.name, attack.status, &headers, &attack.body.replace("{to}", to))
}

#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not installed")]
#[test]
fn no_page_reaches_a_second_listener() {
    let browser = Browser::start();
    let mut caged_ones = Vec::new();
    let mut tame = Vec::new();
    for attack in &ATTACKS {
        let never = Witness::new();
        let host = Host::run().arg("-v").arg(caged(attack, &never.url())).start();
        browser.open(&host.redirect_uri);
        host.wait_for_line(match REFUSED.contains(&attack.name) {
            true => "warning: the guest's reply cannot be sent: ",
            false => "replied ",
        });
        // A page that was refused has nothing to click on.
        let _ = attack.click.is_none_or(|selector| browser.click(selector));

        // `use` is for one origin only, so that this page comes from the listener that it wants to reach.
        let same_origin = attack.name == "svg-use";
        let target = Witness::new();
        let server = match same_origin {
            true => Witness::serving(loose(attack, "")),
            false => Witness::serving(loose(attack, &target.url())),
        };
        browser.open(&format!("{}/page", server.url()));
        let clicked = attack.click.is_none_or(|selector| browser.click(selector));
        assert!(clicked, "{}: nothing to click on", attack.name);
        let got_out = if same_origin { server.is_asked() } else { target.is_reached() };
        if !got_out {
            tame.push(attack.name);
        }
        caged_ones.push((attack.name, never));
    }
    let escaped: Vec<_> = caged_ones
        .iter()
        .filter(|(_, witness)| witness.connections() > 0)
        .map(|(name, witness)| (name, witness.requests()))
        .collect();
    assert!(
        tame.is_empty() && escaped.is_empty(),
        "escaped: {escaped:#?}, never get out: {tame:?}"
    );
}

/// A page that says with its title whether its script ran.
const SCRIPTED: &str = "<title>still</title><script>document.title = 'ran'</script>";

#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not installed")]
#[test]
fn scripts_run_where_they_were_granted() {
    let browser = Browser::start();
    let page = guest::page("scripted", 200, &[("content-type", "text/html")], SCRIPTED);
    let host = Host::run().arg(&page).start();
    browser.open(&host.redirect_uri);
    assert_eq!(browser.title(), "still");
    let host = Host::run().arg(&page).args(["--allow-page", "scripts"]).start();
    browser.open(&host.redirect_uri);
    browser.wait_for_title("ran");
}

/// The form sends the person back to the callback, as a consent page does; the button is clicked.
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not installed")]
#[test]
fn forms_come_back_where_they_were_granted() {
    let browser = Browser::start();
    for (grants, title) in [(&[][..], "asks"), (&["--allow-page", "forms"][..], "thanks")] {
        let host = Host::run().arg(guest::from_wat("consent")).args(grants).start();
        browser.open(&host.redirect_uri);
        assert_eq!(browser.title(), "asks");
        assert!(browser.click("button"));
        browser.wait_for_title(title);
        if title == "thanks" {
            host.finish().code(0).stdout("{\"consent\":\"yes\"}\n");
        }
    }
}

/// Cookies are shared by all ports of a host name: a guest's page may neither leave nor delete any.
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not installed")]
#[test]
fn cookies_of_other_servers_are_neither_set_nor_deleted() {
    let browser = Browser::start();
    let cookies = || {
        let probe = Witness::serving(String::new());
        browser.open(&format!("{}/probe", probe.url()));
        let request = probe.requests().concat();
        let line =
            request.lines().find_map(|line| line.strip_prefix("Cookie: ")).unwrap_or_default();
        line.to_owned()
    };
    let set = header("set-cookie", &[("set-cookie", "evil=1")]);
    let clear = header("clear-site-data", &[("clear-site-data", "\"cookies\"")]);
    let caged_visit = |attack: &Attack| {
        let host = Host::run().arg(caged(attack, "")).start();
        browser.open(&host.redirect_uri);
    };
    let loose_visit = |attack: &Attack| {
        browser.open(&format!("{}/page", Witness::serving(loose(attack, "")).url()));
    };
    caged_visit(&set);
    assert_eq!(cookies(), "");
    loose_visit(&set);
    assert_eq!(cookies(), "evil=1");
    caged_visit(&clear);
    assert_eq!(cookies(), "evil=1");
    loose_visit(&clear);
    assert_eq!(cookies(), "");
}
