//! What each grant allows, and what it does not.

use super::{body, granted, missing_grant, problem, refused};

#[test]
fn links_lead_to_places_on_the_page_and_to_granted_origins() {
    assert_eq!(body("<a href='#x'>x</a>", &[]), "<a href=\"#x\">x</a>");
    // A grant is named only if it would help.
    for (elsewhere, grant) in [
        ("https://app.example", Some("links=ORIGIN")),
        ("http://app.example:81/x", Some("links=ORIGIN")),
        ("https://user@app.example", None),
        ("//a", None),
        ("/", None),
        ("", None),
        ("?x", None),
        (" #x", None),
        ("javascript:alert(1)", None),
        ("mailto:a@b", None),
    ] {
        let page = format!("<a href='{elsewhere}'>");
        assert!(problem(&page, &[]).contains("an absolute URL of a granted origin"), "{page}");
        assert_eq!(missing_grant(&page), grant, "{page}");
    }
    let links = &["links=https://app.example"];
    assert_eq!(
        body("<a rel=opener href='HTTPS://app.example\\x?a#b'>x</a>", links),
        "<a href=\"https://app.example/x?a#b\" rel=\"noreferrer noopener\">x</a>"
    );
    for elsewhere in [
        "https://app.example:444/",
        "http://app.example/",
        "https://user@app.example/",
        "https://app.example.evil/",
        "https://evil.example\\@app.example/",
        "blob:https://app.example/x",
        "//app.example/",
    ] {
        assert!(
            problem(&format!("<a href='{elsewhere}'>x</a>"), links).contains("`href`"),
            "{elsewhere}"
        );
    }
    assert!(problem("<a href='https://app.example' target=_blank>", links).contains("`target`"));
}

#[test]
fn forms_lead_to_this_listener_where_they_are_granted() {
    assert_eq!(missing_grant("<form></form>"), Some("forms"));
    let forms = &["forms"];
    let page = "<form action='HTTP:\\\\127.0.0.1:8080/callback?a' method=post><label for=x>x</label>\
        <input id=x name=y type=email><select name=z><option>1</option></select><button>ok</button></form>";
    assert!(body(page, forms).starts_with("<form action=\"/callback?a\" method=\"post\">"));
    assert_eq!(body("<form action=''></form>", forms), "<form action=\"\"></form>");
    for elsewhere in [
        "//evil.example",
        "https://127.0.0.1:8080/",
        "http://127.0.0.1:8081/",
        "http://x@127.0.0.1:8080/",
        "/\\evil.example",
        "javascript:x",
        "/.//evil.example",
    ] {
        assert!(
            problem(&format!("<form action='{elsewhere}'></form>"), forms).contains("`action`"),
            "{elsewhere}"
        );
    }
    for (page, expected) in [
        ("<button formaction='//a'>", "the attribute `formaction` on `<button>`"),
        ("<button formtarget=x>", "the attribute `formtarget` on `<button>`"),
        (
            "<input type=image src='//a'>",
            "the attribute `type` on `<input>`: expected a type other",
        ),
        ("<input src='//a'>", "the attribute `src` on `<input>`"),
        ("<form target=x>", "the attribute `target` on `<form>`"),
        ("<input type=file>", "the attribute `type` on `<input>`: expected a type other"),
        ("<input autofocus>", "the attribute `autofocus` on `<input>`"),
        ("<select><p>x</select>", "`<select>` may contain only text"),
        ("<select><option><b>x</b></option></select>", "`<option>` may contain only text"),
    ] {
        refused(page, forms, expected);
    }
}

#[test]
fn images_are_bitmaps_in_the_page_where_they_are_granted() {
    assert_eq!(missing_grant("<img alt=x>"), Some("images"));
    let images = &["images"];
    assert!(
        granted("<img alt=x width=1 height=1 src='data:image/png;base64,AAAA'>", images).is_ok()
    );
    for src in [
        "//a",
        "data:image/svg+xml,x",
        "data:image/png,x",
        " data:image/png;base64,",
        "data:text/html,x",
        "",
    ] {
        assert!(problem(&format!("<img src='{src}'>"), images).contains("`src`"), "{src}");
    }
    for attribute in ["srcset='//a 1x'", "loading=lazy", "crossorigin", "usemap=#a", "lowsrc=//a"] {
        let name = attribute.split('=').next().unwrap();
        let expected = format!("may not have the attribute `{name}` on `<img>`");
        refused(&format!("<img {attribute}>"), images, &expected);
    }
}

#[test]
fn scripts_are_in_the_page_where_they_are_granted() {
    let scripts = &["scripts"];
    assert_eq!(
        body("<p onclick='a()'><script>a < b</script>", scripts),
        "<p onclick=\"a()\"><script>a < b</script></p>"
    );
    for (page, expected) in [
        ("<script src='//a'></script>", "may not have the attribute `src` on `<script>`"),
        ("<script type=speculationrules></script>", "the attribute `type` on `<script>`: expected"),
        ("<svg><script>a</script></svg>", "may not have the element `<script>`"),
    ] {
        refused(page, scripts, expected);
    }
}
