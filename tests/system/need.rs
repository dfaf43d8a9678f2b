//! What a test needs, and whether this machine has it.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::support::oidc::FOLDER;

/// What a test needs besides Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only tests for Linux use some of the variants")
)]
pub enum Need {
    /// Chromium and its driver.
    Chromium,
    /// Three browsers, and namespaces for a separate network.
    Engines,
    /// Three browsers, the database of certificates of two of them, OpenSSL, and Node with the packages of
    /// `tests/system/oidc`.
    Https,
    /// Namespaces for a separate network.
    Network,
    /// Chromium and its driver, and Node with the packages of `tests/system/oidc`.
    Oidc,
    /// The right to act as another user, and to give files to one.
    Root,
    /// A person who requests the test by name, because it is slow.
    Request,
}

impl Need {
    pub const ALL: [Self; 7] = [
        Self::Chromium,
        Self::Engines,
        Self::Https,
        Self::Network,
        Self::Oidc,
        Self::Root,
        Self::Request,
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
            Self::Root => (!rustix::process::geteuid().is_root())
                .then(|| "only root can act as another user and give files away".to_owned()),
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
    let package = Path::new(FOLDER).join("node_modules/oidc-provider");
    (!package.is_dir()).then(|| "`npm ci` has not run in `tests/system/oidc`".to_owned())
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
