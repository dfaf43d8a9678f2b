//! The parameters, each with the URL that passes beside the one that does not.

use super::*;

#[test]
fn a_required_parameter_has_its_exact_value() {
    let rows: [(&str, &str, ExpectedParameter, &[&str]); 5] = [
        ("response_type", "c%6Fde", Text("code"), &["", "Code", "token", "code+id_token", "none"]),
        (
            "redirect_uri",
            "{redirect_uri}",
            OfSession,
            &["", "{redirect_uri}%2F", "http://127.0.0.1:43118/callback", "https://x.example"],
        ),
        ("state", "{state}", OfSession, &["", "{state}x", "+{state}", "{state}%00", "{nonce}"]),
        ("code_challenge", "{challenge}", OfSession, &["", "{state}", "{challenge}%3D"]),
        ("code_challenge_method", "S256", Text("S256"), &["", "plain", "s256", "S256,plain"]),
    ];
    for (name, good, expected, bad) in rows {
        with(name, &format!("{name}={good}")).iter().for_each(|url| accepts(url));
        let missing = Error::Missing { name, expected };
        let other_name = format!("my{name}={good}");
        for parameter in ["", &other_name] {
            with(name, parameter).iter().for_each(|url| refuses(url, &missing));
        }
        for value in bad {
            let wrong = Error::Wrong { name, expected };
            with(name, &format!("{name}={value}")).iter().for_each(|url| refuses(url, &wrong));
        }
    }
}

#[test]
fn an_optional_parameter_is_missing_or_has_an_allowed_value() {
    let rows: [(&str, &[&str], ExpectedParameter, &[&str]); 2] = [
        (
            "response_mode",
            &["query", "form_post", "form%5Fpost"],
            Either("query", "form_post"),
            &["", "fragment", "web_message", "query.jwt", "jwt", "Query"],
        ),
        ("nonce", &["{nonce}"], OfSession, &["", "x", "{state}", "{nonce}x"]),
    ];
    for (name, good, expected, bad) in rows {
        for value in good {
            with(name, &format!("{name}={value}")).iter().for_each(|url| accepts(url));
        }
        for value in bad {
            let wrong = Error::Wrong { name, expected };
            with(name, &format!("{name}={value}")).iter().for_each(|url| refuses(url, &wrong));
        }
    }
}

/// `name` with its first letter percent-encoded.
fn encoded(name: &str) -> String {
    format!("%{:02x}{}", name.as_bytes()[0], &name[1..])
}

#[test]
fn a_checked_parameter_occurs_once_under_its_decoded_name() {
    for parameter in REQUEST.into_iter().chain(["response_mode=query", "nonce={nonce}"]) {
        let (name, value) = parameter.split_once('=').unwrap();
        let name: &'static str = name;
        let other = format!("{}={value}", encoded(name));
        with(name, &other).iter().for_each(|url| accepts(url));
        for twice in [[parameter, parameter], [parameter, &other], [&other, &other]] {
            let twice = twice.join("&");
            with(name, &twice).iter().for_each(|url| refuses(url, &Error::Duplicate(name)));
        }
        let bad = format!("{parameter}&{name}");
        with(name, &bad).iter().for_each(|url| refuses(url, &Error::Duplicate(name)));
    }
}

#[test]
fn a_parameter_with_a_secret_or_another_request_is_refused() {
    for name in
        ["request", "request_uri", "registration", "client_secret", "code_verifier", "password"]
    {
        with("", &format!("my{name}=x")).iter().for_each(|url| accepts(url));
        for parameter in [name.to_owned(), format!("{name}=x"), format!("{}=x", encoded(name))] {
            with("", &parameter).iter().for_each(|url| refuses(url, &Error::Forbidden(name)));
        }
    }
}

/// The counter-check has another name in the same disguise.
#[test]
fn a_name_that_servers_read_as_a_checked_one_is_refused() {
    for name in ["redirect_uri", "state", "nonce", "code_challenge", "request_uri", "password"] {
        let disguised = |name: &str| {
            [
                name.to_uppercase(),
                format!("{}{}", name[..1].to_uppercase(), &name[1..]),
                name.replace('_', "-") + "-",
                format!("_{name}"),
                format!("{name}[]"),
                format!("{name}[x]"),
                format!("{name}%5B0%5D"),
                format!("{}[{}]", &name[..3], &name[3..]),
                format!("x=1;{name}"),
                format!(";{}", encoded(name)),
                format!("{name}=1;{name}"),
            ]
        };
        for parameter in disguised(name) {
            let error = Error::Disguised(name);
            with("", &format!("{parameter}=x")).iter().for_each(|url| refuses(url, &error));
        }
        for parameter in disguised(&format!("my{name}")) {
            with("", &format!("{parameter}=x")).iter().for_each(|url| accepts(url));
        }
    }
    for name in ["redirect-uri", "redirectUri", "redirect[uri]", "redirect[_uri]"] {
        let error = Error::Disguised("redirect_uri");
        with("", &format!("{name}=x")).iter().for_each(|url| refuses(url, &error));
    }
    with("", "x=1%3Bstate=x").iter().for_each(|url| accepts(url));
}

