//! Files on the command line and files that the host writes: pipes, links, permissions and other users.

#![cfg(target_os = "linux")]

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use crate::faults::{is_caught, wait_for};
use crate::support::cases::{folder, pipe};
use crate::support::client::{Client, navigation};
use crate::support::guest;
use crate::support::host::{Host, Running};

/// Open the pipe for writing, and wait until it has a reader.
#[track_caller]
fn writer(pipe: &Path) -> File {
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    wait_for(|| File::options().write(true).custom_flags(flags).open(pipe).ok())
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The ways to grant something to a guest from a file.
fn granted_from(pipe: &Path) -> [[String; 2]; 4] {
    let pipe = pipe.display();
    [
        ["--config-file".to_owned(), pipe.to_string()],
        ["--secret".to_owned(), format!("a=file:{pipe}")],
        ["--grants".to_owned(), pipe.to_string()],
        ["--ca-cert".to_owned(), pipe.to_string()],
    ]
}

#[test]
fn a_signal_ends_the_wait_for_a_pipe_without_a_writer() {
    let folder = folder("silent", &[]);
    for flag in granted_from(&pipe(&folder, "pipe")) {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let host = Host::run().args(&flag).start_unseen();
            // The host handles both signals before it does anything else. Without one, the wait would last 5 minutes.
            wait_for(|| [2, 15].iter().all(|number| is_caught(host.id(), *number)).then_some(()));
            host.signal(signal);
            host.finish().code(code).stdout("");
        }
    }
}

#[test]
fn a_pipe_with_a_late_writer_is_read() {
    let folder = folder("late", &[]);
    let pipe = pipe(&folder, "pipe");
    let open = "open = [\"https://idp.example\"]\n";
    let texts = ["a = \"late\"\n", "late\n", open];
    for (flag, text) in granted_from(&pipe).iter().zip(texts) {
        let host = Host::run().arg(guest::built("probe")).args(flag).start_unseen();
        writer(&pipe).write_all(text.as_bytes()).unwrap();
        let addr = address(&host);
        let page = Client::connect(addr).send(navigation(addr, "/callback?log=late")).response();
        // The guest reads its configuration. The host recognizes a secret in the guest's log.
        let is_read = page.text().contains("config a: late\n");
        assert_eq!(is_read, flag[0] == "--config-file", "{}", page.text());
        let logged = if flag[0] == "--secret" { "[guest] [redacted]" } else { "[guest] late" };
        host.wait_for_line(logged);
    }
}

fn address(host: &Running) -> SocketAddr {
    let line = host.wait_for_line("Waiting for the callback at ");
    line.split('/').nth(2).unwrap().parse().unwrap()
}

#[test]
fn the_timeout_ends_the_wait_for_a_pipe_without_a_writer() {
    let folder = folder("never", &[]);
    for flag in granted_from(&pipe(&folder, "pipe")) {
        let finished = Host::run().args(&flag).args(["--timeout", "50ms"]).finish().code(124);
        finished.stderr(
            "error: no program wrote to the pipe of `--config-file`, `--secret`, `--grants` or `--ca-cert` within 50ms\n",
        );
    }
}

#[test]
fn the_timeout_ends_the_wait_for_a_reader_of_the_events() {
    let pipe = pipe(&folder("pipe-events", &[]), "events");
    let host = Host::run().args(["--timeout", "200ms", "--events"]).arg(pipe);
    let told = host.finish().code(124).stderr;
    assert_eq!(told, "error: no program read from the pipe of `--events` within 200ms\n");
}

#[test]
fn a_pipe_of_the_shell_can_be_read() {
    let host = env!("CARGO_BIN_EXE_host");
    for path in ["/dev/stdin", "/dev/fd/0"] {
        let probe = guest::built("probe");
        let call = format!("printf 'a = 1' | {host} call \"$1\" '?x=y' --config-file {path}");
        let finished = Host::shell(&call).arg("sh").arg(&probe).finish().code(0);
        assert!(finished.stdout.contains("config a: 1\n"), "{}", finished.stdout);
        let test = format!("printf 'GET /callback\\nHTTP 400\\n' | {host} test default {path}");
        let finished = Host::shell(&test).finish().code(0);
        assert_eq!(finished.stdout, format!("ok      {path}\n\n1 passed, 0 failed\n"));
    }
}

#[test]
fn a_guest_that_is_a_pipe_is_an_immediate_error() {
    let folder = folder("guest-pipe", &[("a.case", "GET /callback\nHTTP 400\n")]);
    let guest = pipe(&folder, "guest.wasm");
    let commands =
        ["run guest.wasm", "inspect guest.wasm", "call guest.wasm ?", "test guest.wasm a.case"];
    for command in commands {
        let finished = Host::bare().args(command.split(' ')).current_dir(&folder).finish();
        let finished = finished.code(3).stdout("");
        finished.stderr(
            "error: cannot read the guest `guest.wasm`\nCaused by:\n    not a regular file\n",
        );
    }
    // Counter-check: a regular file of the same name is a guest.
    fs::remove_file(&guest).unwrap();
    fs::copy(guest::hello(), &guest).unwrap();
    Host::bare().args(["inspect", "guest.wasm"]).current_dir(&folder).finish().code(0);
}

