//! Marionette, the remote protocol of Firefox, without geckodriver. A message is `LENGTH:JSON`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use serde_json::{Value, json};

use super::{DEADLINE, Wire};

/// The endpoints of WebDriver, and the commands of Marionette for them.
const COMMANDS: [(&str, &str, &str); 14] = [
    ("POST", "/window/new", "WebDriver:NewWindow"),
    ("POST", "/window", "WebDriver:SwitchToWindow"),
    ("DELETE", "/window", "WebDriver:CloseWindow"),
    ("GET", "/window/handles", "WebDriver:GetWindowHandles"),
    ("POST", "/url", "WebDriver:Navigate"),
    ("GET", "/url", "WebDriver:GetCurrentURL"),
    ("GET", "/title", "WebDriver:GetTitle"),
    ("GET", "/source", "WebDriver:GetPageSource"),
    ("GET", "/screenshot", "WebDriver:TakeScreenshot"),
    ("POST", "/elements", "WebDriver:FindElements"),
    ("POST", "/actions", "WebDriver:PerformActions"),
    ("POST", "/refresh", "WebDriver:Refresh"),
    ("POST", "/back", "WebDriver:Back"),
    ("POST", "/execute/sync", "WebDriver:ExecuteScript"),
];

/// The client of a Firefox, which accepts only one.
pub struct Marionette {
    stream: BufReader<TcpStream>,
    last: u64,
}

impl Marionette {
    #[track_caller]
    pub fn connect(port: u16, capabilities: &Value) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut this = Self { stream: BufReader::new(stream), last: 0 };
        // Firefox first sends a message about itself.
        this.receive().unwrap();
        // Marionette expects capabilities without WebDriver's wrapper. The tests use its defaults for the others.
        let accepts = capabilities["acceptInsecureCerts"] == true;
        let capabilities = json!({ "acceptInsecureCerts": accepts });
        this.send("WebDriver:NewSession", &capabilities).unwrap();
        this
    }

    fn receive(&mut self) -> Result<Value, String> {
        let mut length = Vec::new();
        self.stream.read_until(b':', &mut length).map_err(|error| error.to_string())?;
        let length = String::from_utf8_lossy(&length);
        let length = length.trim_end_matches(':').parse::<usize>().map_err(|_| "Firefox exited")?;
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message).map_err(|error| error.to_string())?;
        serde_json::from_slice(&message).map_err(|error| error.to_string())
    }

    fn send(&mut self, command: &str, parameters: &Value) -> Result<Value, String> {
        self.last += 1;
        let message = json!([0, self.last, command, parameters]).to_string();
        let message = format!("{}:{message}", message.len());
        self.stream.get_mut().write_all(message.as_bytes()).map_err(|error| error.to_string())?;
        // `[1, id, error, result]`
        let mut answer = self.receive()?;
        // Skip a late answer to an earlier command.
        while answer[1].as_u64() != Some(self.last) {
            answer = self.receive()?;
        }
        if !answer[2].is_null() {
            return Err(format!("{command}: {}", answer[2]));
        }
        // Some results are wrapped in an object.
        if answer[3].get("value").is_some() {
            return Ok(answer[3]["value"].take());
        }
        Ok(answer[3].take())
    }
}

impl Wire for Marionette {
    fn command(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { json!({}) } else { body.clone() };
        if let Some(element) = path.strip_prefix("/element/") {
            let id = element
                .strip_suffix("/click")
                .ok_or("unsupported element command: expected `click`")?;
            return self.send("WebDriver:ElementClick", &json!({ "id": id }));
        }
        let known = COMMANDS.iter().find(|(m, p, _)| (*m, *p) == (method, path));
        let (_, _, command) =
            known.ok_or_else(|| format!("unsupported command: {method} {path}"))?;
        self.send(command, &body)
    }

    fn quit(&mut self) {
        let _ = self.send("Marionette:Quit", &json!({ "flags": ["eForceQuit"] }));
    }
}
