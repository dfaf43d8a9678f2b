//! Where the browser is. It may be on another machine, which cannot reach this loopback address.

use std::env;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;

use curtaincall::{Event, RedirectUri};

use crate::hint;

/// Where the person's browser is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this machine.
    Here,
    /// On Windows, which runs this system in WSL.
    Windows,
    /// At the other end of an editor's connection. The editor forwards ports.
    Editor,
    /// At the other end of an SSH connection.
    Ssh(Login),
    /// Outside this container, which usually has a network of its own.
    OutsideContainer,
}

/// An SSH connection, as the person makes it again to forward a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    user: Option<String>,
    /// The address of this machine. `None` if the person's machine probably reaches it at a different one.
    host: Option<IpAddr>,
    port: u16,
}

/// What the person can do, and a command to copy, if there is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) text: &'static str,
    pub(crate) command: Option<String>,
}

/// Signs of where the browser is.
#[derive(Debug, Default)]
struct Signs {
    is_wsl: bool,
    is_editor: bool,
    has_display: bool,
    /// `SSH_CONNECTION` of ssh(1): address and port of the client, address and port of the server.
    ssh_connection: Option<String>,
    user: Option<String>,
    is_container: bool,
}

/// The port of SSH.
const SSH: u16 = 22;

impl Place {
    /// Detects the place from the environment.
    pub(crate) fn detect() -> Self {
        Signs::read().place()
    }

    /// Returns whether to open the default browser. Over SSH and in a container, there is no display, so a browser
    /// would fail silently. `$BROWSER` may name a program that opens a browser on the person's machine.
    pub(crate) fn opens_browser(&self) -> bool {
        !matches!(self, Self::Ssh(_) | Self::OutsideContainer) || is_set(env::var_os("BROWSER"))
    }

    /// Returns what the person can do after `event`, so that the browser opens and reaches the listener. `opens` is
    /// whether the host opens a browser.
    pub(crate) fn advice(&self, event: &Event, opens: bool) -> Option<Advice> {
        let text = match (self, event) {
            (Self::Ssh(login), Event::Listening { redirect_uri, address, .. }) => {
                let (host, port) = address.rsplit_once(':')?;
                let port = port.parse().ok()?;
                return Some(login.forward(browser_port(redirect_uri, port), host, port));
            }
            (Self::OutsideContainer, Event::Listening { .. }) if !opens => hint::CONTAINER,
            (Self::Editor, Event::Listening { .. }) if !opens => hint::EDITOR,
            (Self::OutsideContainer, Event::BrowserFailed { .. }) => hint::CONTAINER,
            (Self::Editor, Event::BrowserFailed { .. }) => hint::EDITOR,
            (Self::Windows, Event::BrowserFailed { .. }) => hint::WINDOWS_BROWSER,
            (Self::Here, Event::BrowserFailed { .. }) => hint::OTHER_BROWSER,
            _ => return None,
        };
        Some(Advice { text, command: None })
    }
}

impl Login {
    /// Parses `SSH_CONNECTION`. The person must fill in what is missing.
    fn parse(connection: &str, user: Option<String>) -> Self {
        let fields: Vec<_> = connection.split(' ').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let ip = |at| field(at).parse().ok().map(|ip: IpAddr| ip.to_canonical());
        let client = ip(0);
        // If a public address connected to a private one, there is NAT between them.
        let is_behind_nat = |host| is_private(host) && client.is_some_and(|ip| !is_private(ip));
        Self {
            user: user.filter(|name| is_plain(name)),
            host: ip(2).filter(|host| !is_behind_nat(*host)),
            port: field(3).parse().unwrap_or(SSH),
        }
    }

    /// Returns the command that lets a browser reach the listener at `host` and `port` through `from`, a port of the
    /// person's machine.
    fn forward(&self, from: u16, host: &str, port: u16) -> Advice {
        let target = if host == "localhost" { "127.0.0.1" } else { host };
        let forward = match target {
            "127.0.0.1" => format!("{from}:{target}:{port}"),
            // In quotes, because brackets are special in shells.
            "[::1]" => format!("\"{from}:{target}:{port}\""),
            // By default, ssh listens on `127.0.0.1` and `::1` only.
            _ => format!("{target}:{from}:{target}:{port}"),
        };
        let ssh_port = if self.port == SSH { String::new() } else { format!("-p {} ", self.port) };
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let (text, host) = match self.host {
            Some(host) => (hint::FORWARD, host.to_string()),
            None => (hint::FORWARD_TO_HOST, "HOST".to_owned()),
        };
        Advice { text, command: Some(format!("ssh {ssh_port}-L {forward} {user}{host}")) }
    }
}