/// A run that writes its events there and ends with a timeout. A busy machine opens a pipe within this time.
fn with_events(events: impl AsRef<std::ffi::OsStr>) -> Host {
    Host::run().args(["--timeout", "1s", "--events"]).arg(events)
}

#[test]
fn the_events_file_is_private_under_any_umask() {
    let folder = folder("events-umask", &[]);
    for umask in ["0", "022", "077"] {
        let events = folder.join(umask);
        let host = env!("CARGO_BIN_EXE_host");
        let script = format!("umask {umask}; exec {host} run --timeout 1ms --events \"$1\"");
        Host::shell(&script).arg("sh").arg(&events).finish().code(124);
        assert_eq!(mode_of(&events), 0o600, "{umask}");
        assert!(fs::read_to_string(&events).unwrap().contains("listening"));
    }
}

#[test]
fn an_events_file_accessible_to_others_is_an_error() {
    let events = guest::write("events-open", b"");
    for open in [0o644, 0o640, 0o620, 0o602] {
        mode(&events, open);
        with_events(&events).finish().code(2).stdout("").stderr(&format!(
            "error: cannot write the events to `{}`: other users can read or write it: \
             expected mode 0600\n",
            events.display()
        ));
        assert_eq!(fs::read(&events).unwrap(), b"");
    }
    mode(&events, 0o600);
    with_events(&events).finish().code(124);
}

/// Another user may have created the link, to a private file of this user.
#[test]
fn events_are_not_written_through_a_symlink() {
    let folder = folder("events-link", &[]);
    let (link, target) = (folder.join("link"), folder.join("target"));
    symlink(&target, &link).unwrap();
    with_events(&link).finish().code(2).stdout("");
    assert!(!target.exists());
    fs::write(&target, "hunter2").unwrap();
    mode(&target, 0o600);
    let told = with_events(&link).finish().code(2).stderr;
    assert!(told.ends_with("it is a symbolic link: expected the file itself\n"), "{told}");
    assert_eq!(fs::read(&target).unwrap(), b"hunter2");
    // Counter-check: the host writes to the file itself.
    with_events(&target).finish().code(124);
    assert!(fs::read_to_string(&target).unwrap().contains("listening"));
}

#[test]
fn events_can_be_written_to_standard_error_and_devices() {
    with_events("/dev/null").finish().code(124);
    let finished = with_events("/dev/stderr").finish().code(124);
    assert!(finished.stderr.contains(r#""event":"listening""#), "{}", finished.stderr);
}

/// Run until the timeout with the cache below this folder. Returns standard error.
#[track_caller]
fn run_with_cache(folder: &Path) -> String {
    let host = Host::run().env("XDG_CACHE_HOME", folder).start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    host.finish().code(0).stderr
}

#[test]
fn a_cache_below_a_folder_that_others_could_replace_is_not_used() {
    let folder = fs::canonicalize(folder("cache-parent", &[])).unwrap();
    let parent = folder.join("parent");
    fs::create_dir(&parent).unwrap();
    mode(&parent, 0o777);
    let stderr = run_with_cache(&parent.join("home"));
    let warning = format!("not cached: `{}` is writable by other users\n", parent.display());
    assert!(stderr.contains(&warning), "{stderr}");
    assert!(!parent.join("home").exists());
    mode(&parent, 0o755);
    let stderr = run_with_cache(&parent.join("home"));
    assert!(!stderr.contains("not cached"), "{stderr}");
    assert_eq!(fs::read_dir(parent.join("home/curtaincall")).unwrap().count(), 1);
}

#[test]
fn a_cache_entry_is_private_under_any_umask_or_is_replaced() {
    let folder = folder("cache-umask", &[]);
    let host = env!("CARGO_BIN_EXE_host");
    let script = format!("umask 0; exec {host} run --timeout 1ms");
    Host::shell(&script).env("XDG_CACHE_HOME", &folder).finish().code(124);
    let cache = folder.join("curtaincall");
    let entry = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode_of(&cache), mode_of(&entry)), (0o700, 0o600));
    let compiled = fs::read(&entry).unwrap();
    // The host does not load these replacements, nor wait for them.
    let outside = guest::write("cache-outside", &compiled);
    let spoil: [&dyn Fn(); 3] = [
        &|| {
            fs::write(&entry, &compiled).unwrap();
            mode(&entry, 0o666);
        },
        &|| symlink(&outside, &entry).unwrap(),
        &|| drop(pipe(&cache, entry.file_name().unwrap().to_str().unwrap())),
    ];
    for spoil in spoil {
        fs::remove_file(&entry).unwrap();
        spoil();
        run_with_cache(&folder);
        assert!(fs::symlink_metadata(&entry).unwrap().is_file());
        assert_eq!(mode_of(&entry), 0o600);
    }
    assert_eq!(fs::read(&outside).unwrap(), compiled);
    // Counter-check: the host keeps a valid entry.
    let made = fs::metadata(&entry).unwrap().modified().unwrap();
    run_with_cache(&folder);
    assert_eq!(fs::metadata(&entry).unwrap().modified().unwrap(), made);
}
