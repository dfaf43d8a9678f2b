//! Real browsers that tests control through WebDriver.

mod chromium;
mod firefox;
mod marionette;
mod w3c;
mod webkit;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use super::DEADLINE;

/// The key of an element in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long to wait for something on a page.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    Chromium,
    Firefox,
    WebKit,
}

pub const ENGINES: [Engine; 3] = [Engine::Chromium, Engine::Firefox, Engine::WebKit];

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::WebKit => "webkit",
        }
    }
}

/// A connection to a browser. Paths are WebDriver endpoints, relative to the session.
trait Wire {
    fn command(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, String>;
    fn quit(&mut self);
}

/// A browser with its own profile. Killed when dropped.
pub struct Browser {
    processes: Vec<Child>,
    wire: RefCell<Box<dyn Wire>>,
    folder: PathBuf,
}

impl Browser {
    /// Start a browser whose navigations wait until the page has loaded.
    #[track_caller]
    pub fn start(engine: Engine) -> Self {
        Self::with(engine, json!({ "pageLoadStrategy": "normal" }), &[], &[])
    }

    /// The same, with a browser that trusts the certificate authority in this PEM file. WebKit accepts every
    /// certificate, because it has no such setting.
    #[track_caller]
    pub fn start_with_authority(engine: Engine, authority: &Path) -> Self {
        let accepts_all = engine == Engine::WebKit;
        let capabilities =
            json!({ "pageLoadStrategy": "normal", "acceptInsecureCerts": accepts_all });
        Self::with(engine, capabilities, &[authority.to_owned()], &[])
    }

    /// The same, with a browser that accepts every certificate.
    #[track_caller]
    pub fn start_trusting(engine: Engine) -> Self {
        let capabilities = json!({ "pageLoadStrategy": "normal", "acceptInsecureCerts": true });
        Self::with(engine, capabilities, &[], &[])
    }

    /// Start a browser whose navigations only start to load the page.
    #[track_caller]
    pub fn start_hasty(engine: Engine) -> Self {
        Self::with(engine, json!({ "pageLoadStrategy": "none" }), &[], &[])
    }

    /// Start Chromium, which trusts these certificate authorities and no others. To it, every name is this machine.
    #[track_caller]
    pub fn start_with_authorities(authorities: &[PathBuf]) -> Self {
        let capabilities = json!({ "pageLoadStrategy": "normal" });
        let flags = ["--host-resolver-rules=MAP * 127.0.0.1"];
        Self::with(Engine::Chromium, capabilities, authorities, &flags)
    }

    /// `flags` are for Chromium.
    #[track_caller]
    fn with(
        engine: Engine,
        mut capabilities: Value,
        authorities: &[PathBuf],
        flags: &[&str],
    ) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{count}", engine.name(), std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        capabilities["unhandledPromptBehavior"] = json!("accept");
        let (processes, wire) = match engine {
            Engine::Chromium => {
                let home = (!authorities.is_empty()).then_some(folder.as_path());
                if let Some(home) = home {
                    trust(&home.join(".pki/nssdb"), authorities);
                }
                let (processes, wire) = chromium::start(capabilities, flags, home);
                (processes, Box::new(wire) as Box<dyn Wire>)
            }
            Engine::Firefox => {
                if !authorities.is_empty() {
                    trust(&folder, authorities);
                }
                let (processes, wire) = firefox::start(&capabilities, &folder);
                (processes, Box::new(wire) as Box<dyn Wire>)
            }
            Engine::WebKit => {
                let (processes, wire) = webkit::start(&capabilities, &folder);
                (processes, Box::new(wire) as Box<dyn Wire>)
            }
        };
        let browser = Self { processes, wire: RefCell::new(wire), folder };
        // The first tab of WebKit accepts commands only after it has loaded a page.
        browser.go("about:blank").unwrap();
        browser
    }

