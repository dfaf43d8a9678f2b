use super::*;

fn grants(net: &[&str]) -> NetGrants {
    let mut grants = NetGrants::default();
    for url in net {
        grants.allow(url).unwrap();
    }
    grants
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[test]
fn nothing_is_granted_by_default() {
    let grants = NetGrants::default();
    assert!(grants.endpoint(&url("https://h/")).is_none());
    assert!(!grants.may_read(&url("https://h/")) && !grants.may_open(&url("https://h/")));
    assert!(!grants.private() && grants.pkce());
}

#[test]
fn a_path_makes_an_endpoint_and_its_absence_an_origin() {
    let grants = grants(&["https://a/", "https://b", "https://c/token", "https://a/", "https://b"]);
    let shown: Vec<_> = grants.endpoints().iter().map(Endpoint::to_string).collect();
    assert_eq!(shown, ["https://a/", "https://c/token"]);
    assert_eq!(grants.origins().collect::<Vec<_>>(), ["https://b"]);
    // The shown value grants the same again.
    let mut again = NetGrants::default();
    for value in shown.into_iter().chain(grants.origins()) {
        again.allow(&value).unwrap();
    }
    assert_eq!(again, grants);
}

#[test]
fn the_hosts_are_listed_once() {
    let grants = grants(&["https://a/token", "https://b", "https://a", "http://127.0.0.1:8080/"]);
    assert_eq!(grants.hosts(), ["a", "127.0.0.1:8080", "b"]);
}

#[test]
fn an_endpoint_is_exact_but_for_its_query() {
    let grants = grants(&["https://h/token"]);
    for same in
        ["https://h/token", "https://h:443/token", "https://H/token?a=b", "https://h/a/../token"]
    {
        assert!(grants.endpoint(&url(same)).is_some(), "{same}");
    }
    for other in [
        "https://h/",
        "https://h/token/",
        "https://h/Token",
        "https://h/%74oken",
        "https://h//token",
        "https://h/token;a",
        "https://h:8443/token",
        "http://h/token",
        "https://a@h/token",
        "https://:b@h/token",
        "https://x.h/token",
        "https://h./token",
    ] {
        assert!(grants.endpoint(&url(other)).is_none(), "{other}");
    }
}

#[test]
fn an_origin_can_be_read_but_its_endpoints_cannot() {
    let grants = grants(&["https://h", "https://h/oauth/token", "https://other/token"]);
    for readable in [
        "https://h/",
        "https://h/.well-known/openid-configuration",
        "https://h/a?b=c",
        "https://h/token",
    ] {
        assert!(grants.may_read(&url(readable)), "{readable}");
    }
    for sealed in [
        "https://h/oauth/token",
        "https://h/oauth/token?a=b",
        "https://h/oauth/token/",
        "https://h/oauth//token",
        "https://h/OAUTH/token",
        "https://h/oauth/%74oken",
        "https://h/oauth%2Ftoken",
        "https://h/oauth/token.json",
        "https://h/oauth;a/token",
        "https://h/x/..;/oauth/token",
        "https://h/oauth/;/token",
        "https://other/",
        "https://h:8443/",
        "http://h/",
        "https://a@h/",
    ] {
        assert!(!grants.may_read(&url(sealed)), "{sealed}");
    }
}

/// Each name of this machine may lead to the same server. Another port is another server.
#[test]
fn the_names_of_this_machine_are_one_server() {
    for endpoint in
        ["http://127.0.0.1:8080/token", "http://localhost:8080/token", "http://[::1]:8080/token"]
    {
        let grants = grants(&[
            endpoint,
            "http://127.0.0.1:8080",
            "http://127.0.0.2:8080",
            "http://localhost:8080",
            "https://localhost:8080",
            "http://[::1]:8080",
            "http://localhost:8081",
            "https://h:8080",
        ]);
        for origin in [
            "http://127.0.0.1:8080",
            "http://127.0.0.2:8080",
            "http://localhost:8080",
            "https://localhost:8080",
            "http://[::1]:8080",
        ] {
            assert!(!grants.may_read(&url(&format!("{origin}/token"))), "{endpoint} {origin}");
            assert!(grants.may_read(&url(&format!("{origin}/other"))), "{endpoint} {origin}");
        }
        for origin in ["http://localhost:8081", "https://h:8080"] {
            assert!(grants.may_read(&url(&format!("{origin}/token"))), "{endpoint} {origin}");
        }
    }
}

#[test]
fn the_browser_opens_only_granted_origins() {
    let mut grants = grants(&["https://h", "https://h/token"]);
    assert!(!grants.may_open(&url("https://h/authorize")));
    grants.allow_open("https://h").unwrap().allow_open("http://127.0.0.1:8080").unwrap();
    for good in ["https://h/authorize?a=b", "http://127.0.0.1:8080/"] {
        assert!(grants.may_open(&url(good)), "{good}");
    }
    for bad in ["http://h/authorize", "https://h:1/", "https://evil@h/", "http://localhost:8080/"] {
        assert!(!grants.may_open(&url(bad)), "{bad}");
    }
    for bad in ["https://h/authorize", "http://h", "https://*.h", "https://h/?a"] {
        assert!(grants.allow_open(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_loopback_grant_reaches_its_host_and_port_and_no_other() {
    let grants = grants(&[
        "http://127.0.0.1:8080/token",
        "http://[::1]:8081",
        "http://localhost",
        "https://h:9",
    ]);
    let host = |text: &str| url::Host::parse(text).unwrap();
    for (text, port) in [("127.0.0.1", 8080), ("[::1]", 8081), ("localhost", 80)] {
        assert!(grants.loopback().any(|granted| granted == (host(text), port)), "{text}:{port}");
        assert!(!grants.loopback().any(|granted| granted == (host(text), port + 1)), "{text}");
    }
    // A granted name that resolves to the local machine is not a loopback grant.
    for (text, port) in [("127.0.0.2", 8080), ("localhost", 8080), ("h", 9), ("127.0.0.1", 80)] {
        assert!(!grants.loopback().any(|granted| granted == (host(text), port)), "{text}:{port}");
    }
}

#[test]
fn merged_grants_allow_what_either_allows() {
    let endpoint = |rest| format!("[[endpoint]]\nurl = \"https://h/token\"\n{rest}");
    let mut merged =
        NetGrants::from_toml(&endpoint("secrets = ['code']\nreadable = ['login']")).unwrap();
    merged.merge(
        NetGrants::from_toml(&("pkce = false\n".to_owned() + &endpoint("secrets = ['token']")))
            .unwrap(),
    );
    merged.merge(grants(&["https://h", "https://h/other"]));
    assert_eq!(merged.endpoints().len(), 2);
    assert_eq!(merged.endpoints()[0].secrets(), ["code", "token"]);
    assert_eq!(merged.endpoints()[0].readable(), ["login"]);
    assert_eq!(merged.origins().collect::<Vec<_>>(), ["https://h"]);
    assert!(!merged.pkce() && !merged.private());
    merged.merge(NetGrants::default().allow_private(true).clone());
    assert!(!merged.pkce() && merged.private());
}

#[test]
fn nothing_in_a_token_can_be_granted_as_readable() {
    let readable = |text: &str| {
        let endpoint = format!("[[endpoint]]\nurl = 'https://h/token'\nreadable = ['{text}']");
        NetGrants::from_toml(&endpoint).is_ok()
    };
    for text in
        ["token", "/a/token", "/access_token/login", "/refresh_token/0", "/error_description/a"]
    {
        assert!(!readable(text), "{text}");
    }
    assert!(readable("/team/name") && readable("/tokens/name") && readable("login"));
}

#[test]
fn an_error_repeats_no_password_and_no_query() {
    for (text, shown) in [
        ("https://ada:hunter2@h/token", "https://h/token"),
        ("https://h/token?client_secret=hunter2", "https://h/token"),
        ("https://h/token#hunter2", "https://h/token"),
        ("ada:hunter2@h", "h"),
        ("https://h/\u{1b}[2J", "https://h/\\u{1b}[2J"),
    ] {
        let error = NetGrants::default().allow(text).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("invalid network grant `{shown}`: expected ")),
            "{error}"
        );
    }
}