/// PHP, Rack, qs and others read most of these names as `redirect_uri`, or as another name that is checked.
#[test]
fn a_name_that_servers_read_in_different_ways_is_refused() {
    for name in [
        "redirect[uri",
        "redirect%5Buri",
        "redirect.uri",
        "redirect+uri",
        "redirect%20uri",
        "redirect%5Fur%C4%B1",
        "redirect%00",
        "redirect_uri[",
        "redirect_uri]",
        "redirect_uri%5D",
        "redirect_uri%00x",
        "redirect_uri+",
        "+redirect_uri",
        "%09redirect_uri",
        "]redirect_uri",
        "[redirect_uri]",
        "[redirect_uri",
        "%5Bredirect_uri%5D",
        "redirect_uri[]x",
        "redirect_uri[][]",
        "redirect_uri[[]]",
        "%u0072edirect_uri",
        "x?redirect_uri",
        "code[challenge",
        "code[challenge.method",
        "response[type",
        "re%C5%BFponse_type",
        "client[secret",
        "client.secret",
        "redirect%FFuri",
        "",
    ] {
        let query = format!("{name}=x");
        let decoded = form_urlencoded::parse(query.as_bytes()).next().unwrap().0.into_owned();
        let error = Error::Name(decoded);
        for query in [query.clone(), format!("x=1;{query}")] {
            with("", &query).iter().for_each(|url| refuses(url, &error));
        }
    }
}

/// The counter-check: parameters of providers.
#[test]
fn the_parameters_of_providers_are_accepted() {
    for parameter in [
        "access_type=offline",
        "acr_values=a+b",
        "audience=api.example",
        "claims=%7B%22id_token%22%3A%7B%22acr%22%3Anull%7D%7D",
        "client_id=a",
        "duration=permanent",
        "ext-tenant=a",
        "grant_options[]=per-user",
        "hd=idp.example",
        "id_token_hint=a.b.c",
        "include_granted_scopes=true",
        "login_hint=ada%40idp.example",
        "owner=user",
        "p=B2C_1_policy",
        "prompt=consent+login",
        "resource=https%3A%2F%2Fapi.example%2Fv1&resource=https%3A%2F%2Fapi.example%2Fv2",
        "sessionToken=a",
        "stripe_user%5Bbusiness_type%5D=company",
        "token_access_type=offline",
        "ui_locales=de+en",
        "user_scope=a,b",
        "a&&b",
    ] {
        with("", parameter).iter().for_each(|url| accepts(url));
    }
}

#[test]
fn without_pkce_a_challenge_is_that_of_this_run_or_missing() {
    let missing = |name, expected| Err(Error::Missing { name, expected });
    let without = format!("{PLACE}?{}", REQUEST[..3].join("&"));
    let required = checked_with(&without, true).map(|checked| checked.pkce);
    assert_eq!(required, missing("code_challenge", OfSession));
    for (end, expected) in [
        ("", Ok(false)),
        ("&xcode_challenge=x&x=code_challenge=x", Ok(false)),
        ("&code_challenge={challenge}&code_challenge_method=S256", Ok(true)),
        ("&code_challenge={challenge}", missing("code_challenge_method", Text("S256"))),
        ("&code_challenge_method=S256", missing("code_challenge", OfSession)),
        (
            "&code_challenge=x&code_challenge_method=S256",
            Err(Error::Wrong { name: "code_challenge", expected: OfSession }),
        ),
        ("&Code_Challenge=x", Err(Error::Disguised("code_challenge"))),
    ] {
        let url = format!("{without}{end}");
        assert_eq!(checked_with(&url, false).map(|checked| checked.pkce), expected, "{end}");
    }
}

#[test]
fn the_words_of_the_scope_are_returned() {
    let rows: [(&str, &[&str]); 6] = [
        ("", &[]),
        ("scope=", &[]),
        ("scope=openid", &["openid"]),
        ("scope=openid+email%20openid", &["email", "openid"]),
        ("scope=a,b%2Cc&user_scope=d", &["a", "b", "c", "d"]),
        ("scope=b&scope=a&scopes=c&xscope=d", &["a", "b"]),
    ];
    for (scope, words) in rows {
        for url in with("", scope) {
            assert_eq!(checked(&url).unwrap().scopes, words, "{url}");
        }
    }
}
