//! Hints: what the user can do about an error or an event. Only this module maps the library's errors and events to
//! flags of the program.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::Path;

use curtaincall::error::{
    AuthorizationError, CertificateProblem, KeyProblem, ListenError, LoadError, NetRemedy,
    NotGranted, PresetError, Remedy, TlsIdentityError,
};
use curtaincall::internals::case::ParseError;
use curtaincall::internals::limits;
use curtaincall::internals::outcome::shell_quoted;
use curtaincall::testing::SetupError;
use curtaincall::{Bind, Error, Need, NeedKind, Preset, RedirectRule};

use crate::cli::{GrantArgsError, TlsArgsError, VariableArgsError};

/// How to accept the exchange if the snapshot is missing or differs.
pub(crate) const BLESS: &str = "accept it with `--bless`";
/// Why the callback is not protected, for [`curtaincall::Event::Unprotected`].
pub(crate) const UNPROTECTED: &str = "`--open` has no `state={state}`, so any web page can forge the callback (RFC 6749, section 10.12)";
/// Where to put `{state}`, for [`curtaincall::Event::StateMisplaced`].
pub(crate) const STATE_MISPLACED: &str = "`--open` has `{state}`, but not as `state={state}`: put it into the parameter `state`, because the host refuses callbacks without it";
/// How to tell the provider where the callback goes.
pub(crate) const NO_REDIRECT_URI: &str = "the provider cannot know the address of the callback: add `redirect_uri={redirect_uri}` to `--open`, or use the registered port with `--port`";
/// What to do if the host closed a connection from another user.
pub(crate) const OTHER_USER: &str = "if it was your browser (as with WSL's mirrored network or a port forward), use `--allow-other-users`";
/// What to do if the host refused a request for its `Host`.
pub(crate) const OTHER_HOST: &str = "if it was your browser behind a port forward, give the address of the callback there with `--redirect-uri`";
/// How to accept more connections from other users.
pub(crate) const MORE_OTHER_USERS: &str = "to accept them, use `--allow-other-users`";
/// How to let the browser of an SSH client reach this machine, before a command.
pub(crate) const FORWARD: &str =
    "Over SSH, run this where the browser is, keep it running, and open the URL there:";
/// The same, if the address of this machine is not known.
pub(crate) const FORWARD_TO_HOST: &str = "Over SSH, run this where the browser is. Replace HOST with the name of this machine, keep the command running, and open the URL there:";
/// Why the browser outside of a container may not reach the listener.
pub(crate) const CONTAINER: &str = "This looks like a container. If the browser is outside of it, start the container with `--network=host`, or forward the port with your editor or `kubectl port-forward`. A published port (`-p`) does not reach a loopback address.";
/// How the browser reaches the listener through an editor.
pub(crate) const EDITOR: &str =
    "If the browser is on another machine, forward this port in your editor.";
/// How to open the browser of Windows in WSL.
pub(crate) const WINDOWS_BROWSER: &str =
    "To open the browser of Windows, use `--browser 'rundll32.exe url.dll,FileProtocolHandler'`.";
/// How to open another browser.
pub(crate) const OTHER_BROWSER: &str = "To start a different browser, use `--browser COMMAND`.";
/// What to do if `host test` does not find the cases.
pub(crate) const MISSING_CASES: &str = "name case files, or create the folder `cases`";
/// What to do if the browser does not accept the certificate of `--tls-cert`.
pub(crate) const UNTRUSTED_CERTIFICATE: &str = "accept the browser's warning, or give a certificate that the browser trusts, such as one that `mkcert` makes after `mkcert -install`";
/// What a guest can be.
const MISSING_GUEST: &str = "give the path of a `.wasm` component or a `.toml` preset, `default` or `oauth2` for an embedded guest, or a name of `host presets`";
/// How to end `host test --watch`.
pub(crate) const STOP_WATCHING: &str = "press Ctrl-C to stop";
/// What to do if the program panicked.
pub(crate) const REPORT_BUG: &str = "please report this bug";

/// Returns the message for a flag whose value lacks a separator.
pub(crate) fn missing(separator: char, flag: &str, expected: &str) -> String {
    format!("missing `{separator}` in {flag}: expected `{expected}`")
}

/// Returns what it means that a sign-in does not use PKCE, for [`curtaincall::Event::PkceOff`].
pub(crate) fn pkce_off(has_client_secret: bool) -> &'static str {
    if has_client_secret {
        "this sign-in does not use PKCE (RFC 7636), so only the client secret protects the code"
    } else {
        "this sign-in uses neither PKCE (RFC 7636) nor the secret `client_secret`, so whoever gets the code can exchange it for the token"
    }
}

/// Returns the change that would let a failed run continue, if known.
pub(crate) fn remedy(error: &Error) -> Option<Remedy> {
    match error {
        Error::Load(error) => error.remedy(),
        Error::Authorize(error) => error.remedy(),
        _ => None,
    }
}