/// Returns the port of the person's machine to which the browser connects. A redirect URI of another host sends the
/// browser to the port of the listener.
fn browser_port(redirect_uri: &str, port: u16) -> u16 {
    let uri = redirect_uri.parse::<RedirectUri>().ok().filter(RedirectUri::is_loopback);
    uri.map_or(port, |uri| uri.port())
}

impl Signs {
    fn read() -> Self {
        let editors = [
            env::var_os("VSCODE_IPC_HOOK_CLI"),
            env::var_os("REMOTE_CONTAINERS"),
            env::var_os("CODESPACES"),
        ];
        let displays = [env::var_os("DISPLAY"), env::var_os("WAYLAND_DISPLAY")];
        let containers = [env::var_os("container"), env::var_os("KUBERNETES_SERVICE_HOST")];
        let files = ["/.dockerenv", "/run/.containerenv"];
        Self {
            is_wsl: is_set(env::var_os("WSL_DISTRO_NAME")),
            is_editor: editors.into_iter().any(is_set),
            has_display: displays.into_iter().any(is_set),
            ssh_connection: env::var("SSH_CONNECTION").ok().filter(|value| !value.is_empty()),
            user: env::var("USER").ok(),
            is_container: containers.into_iter().any(is_set)
                || files.iter().any(|file| Path::new(file).exists()),
        }
    }

    /// Decides by the first sign. WSL has a display of its own. An editor may be connected over SSH, to a container.
    fn place(self) -> Place {
        match self {
            Self { is_wsl: true, .. } => Place::Windows,
            Self { is_editor: true, .. } => Place::Editor,
            // Also over `ssh -X`, and in a container that shows windows.
            Self { has_display: true, .. } => Place::Here,
            Self { ssh_connection: Some(connection), user, .. } => {
                Place::Ssh(Login::parse(&connection, user))
            }
            Self { is_container: true, .. } => Place::OutsideContainer,
            _ => Place::Here,
        }
    }
}

fn is_set(variable: Option<OsString>) -> bool {
    variable.is_some_and(|value| !value.is_empty())
}

/// Returns whether a user name can stand in a command without quotes.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c))
}

