//! WebDriver (W3C) over HTTP, for chromedriver and `WebKitWebDriver`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{DEADLINE, Wire};

/// A driver with one session.
pub struct W3c {
    port: u16,
    session: String,
}

impl W3c {
    #[track_caller]
    pub fn new(port: u16, capabilities: &Value) -> Self {
        let capabilities = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = call(port, "POST", "/session", &capabilities).unwrap();
        Self { port, session: session["sessionId"].as_str().unwrap().to_owned() }
    }
}

impl Wire for W3c {
    fn command(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        call(self.port, method, &format!("/session/{}{path}", self.session), body)
    }

    /// The driver answers once the browser has exited.
    fn quit(&mut self) {
        let _ = call(self.port, "DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

fn call(port: u16, method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("{method} {path}: {what}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| wrong(&error))?;
    stream.set_read_timeout(Some(DEADLINE)).map_err(|error| wrong(&error))?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).map_err(|error| wrong(&error))?;
    // The driver keeps the connection open even if the request asks it to close.
    let mut answer = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        match answer.read_line(&mut head) {
            Ok(count) if count > 0 => {}
            Ok(_) => return Err(wrong(&"the driver closed the connection")),
            Err(error) => return Err(wrong(&error)),
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    answer.read_exact(&mut body).map_err(|error| wrong(&error))?;
    let mut body: Value = serde_json::from_slice(&body).map_err(|error| wrong(&error))?;
    if head.starts_with("http/1.1 200") { Ok(body["value"].take()) } else { Err(wrong(&body)) }
}