/// Returns the message of an error, with the flag for its remedy, if there is one.
pub(crate) fn message(error: &dyn Display, remedy: Option<Remedy>) -> String {
    match remedy {
        Some(Remedy::Raise(limit)) => {
            format!("{error}; raise it with `--{}`", limits::setting(limit))
        }
        Some(Remedy::Grant(grant)) => format!("{error}; allow it with `--allow-page {grant}`"),
        _ => error.to_string(),
    }
}

/// Returns the text of the `hint:` line for a failed run, if there is one.
pub(crate) fn hint(error: &Error) -> Option<Cow<'static, str>> {
    let text = match error {
        Error::Load(error) => return load_hint(error).map(Cow::from),
        Error::Tls(TlsIdentityError::Host { host, covered, .. }) => {
            return Some(host_hint(host, covered).into());
        }
        Error::Listen(ListenError::Ports(_)) => {
            "give other ports with `--port`, or use any free port with `--port 0`"
        }
        Error::Authorization(AuthorizationError::NotGranted(missing)) => {
            return Some(allow_sign_in(missing).into());
        }
        Error::Authorization(AuthorizationError::Missing { name: "code_challenge", .. }) => {
            "the host requires PKCE (RFC 7636): for a provider without it, allow the sign-in with `pkce = false` in the file of `--grants`, or in `[grants]` of the preset file"
        }
        Error::Preset(PresetError::Missing { preset, .. }) if is_known(preset) => {
            "`host presets NAME` shows where to register an app, and a command to copy"
        }
        Error::Preset(PresetError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            MISSING_GUEST
        }
        Error::TwoAuthorizations => "remove `--open`",
        Error::PlainRedirectUri(_) => {
            "give an `https` redirect URI, or remove `--tls-cert` and `--tls-key`"
        }
        Error::UnprotectedCode(_) => {
            "add `code_challenge={code_challenge}&code_challenge_method=S256` to `--open`, or give the secret `client_secret`; if you trust that host with the code, use `--allow-unprotected-code`"
        }
        Error::Browser(_) => {
            "give `--browser` a program in `PATH` or the path of a program, or use `--no-browser`"
        }
        Error::LinkUsedTwice => {
            "start again, or use `--no-browser`, which prints the authorization URL instead of a sign-in link"
        }
        Error::Timeout(_) => "wait longer with a larger `--timeout`",
        _ => return None,
    };
    Some(text.into())
}