/// Returns whether only machines of the same network reach this address: RFC 1918, 3927, 4193 and 6598, and loopback.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            ip.is_private() || ip.is_link_local() || ip.is_loopback() || is_shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(connection: &str, user: &str) -> Login {
        let (ssh_connection, user) = (Some(connection.to_owned()), Some(user.to_owned()));
        match (Signs { ssh_connection, user, ..Signs::default() }).place() {
            Place::Ssh(login) => login,
            place => panic!("{place:?}"),
        }
    }

    #[test]
    fn the_first_sign_decides() {
        let connection = || Some("198.51.100.2 50000 203.0.113.7 22".to_owned());
        let is_ssh = |place: &Place| matches!(place, Place::Ssh(_));
        for (signs, expected) in [
            (Signs::default(), Place::Here),
            (Signs { has_display: true, ..Signs::default() }, Place::Here),
            (Signs { is_container: true, ..Signs::default() }, Place::OutsideContainer),
            (Signs { is_container: true, has_display: true, ..Signs::default() }, Place::Here),
            (
                Signs {
                    is_container: true,
                    is_editor: true,
                    has_display: true,
                    ..Signs::default()
                },
                Place::Editor,
            ),
            (
                Signs { is_editor: true, ssh_connection: connection(), ..Signs::default() },
                Place::Editor,
            ),
            (
                Signs { has_display: true, ssh_connection: connection(), ..Signs::default() },
                Place::Here,
            ),
            (Signs { is_wsl: true, has_display: true, ..Signs::default() }, Place::Windows),
        ] {
            let given = format!("{signs:?}");
            assert_eq!(signs.place(), expected, "{given}");
        }
        let sshd_in_container =
            Signs { is_container: true, ssh_connection: connection(), ..Signs::default() };
        assert!(is_ssh(&sshd_in_container.place()));
    }

    #[test]
    fn the_command_names_the_address_that_the_person_connected_to() {
        for (connection, user, command) in [
            (
                "198.51.100.2 50000 203.0.113.7 22",
                "ada",
                "ssh -L 8000:127.0.0.1:8000 ada@203.0.113.7",
            ),
            ("10.0.0.2 50000 10.0.0.7 22", "ada", "ssh -L 8000:127.0.0.1:8000 ada@10.0.0.7"),
            (
                "198.51.100.2 50000 203.0.113.7 2222",
                "ada",
                "ssh -p 2222 -L 8000:127.0.0.1:8000 ada@203.0.113.7",
            ),
            (
                "2001:db8::2 50000 2001:db8::7 22",
                "ada@corp.example",
                "ssh -L 8000:127.0.0.1:8000 ada@corp.example@2001:db8::7",
            ),
            (
                "::ffff:198.51.100.2 50000 ::ffff:203.0.113.7 22",
                "ada",
                "ssh -L 8000:127.0.0.1:8000 ada@203.0.113.7",
            ),
        ] {
            let advice = ssh(connection, user).forward(8000, "127.0.0.1", 8000);
            assert_eq!(advice.command.as_deref(), Some(command));
            assert_eq!(advice.text, hint::FORWARD);
        }
    }

    /// The environment is untrusted: the person copies the command.
    #[test]
    fn what_the_connection_does_not_tell_is_left_to_the_person() {
        for (connection, user) in [
            // NAT: the person's machine cannot reach the private address.
            ("198.51.100.2 50000 172.31.5.6 22", "ada"),
            ("198.51.100.2 50000 100.64.0.1 22", "ada"),
            ("198.51.100.2 50000 fe80::1%eth0 22", "ada"),
            ("198.51.100.2 50000 $(reboot) 22", "ada"),
            ("198.51.100.2 50000", "ada"),
            ("x", "ada"),
            ("x y z 99999", "ada"),
        ] {
            let advice = ssh(connection, user).forward(8000, "127.0.0.1", 8000);
            let command = advice.command.unwrap();
            assert_eq!(command, "ssh -L 8000:127.0.0.1:8000 ada@HOST", "{connection}");
            assert_eq!(advice.text, hint::FORWARD_TO_HOST);
        }
        for user in ["", "-oProxyCommand=reboot", "a;reboot", "a b", "a\nb", "\u{1b}[31m"] {
            let login = ssh("198.51.100.2 50000 203.0.113.7 22", user);
            let command = login.forward(8000, "127.0.0.1", 8000).command.unwrap();
            assert_eq!(command, "ssh -L 8000:127.0.0.1:8000 203.0.113.7", "{user}");
        }
    }

    #[test]
    fn the_browser_connects_to_the_port_of_the_redirect_uri() {
        for (redirect_uri, port) in [
            ("http://127.0.0.1:8000/callback", 8000),
            ("http://localhost:9999/callback", 9999),
            ("https://login.example.org:8443/callback", 8000),
        ] {
            assert_eq!(browser_port(redirect_uri, 8000), port, "{redirect_uri}");
        }
        let login = ssh("198.51.100.2 50000 203.0.113.7 22", "ada");
        let command = login.forward(9999, "127.0.0.1", 8000).command.unwrap();
        assert_eq!(command, "ssh -L 9999:127.0.0.1:8000 ada@203.0.113.7");
    }

    #[test]
    fn the_browser_reaches_the_forward_at_the_address_of_the_listener() {
        let login = ssh("198.51.100.2 50000 203.0.113.7 22", "ada");
        for (host, forward) in [
            ("127.0.0.1", "8000:127.0.0.1:8000"),
            ("localhost", "8000:127.0.0.1:8000"),
            ("[::1]", "\"8000:[::1]:8000\""),
            ("127.0.0.2", "127.0.0.2:8000:127.0.0.2:8000"),
        ] {
            let command = login.forward(8000, host, 8000).command.unwrap();
            assert_eq!(command, format!("ssh -L {forward} ada@203.0.113.7"));
        }
    }
}
