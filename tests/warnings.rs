//! Warnings before the flow starts.

use crate::support::guest;
use crate::support::host::Host;

#[cfg(unix)]
#[test]
fn a_cache_writable_by_others_is_not_used_and_causes_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = guest::write("shared-cache", b"").with_extension("home");
    let folder = home.join("curtaincall");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let host = Host::run().env("XDG_CACHE_HOME", &home).start();
    let warning = host.wait_for_line("warning: compiled guests are not cached: ");
    assert!(warning.ends_with("is writable by other users"), "{warning}");
    host.navigate("/callback?code=abc");
    host.finish().code(0);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn a_flow_without_state_causes_a_warning() {
    let host = Host::run().args(["--open", "https://idp.example/"]).start();
    host.wait_for_line(
        "warning: `--open` has no `state={state}`, so any web page can forge the callback (RFC 6749, section 10.12)",
    );
}

#[test]
fn a_state_in_another_parameter_causes_a_warning() {
    let host = Host::run().args(["--open", "https://idp.example/?s={state}"]).start();
    host.wait_for_line("warning: `--open` has `{state}`, but not as `state={state}`: ");
    assert_eq!(host.navigate("/callback?code=abc").status(), 400);
    assert!(!host.stderr().contains("forge"), "{}", host.stderr());
}

#[test]
fn an_address_that_the_provider_cannot_know_causes_a_warning() {
    let warning = "warning: the provider cannot know the address of the callback: ";
    let open = "https://idp.example/?state={state}";
    let host = Host::run().args(["--open", open]).start();
    host.wait_for_line(warning);
    // Counter-checks: the URL contains the address, or the provider knows the port.
    let with_address = format!("{open}&redirect_uri={{redirect_uri}}");
    let port = port_that_is_free().to_string();
    for (url, port) in [(with_address.as_str(), "0"), (open, port.as_str())] {
        let host = Host::run().args(["--open", url, "--port", port]).start();
        host.wait_for_line("Open this URL in a browser: ");
        assert!(!host.stderr().contains(warning), "{}", host.stderr());
    }
}

fn port_that_is_free() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