/// Returns the lines below the message of a failed run: the flags that a preset needs, and what each one is.
pub(crate) fn details(error: &Error) -> Vec<String> {
    match error {
        Error::Preset(PresetError::Missing { preset, needs }) => {
            needs.iter().map(|need| format!("`{}`: {}", flag(preset, need), need.about)).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns whether this is the name of a preset, and not the path of a file.
fn is_known(preset: &str) -> bool {
    Preset::names().any(|name| name == preset)
}

/// Returns the flag that gives a preset what it needs, with a value to replace.
pub(crate) fn flag(preset: &str, Need { name, kind, .. }: &Need) -> String {
    let value = name.trim_start_matches("client_").to_uppercase();
    match kind {
        NeedKind::Config => format!("--config {name}={value}"),
        NeedKind::Secret => format!("--secret {name}=env:{}_{value}", environment(preset)),
    }
}

/// Returns the name of a preset or of its file, as the beginning of an environment variable: `ACME` for `./acme.toml`.
fn environment(preset: &str) -> String {
    let stem = Path::new(preset).file_stem().unwrap_or_default().to_string_lossy().to_uppercase();
    stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Returns the flags that a preset needs for its redirect URI, with values to replace, if it needs any.
pub(crate) fn redirect_flags(preset: &Preset) -> Option<&'static str> {
    match preset.redirect()?.rule {
        RedirectRule::Address | RedirectRule::Localhost => None,
        RedirectRule::FixedPort => Some("--port PORT"),
        RedirectRule::Https => Some("--port PORT --tls-cert FILE --tls-key FILE"),
    }
}

/// Returns the warning that a provider cannot accept the redirect URI of this run.
pub(crate) fn unregistered(preset: &Preset) -> String {
    let title = preset.title();
    let about = preset.redirect().map(|redirect| redirect.about.as_str()).unwrap_or_default();
    let flags = redirect_flags(preset).unwrap_or_default();
    let accepts = match preset.redirect().map(|redirect| redirect.rule) {
        Some(RedirectRule::Https) => "accepts only the registered https address",
        _ => "may accept only the registered port",
    };
    format!("{title} {accepts}, so use `{flags}`. {about}")
}

/// Returns the text of the `hint:` line for invalid variables or secrets, if there is one.
pub(crate) fn grant_hint(error: &GrantArgsError) -> Option<&'static str> {
    matches!(error, GrantArgsError::Variables(VariableArgsError::NoSource(_))).then_some(
        "put the secret into an environment variable or a file: other users can read a command line",
    )
}

/// Returns the text of the `hint:` line for the files of `--tls-cert` and `--tls-key`, if there is one.
pub(crate) fn tls_hint(error: &TlsArgsError) -> Option<Cow<'static, str>> {
    let text = match error {
        TlsArgsError::Read { .. } | TlsArgsError::Other(_) => return None,
        TlsArgsError::Certificate { path, problem } => match problem {
            CertificateProblem::Missing => {
                let path = shell_quoted(&path.to_string_lossy());
                return Some(format!("if it is a certificate in DER, convert it with `openssl x509 -in {path} -out cert.pem`").into());
            }
            CertificateProblem::IsKey => {
                "`--tls-cert` takes the certificate, and `--tls-key` the private key"
            }
            CertificateProblem::Pem => {
                "copy the whole file, with the lines that begin and end each block"
            }
            _ => "make a new certificate, such as with `mkcert localhost 127.0.0.1 ::1`",
        },
        TlsArgsError::Key { path, problem } => match problem {
            KeyProblem::IsCertificate => {
                "`--tls-cert` takes the certificate, and `--tls-key` the private key"
            }
            KeyProblem::Encrypted => {
                let path = shell_quoted(&path.to_string_lossy());
                return Some(
                    format!("decrypt it with `openssl pkey -in {path} -out key.pem`").into(),
                );
            }
            KeyProblem::Mismatch => "give the private key of this certificate",
            KeyProblem::Pem => "copy the whole file, with the lines that begin and end each block",
            _ => "make a new key and certificate, such as with `mkcert localhost 127.0.0.1 ::1`",
        },
    };
    Some(text.into())
}

/// Returns how to make the host of the redirect URI and the certificate match.
fn host_hint(host: &str, covered: &[String]) -> String {
    let is_bind = |name: &str| name.parse::<Bind>().is_ok();
    match covered.iter().find(|name| is_bind(host) && is_bind(name)) {
        Some(name) => format!("listen on an address in the certificate with `--bind {name}`"),
        None => format!("make a certificate for this host, such as with `mkcert {host}`"),
    }
}

/// Returns the flags that grant everything that a sign-in lacks.
fn allow_sign_in(NotGranted { open, urls, .. }: &NotGranted) -> String {
    let open = open.iter().map(|origin| format!("--allow-open {}", argument(origin)));
    let net = urls.iter().map(|url| format!("--allow-net {}", argument(url)));
    let flags: Vec<_> = open.chain(net).collect();
    let what = if flags.len() == 1 { "this site, allow it" } else { "these sites, allow them" };
    format!("if you trust {what} with `{}`", flags.join(" "))
}

/// Returns the flags that grant these URLs.
pub(crate) fn allow_net(urls: &[String]) -> String {
    let flags: Vec<_> = urls.iter().map(|url| format!("--allow-net {}", argument(url))).collect();
    format!("allow it with `{}`", flags.join(" "))
}

/// Returns a URL for a command line to copy. The guest chooses the URL, and could put a command into it.
fn argument(url: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%@+,=".contains(c);
    if url.chars().all(is_plain) { url.into() } else { shell_quoted(url).into() }
}

/// Returns what the user can do about a host that cannot be reached.
pub(crate) fn net_hint(remedy: NetRemedy) -> Option<&'static str> {
    Some(match remedy {
        NetRemedy::Private => "allow private addresses with `--allow-private-net`",
        NetRemedy::Loopback => "grant exactly this address and port with `--allow-net`",
        NetRemedy::Root => "trust its certificate authority with `--ca-cert FILE`",
        NetRemedy::Time => "allow more time with a larger `--max-wall-time`",
        _ => return None,
    })
}

fn load_hint(error: &LoadError) -> Option<&'static str> {
    Some(match error {
        LoadError::Read { source, .. } if source.kind() == ErrorKind::NotFound => MISSING_GUEST,
        LoadError::Read { source, .. } if source.kind() == ErrorKind::IsADirectory => {
            "give the path of a `.wasm` component in this folder"
        }
        LoadError::NotAComponent { .. } => {
            "build it with `cargo build --release --target wasm32-wasip2`, or convert a module with `wasm-tools component new`"
        }
        LoadError::MissingExport { .. } => {
            "build the guest for the world `guest` or `provider` of the package `curtaincall:callback`"
        }
        LoadError::Imports { .. } => {
            "import only `curtaincall:callback`, WASI 0.2, `wasi:http` and `wasi:config`"
        }
        LoadError::Reveal { .. } => {
            "if you trust this guest with a secret, let it read the secret with `--allow-reveal NAME`"
        }
        LoadError::Link { .. } => {
            "build the guest for WASI 0.2 and version 0.1 of `curtaincall:callback`"
        }
        _ => return None,
    })
}

/// Returns why a guest call failed in a case, with the option that lets it succeed, if there is one.
pub(crate) fn case_reason(reason: &str, remedy: Option<Remedy>) -> String {
    match remedy {
        Some(Remedy::Raise(limit)) => {
            format!("{reason}; raise it with the option `{}`", limits::setting(limit))
        }
        Some(Remedy::Grant(grant)) => {
            format!("{reason}; allow it with the option `allow-page: {grant}`")
        }
        _ => reason.to_owned(),
    }
}

/// Returns the message for an invalid case. If a case cannot set the option, the message says where to set it.
pub(crate) fn case_message(ParseError { message, setup, .. }: &ParseError) -> String {
    match setup.as_deref() {
        Some(SetupError::Shared(_)) => format!("{message}: set it on the command line"),
        _ => message.clone(),
    }
}
