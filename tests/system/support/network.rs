//! A separate network for a test (Linux). Every address in it is this machine, and it records every attempt to reach
//! one.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::DEADLINE;
use super::guest;
use super::watch;

/// The variable that marks a process inside such a network.
const INSIDE: &str = "CURTAINCALL_TEST_NETWORK";

/// The time without new attempts after which no more are expected.
const QUIET: Duration = Duration::from_secs(4);

/// One test at a time, because most start three browsers.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The network inside its namespaces: what it serves, and the recorded attempts.
#[derive(Clone, Default)]
pub struct Network(Arc<(Mutex<Seen>, Condvar)>);

#[derive(Default)]
struct Seen {
    /// The names that were looked up, and their addresses.
    addresses: BTreeMap<String, Ipv4Addr>,
    /// The attempts to reach each name, or each address without a name.
    contacts: BTreeMap<String, BTreeSet<String>>,
    /// The heads of the requests, by the name in `Host`.
    requests: Vec<(String, String)>,
    /// The whole response that is served at each path, for every name.
    pages: BTreeMap<String, String>,
}

/// Run the test with this name in a separate network. The test binary starts itself again in new namespaces, which end
/// with it, and runs `test` there. Returns what it printed there.
#[track_caller]
pub fn in_own_network(name: &str, test: impl FnOnce(&Network)) -> String {
    if env::var_os(INSIDE).is_some() {
        test(&Network::start());
        return String::new();
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .arg(env::current_exe().unwrap())
        .args([name, "--exact", "--include-ignored", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    // With a wrong name, the other process would run no test and succeed.
    assert!(stdout.contains("1 passed"), "`{name}` is not the name of this test: {stdout}");
    stdout
}

impl Network {
    fn start() -> Self {
        let network = Self::default();
        // Look up hosts by DNS only. Other name services use sockets that lead out of the network.
        network.replace("/etc/resolv.conf", "nameserver 127.0.0.1\n");
        network.replace("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
        run("ip", &["link", "set", "lo", "up"]);
        // WebRTC and mDNS need an interface other than loopback. Its packets are recorded too.
        run("ip", &["link", "add", "outside", "type", "veth", "peer", "name", "inside"]);
        run("ip", &["link", "set", "inside", "up"]);
        run("ip", &["link", "set", "outside", "up"]);
        run("ip", &["address", "add", "192.0.2.1/24", "dev", "outside"]);
        run("ip", &["route", "add", "default", "dev", "outside"]);
        // Every address is local, so that each connection reaches the listeners below.
        run("ip", &["route", "add", "local", "0.0.0.0/0", "dev", "lo"]);
        // On a machine without IPv6, nothing can leave through it.
        for words in [
            "-6 address add 2001:db8::1/64 dev outside nodad",
            "-6 route add default dev outside",
            "-6 route add local ::/0 dev lo",
        ] {
            let _ = Command::new("ip").args(words.split(' ')).output();
        }
        watch::packets(&network);
        watch::names(&network);
        network.listen();
        network
    }

    /// Show this text in place of a file of the system. Nothing outside of the network sees it.
    pub fn replace(&self, file: &str, text: &str) {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        // A new file each time, because nothing can be mounted over a deleted one.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = guest::write(&format!("{}-{number}", file.replace('/', "-")), text.as_bytes());
        run("mount", &["--bind", own.to_str().unwrap(), file]);
    }

    /// Answer HTTP at port 80 of every address.
    fn listen(&self) {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80)).unwrap();
        let network = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let network = network.clone();
                thread::spawn(move || watch::answer(&network, stream));
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let changed = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        changed
    }

    /// Serve this whole response at `path`, for every name.
    pub fn serve(&self, path: &str, response: String) {
        self.change(|seen| seen.pages.insert(path.to_owned(), response));
    }

    pub fn page(&self, path: &str) -> Option<String> {
        self.change(|seen| seen.pages.get(path).cloned())
    }

    /// The address of a name. Each name has a different one.
    pub fn address(&self, name: &str) -> Ipv4Addr {
        self.change(|seen| {
            let [.., high, low] = (seen.addresses.len() as u32).to_be_bytes();
            let new = Ipv4Addr::new(10, high, low, 1);
            *seen.addresses.entry(name.to_lowercase()).or_insert(new)
        })
    }

    /// Record a look-up of this name.
    pub fn looked_up(&self, name: &str) {
        self.tried(name.to_lowercase(), "look-up".to_owned());
    }

    /// Record an attempt to reach this address. `what` describes it.
    pub fn reached(&self, address: std::net::IpAddr, what: String) {
        let name = self.change(|seen| {
            let named = seen.addresses.iter().find(|(_, known)| **known == address);
            named.map(|(name, _)| name.clone())
        });
        self.tried(name.unwrap_or_else(|| address.to_string()), what);
    }

    fn tried(&self, name: String, what: String) {
        self.change(|seen| seen.contacts.entry(name).or_default().insert(what));
    }

    pub fn requested(&self, name: &str, head: String) {
        self.change(|seen| seen.requests.push((name.to_lowercase(), head)));
    }

    /// All attempts so far, by name, or by address if it has no name.
    pub fn contacts(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.change(|seen| seen.contacts.clone())
    }

    /// The heads of the requests for this name.
    pub fn requests(&self, name: &str) -> Vec<String> {
        let of_name = |(host, head): &(String, String)| (host == name).then(|| head.clone());
        self.change(|seen| seen.requests.iter().filter_map(of_name).collect())
    }

    /// Wait until `done` returns true. Returns false at the deadline.
    pub fn wait_until(&self, done: impl Fn(&Self) -> bool) -> bool {
        let started = Instant::now();
        while !done(self) {
            if started.elapsed() > DEADLINE {
                return false;
            }
            let seen = self.0.0.lock().unwrap();
            drop(self.0.1.wait_timeout(seen, Duration::from_millis(100)).unwrap());
        }
        true
    }

    /// Wait until there are no new attempts.
    pub fn wait_until_quiet(&self) {
        let count = |network: &Self| network.change(|seen| seen.contacts.len());
        let (started, mut changed, mut last) = (Instant::now(), Instant::now(), count(self));
        while changed.elapsed() < QUIET && started.elapsed() < DEADLINE {
            let seen = self.0.0.lock().unwrap();
            drop(self.0.1.wait_timeout(seen, Duration::from_millis(100)).unwrap());
            let now = count(self);
            if now != last {
                (changed, last) = (Instant::now(), now);
            }
        }
    }
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
}
