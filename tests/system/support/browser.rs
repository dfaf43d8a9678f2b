//! A real Chromium behind `$BROWSER`, and a small authorization server.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use super::guest;

/// Flags that keep Chromium from looking up hosts and requesting updates, and let it run without a screen.
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-popup-blocking";

/// A command for `$BROWSER` that starts Chromium with its own profile. Killed when dropped.
pub struct Chromium {
    pub command: PathBuf,
    folder: PathBuf,
}

impl Chromium {
    pub fn new(name: &str) -> Self {
        let folder = guest::write(name, b"").with_extension("chromium");
        fs::create_dir_all(&folder).unwrap();
        let show = folder.display();
        // The shell runs `mv` after Chromium has exited, so it cannot use `exec`. Dropping this kills both.
        let script = format!(
            "#!/bin/sh\necho $$ > {show}/pid\n\
             chromium {FLAGS} --user-data-dir={show}/profile --dump-dom \"$1\" \
             > {show}/dom.part 2> {show}/log && mv {show}/dom.part {show}/dom\n"
        );
        let command = guest::write(&format!("{name}.sh"), script.as_bytes());
        make_executable(&command);
        Self { command, folder }
    }

    /// Wait until the browser has written the loaded page, and return it as HTML.
    #[track_caller]
    pub fn dom(&self) -> String {
        let started = std::time::Instant::now();
        loop {
            if let Ok(dom) = fs::read_to_string(self.folder.join("dom")) {
                return dom;
            }
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(started.elapsed() < super::DEADLINE, "Chromium showed nothing: {}", log());
            thread::park_timeout(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(self.folder.join("pid")) {
            let _ = Command::new("pkill").args(["-P", pid.trim()]).status();
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The answer of the authorization server.
#[derive(Clone, Copy)]
pub enum Answer {
    /// A redirect with a code.
    Code,
    /// A redirect with `access_denied`.
    Denied,
    /// A form that submits itself, as with `response_mode=form_post`.
    FormPost,
    /// Redirects in two tabs at once.
    TwoTabs,
    /// A page that never redirects.
    Never,
}

/// Start an authorization server on loopback. Returns its address.
pub fn authorization_server(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let mut line = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                let mut field = String::new();
                while reader.read_line(&mut field).is_ok_and(|_| field != "\r\n") {
                    field.clear();
                }
                let _ = stream.write_all(respond(&line, answer).as_bytes());
            });
        }
    });
    addr
}

fn respond(request_line: &str, answer: Answer) -> String {
    let target = request_line.split(' ').nth(1).unwrap_or_default();
    let query = target.strip_prefix("/authorize?").unwrap_or_default();
    let find = |name: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    let (Some(uri), Some(state)) = (find("redirect_uri"), find("state")) else {
        return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into();
    };
    let code = format!("{uri}?code=from-chromium&state={state}");
    let html = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let redirect = |to: &str| {
        format!(
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    };
    match answer {
        Answer::Code => redirect(&code),
        Answer::Denied => redirect(&format!(
            "{uri}?error=access_denied&error_description=The+user+said+no&state={state}"
        )),
        Answer::FormPost => html(&format!(
            "<form method=post action='{uri}'><input name=code value=from-chromium>\
             <input name=state value='{state}'></form><script>document.forms[0].submit()</script>"
        )),
        Answer::TwoTabs => html(&format!("<script>open('{code}');location='{code}'</script>")),
        Answer::Never => html("Please sign in."),
    }
}

pub fn make_executable(script: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
}
