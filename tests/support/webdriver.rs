//! A real Chromium that tests lead from page to page, over WebDriver (W3C).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::DEADLINE;

/// Without these, Chromium looks hosts up by itself, or puts off what happens in tabs that nobody sees.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-popup-blocking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--window-size=800,600",
];

/// How often chromedriver may be started until it has its ports.
const ATTEMPTS: usize = 5;

/// A browser with a profile of its own. Ended when dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    #[track_caller]
    pub fn start() -> Self {
        let (driver, port) = start_driver();
        let mut browser = Self { driver, port, session: String::new() };
        let options = json!({ "args": FLAGS, "binary": "/usr/bin/chromium" });
        let capabilities = json!({ "alwaysMatch": { "goog:chromeOptions": options } });
        let session = browser.call("POST", "/session", &json!({ "capabilities": capabilities }));
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    /// Open `url` in a tab of its own, and wait until it has loaded. The tabs before stay open.
    #[track_caller]
    pub fn open(&self, url: &str) {
        let tab = self.command("POST", "/window/new", &json!({ "type": "tab" }));
        self.command("POST", "/window", &json!({ "handle": tab["handle"] }));
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// Click on what the CSS selector finds; false where it finds nothing.
    #[track_caller]
    pub fn click(&self, selector: &str) -> bool {
        let found = self.command(
            "POST",
            "/elements",
            &json!({ "using": "css selector", "value": selector }),
        );
        let Some(element) = found[0].as_object().and_then(|element| element.values().next()) else {
            return false;
        };
        self.command("POST", &format!("/element/{}/click", element.as_str().unwrap()), &json!({}));
        true
    }

    #[track_caller]
    pub fn title(&self) -> String {
        self.command("GET", "/title", &Value::Null).as_str().unwrap().to_owned()
    }

    /// Wait until the page has this title.
    #[track_caller]
    pub fn wait_for_title(&self, title: &str) {
        let started = Instant::now();
        while self.title() != title {
            assert!(started.elapsed() < DEADLINE, "the title is still {:?}", self.title());
        }
    }

    #[track_caller]
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("/session/{}{path}", self.session), body)
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        // It does not close the connection, whatever it is asked.
        let mut answer = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(answer.read_line(&mut head).unwrap() > 0, "{method} {path}: {head}");
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let mut body = vec![0; length.unwrap().trim().parse().unwrap()];
        answer.read_exact(&mut body).unwrap();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        assert!(head.starts_with("http/1.1 200"), "{method} {path}: {body}");
        body["value"].take()
    }
}

/// Start chromedriver; returns its port. It takes a free port of `[::1]` and the same one of `127.0.0.1`,
/// and ends where somebody has the second: other tests have thousands.
#[track_caller]
fn start_driver() -> (Child, u16) {
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for line in BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some((_, port)) = line.split_once(" started successfully on port ") {
                return (driver, port.trim_end_matches('.').parse().unwrap());
            }
            said.push_str(&line);
            said.push('\n');
        }
        let _ = driver.kill();
        let _ = driver.wait();
    }
    panic!("chromedriver does not start:\n{said}");
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(DEADLINE));
            let _ = write!(
                stream,
                "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
                self.session, self.port
            );
            // Answered once Chromium has ended.
            let _ = stream.read(&mut [0]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