    /// Send a WebDriver command, and return its value.
    pub fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.wire.borrow_mut().command(method, path, body)
    }

    /// Open a new tab in front.
    pub fn tab(&self) -> Result<String, String> {
        let tab = self.command("POST", "/window/new", &json!({ "type": "tab" }))?;
        let handle = tab["handle"].as_str().unwrap_or_default().to_owned();
        self.switch(&handle)?;
        Ok(handle)
    }

    pub fn switch(&self, tab: &str) -> Result<(), String> {
        self.command("POST", "/window", &json!({ "handle": tab })).map(|_| ())
    }

    /// The open tabs.
    #[track_caller]
    pub fn tabs(&self) -> Vec<String> {
        let tabs = self.command("GET", "/window/handles", &Value::Null).unwrap();
        let tabs = tabs.as_array().unwrap().iter();
        tabs.map(|tab| tab.as_str().unwrap().to_owned()).collect()
    }

    /// Close the tabs and windows that pages opened, so that `tab` is in front.
    pub fn close_all_but(&self, tab: &str) {
        for other in self.tabs().iter().filter(|other| *other != tab) {
            let _ = self.switch(other);
            let _ = self.command("DELETE", "/window", &Value::Null);
        }
        self.switch(tab).unwrap();
    }

    /// Navigate the tab to `url`. Fails if no page loads.
    pub fn go(&self, url: &str) -> Result<(), String> {
        self.command("POST", "/url", &json!({ "url": url })).map(|_| ())
    }

    /// Open `url` in a new tab. The other tabs stay open.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.tab().unwrap();
        self.go(url).unwrap();
    }

    /// Click on the element that matches the CSS selector. Returns false if no element appears in time.
    pub fn click(&self, selector: &str) -> bool {
        self.on(selector, |element| {
            self.command("POST", &format!("/element/{element}/click"), &json!({}))
        })
    }

    /// Type into the element that matches the CSS selector. Returns false if no element appears in time. Only for drivers
    /// that use HTTP.
    pub fn write(&self, selector: &str, text: &str) -> bool {
        self.on(selector, |element| {
            self.command("POST", &format!("/element/{element}/value"), &json!({ "text": text }))
        })
    }

    /// Move the mouse over the element that matches the CSS selector. Returns false if no element appears in time.
    pub fn hover(&self, selector: &str) -> bool {
        // WebKit reports a move of the mouse only with the next move.
        self.on(selector, |element| {
            let over = json!({ ELEMENT: element });
            let moves = [1, 3].map(|at| {
                json!({ "type": "pointerMove", "duration": 0, "x": at, "y": at, "origin": over })
            });
            let mouse = json!({
                "type": "pointer", "id": "mouse",
                "parameters": { "pointerType": "mouse" }, "actions": moves,
            });
            self.command("POST", "/actions", &json!({ "actions": [mouse] }))
        })
    }

    /// Find an element and act on it. This retries, because a page that is still loading can replace its elements.
    fn on(&self, selector: &str, act: impl Fn(&str) -> Result<Value, String>) -> bool {
        let started = Instant::now();
        let find = json!({ "using": "css selector", "value": selector });
        while started.elapsed() < PATIENCE {
            let found = self.command("POST", "/elements", &find).unwrap_or_default();
            let first = found[0].as_object().and_then(|element| element.values().next());
            if first.and_then(Value::as_str).is_some_and(|element| act(element).is_ok()) {
                return true;
            }
        }
        false
    }

    #[track_caller]
    pub fn title(&self) -> String {
        self.text("/title")
    }

    /// The URL of the page, as in the address bar.
    #[track_caller]
    pub fn url(&self) -> String {
        self.text("/url")
    }

    /// The current HTML of the page.
    #[track_caller]
    pub fn source(&self) -> String {
        self.text("/source")
    }

    /// A picture of the page, as PNG.
    #[track_caller]
    pub fn screenshot(&self) -> Vec<u8> {
        base64::engine::general_purpose::STANDARD.decode(self.text("/screenshot")).unwrap()
    }

    /// Get a text. This retries, because the command fails during a navigation.
    #[track_caller]
    fn text(&self, path: &str) -> String {
        let started = Instant::now();
        loop {
            match self.command("GET", path, &Value::Null) {
                Ok(text) => return text.as_str().unwrap().to_owned(),
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
        }
    }

    /// Wait until the page has this title.
    #[track_caller]
    pub fn wait_for_title(&self, title: &str) {
        let started = Instant::now();
        while self.title() != title {
            assert!(started.elapsed() < DEADLINE, "the title is still {:?}", self.title());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.wire.borrow_mut().quit();
        for process in &mut self.processes {
            // A failed driver does not stop its browser, and a killed screen leaves its number reserved.
            let group = Pid::from_child(process);
            let _ = kill_process_group(group, Signal::TERM);
            let started = Instant::now();
            while matches!(process.try_wait(), Ok(None)) && started.elapsed() < PATIENCE {
                thread::park_timeout(Duration::from_millis(20));
            }
            let _ = kill_process_group(group, Signal::KILL);
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Create a certificate database of NSS that trusts this authority.
#[track_caller]
fn trust(database: &Path, authorities: &[PathBuf]) {
    fs::create_dir_all(database).unwrap();
    let database = format!("sql:{}", database.display());
    let certutil = |arguments: &[&str]| {
        let output = Command::new("certutil").args(["-d", &database]).args(arguments).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    certutil(&["-N", "--empty-password"]);
    for authority in authorities {
        let file = authority.to_str().unwrap();
        certutil(&["-A", "-t", "C,,", "-n", file, "-i", file]);
    }
}

/// Remove the proxy settings, because everything that the browser reaches is on this machine.
fn without_proxy(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
}
