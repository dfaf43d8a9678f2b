//! The message of each event.

use std::io::{self, IsTerminal as _};

use bytesize::ByteSize;
use curtaincall::Event;
use curtaincall::error::{Refusal, Remedy};
use curtaincall::internals::request::is_suspicious;
use curtaincall::internals::sandbox::cut_here;

use super::{BOLD, Console, PLAIN};
use crate::hint;

impl Console {
    /// Prints an event. Some are printed only with `verbose`, and some never.
    pub(super) fn print_event(&self, event: &Event) {
        match event {
            Event::Contacts { name, hosts, .. } => {
                let message = contacts(name, hosts);
                self.print(("", PLAIN), (message.as_str(), PLAIN));
            }
            Event::Listening { redirect_uri, address, .. } => {
                self.url("Waiting for the callback at", redirect_uri, BOLD);
                if authority(redirect_uri) != address {
                    self.note(&format!("Listening on {address}."));
                }
            }
            Event::Authorize { url, opening: true, .. } => {
                self.link("Opening the browser at", url);
            }
            Event::Authorize { url, opening: false, .. } => {
                self.link("Open this URL in a browser:", url);
            }
            Event::BrowserFailed { reason, url, .. } => {
                self.warning(&format!("the browser did not open: {reason}"));
                self.link("Open this URL in a browser:", url);
            }
            Event::Unprotected => self.warning(hint::UNPROTECTED),
            Event::StateMisplaced => self.warning(hint::STATE_MISPLACED),
            Event::CacheUnused { reason, .. } => self.cache_unused(reason),
            Event::Compiling { bytes, .. } => self.compiling(*bytes),
            Event::PeersUnchecked { reason, .. } => self.detail(&format!(
                "cannot refuse connections from other users of this machine: {reason}"
            )),
            Event::Refused(Refusal::OtherUser) => self.warning(&format!(
                "closed a connection from another user of this machine: still waiting; {}",
                hint::OTHER_USER
            )),
            Event::Refused(Refusal::PeerGone) => {
                self.detail("closed a connection that its client had already closed")
            }
            Event::Refused(Refusal::UntrustedCertificate) => self.warning(&format!(
                "the browser does not trust the certificate: still waiting; {}",
                hint::UNTRUSTED_CERTIFICATE
            )),
            Event::Refused(Refusal::Host) => self
                .warning(&format!("refused a request (host): still waiting; {}", hint::OTHER_HOST)),
            Event::Refused(refusal) if is_suspicious(*refusal) => {
                self.warning(&format!("refused a request ({}): still waiting", refusal.reason()));
            }
            Event::Refused(refusal) => {
                self.detail(&format!("refused a request ({})", refusal.reason()));
            }
            Event::GuestLog { line, .. } => self.log(line),
            Event::GuestLogTruncated(limit) => {
                let remedy = Remedy::Raise(limit.limit());
                self.log(&cut_here(&hint::message(limit, Some(remedy))));
            }
            Event::OutgoingRefused { urls, .. } => self.warning(&format!(
                "refused the guest's request to `{}`: it is not granted; {}",
                urls.join("`, `"),
                hint::allow_net(urls)
            )),
            Event::RequestFailed { url, reason, .. } => {
                self.warning(&format!("problem with the guest's request to `{url}`: {reason}"));
            }
            Event::Unreachable { host, reason, remedy, .. } => {
                let hint = remedy.and_then(hint::net_hint);
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                self.warning(&format!("cannot reach `{host}`: {reason}{hint}"));
            }
            Event::GuestFailed(error) => {
                let problem = format!("{error}: still waiting");
                self.warning(&hint::message(&problem, error.remedy()));
                self.backtrace(error.backtrace());
            }
            Event::Replied { status, bytes, .. } => self.reply(*status, *bytes),
            Event::Done { .. } => {
                self.print_counted_reply();
                self.detail("done");
            }
            Event::Closed { delivered, .. } => {
                self.settle();
                if *delivered == Some(false) {
                    self.warning("the browser may not have received the whole last page");
                }
            }
            _ => {}
        }
    }

    /// Prints the warning that the cache for compiled guests is not used.
    pub(crate) fn cache_unused(&self, reason: &str) {
        self.warning(&format!("compiled guests are not cached: {reason}"));
    }

    /// Prints that the guest is being compiled, for a person who waits. Its size is in bytes.
    pub(crate) fn compiling(&self, size: u64) {
        if io::stderr().is_terminal() {
            self.note(&format!("Compiling the guest ({}) ...", ByteSize(size).display().si()));
        }
    }

    /// Prints that the host replied. The size is in bytes.
    pub(super) fn reply(&self, status: u16, bytes: usize) {
        self.detail(&format!("replied {status}, {bytes} bytes"));
    }
}

/// Returns what the person should know before the browser opens.
fn contacts(name: &str, hosts: &[String]) -> String {
    let hosts = match hosts {
        [] => "no host".to_owned(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    };
    format!("Signing in with {name}. The guest can reach {hosts}, and cannot read your secrets.")
}

/// Returns the authority of a URI (RFC 3986, section 3.2): its host, and its port if it has one.
fn authority(uri: &str) -> &str {
    let (_, rest) = uri.split_once("://").unwrap_or_default();
    rest.split(['/', '?']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_the_whole_text_before_the_path_and_the_query() {
        for rest in ["/cb", "?a=/", ""] {
            let uri = format!("http://127.0.0.1:18765{rest}");
            assert_eq!(authority(&uri), "127.0.0.1:18765", "{uri}");
        }
        assert_eq!(authority("http://[::1]:8080/cb"), "[::1]:8080");
        assert_eq!(authority("https://login.example.org/127.0.0.1:1876"), "login.example.org");
    }
}
