//! What a test needs, and whether this machine has it.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::support::oidc::FOLDER;
use crate::support::server::JCO;

/// What a test needs besides Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only tests for Linux use some of the variants")
)]
pub enum Need {
    /// What `Engines` needs, and `wasmtime`.
    BounceEngines,
    /// What `Oidc` needs, `wasmtime`, and `certutil`.
    BounceOidc,
    /// Chromium and its driver.
    Chromium,
    /// Three browsers, and namespaces for a separate network.
    Engines,
    /// Three browsers, the database of certificates of two of them, OpenSSL, and Node with the packages of
    /// `tests/system/oidc`.
    Https,
    /// Node with the packages of `tests/system/jco`.
    Jco,
    /// Namespaces for a separate network.
    Network,
    /// Chromium and its driver, and Node with the packages of `tests/system/oidc`.
    Oidc,
    /// The right to act as another user, and to give files to one.
    Root,
    /// A person who requests the test by name, because it is slow.
    Request,
    /// The program `wasmtime` with its command `serve`.
    Wasmtime,
}

impl Need {
    pub const ALL: [Self; 11] = [
        Self::BounceEngines,
        Self::BounceOidc,
        Self::Chromium,
        Self::Engines,
        Self::Https,
        Self::Jco,
        Self::Network,
        Self::Oidc,
        Self::Root,
        Self::Request,
        Self::Wasmtime,
    ];

    /// The reason why such tests are ignored, or `None` if they run. With `CI=true`, they always run, and fail if
    /// something is missing.
    pub fn unmet(self) -> Option<String> {
        let is_ci = env::var("CI").is_ok_and(|ci| ci == "true");
        match self {
            Self::Request => Some(
                "too slow to run every time: \
                 use `cargo test --test system -- --include-ignored NAME`"
                    .to_owned(),
            ),
            _ if is_ci => None,
            Self::BounceEngines => Self::Wasmtime.unmet().or_else(|| Self::Engines.unmet()),
            Self::BounceOidc => Self::Wasmtime
                .unmet()
                .or_else(|| not_installed(&["certutil"]))
                .or_else(|| Self::Oidc.unmet()),
            Self::Chromium => not_installed(&["chromium", "chromedriver"]),
            Self::Engines => not_installed(&[
                "chromium",
                "chromedriver",
                "firefox-esr",
                "WebKitWebDriver",
                "Xvfb",
                "ip",
            ])
            .or_else(no_namespaces),
            Self::Https => not_installed(&[
                "chromium",
                "chromedriver",
                "firefox-esr",
                "WebKitWebDriver",
                "Xvfb",
                "certutil",
                "openssl",
                "node",
            ])
            .or_else(no_provider),
            Self::Network => not_installed(&["ip"]).or_else(no_namespaces),
            Self::Oidc => not_installed(&["chromium", "chromedriver", "node"]).or_else(no_provider),
            Self::Jco => not_installed(&["node"]).or_else(|| {
                no_package("jco", &format!("{JCO}/node_modules/@bytecodealliance/jco"))
            }),
            Self::Root => (!rustix::process::geteuid().is_root())
                .then(|| "only root can act as another user and give files away".to_owned()),
            Self::Wasmtime => not_installed(&["wasmtime"]),
        }
    }
}

fn not_installed(programs: &[&str]) -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_installed =
        |program: &str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<&str> =
        programs.iter().copied().filter(|program| !is_installed(program)).collect();
    (!missing.is_empty()).then(|| format!("not installed: {}", missing.join(", ")))
}

/// The reason why a test cannot start the OpenID provider.
fn no_provider() -> Option<String> {
    no_package("oidc", &format!("{FOLDER}/node_modules/oidc-provider"))
}

/// The reason why an npm package is missing in `tests/system/NAME`.
fn no_package(name: &str, package: &str) -> Option<String> {
    let reason = || format!("`npm ci` has not run in `tests/system/{name}`");
    (!Path::new(package).is_dir()).then(reason)
}

/// The reason why a test cannot create its own network, as root or in a user namespace.
fn no_namespaces() -> Option<String> {
    let all = ["--net", "--mount", "--pid", "--fork", "--mount-proc"];
    let can_create = [&[][..], &["--user", "--map-root-user"]].into_iter().any(|user| {
        let unshare = Command::new("unshare").args(all).args(user).arg("true").output();
        unshare.is_ok_and(|output| output.status.success())
    });
    (!can_create).then(|| "`unshare` cannot create namespaces".to_owned())
}
