//! The two toolchains that build a guest: rustup's WASI target, or Debian's `rustc-web`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

const WASI: &str = "wasm32-wasip2";
const UNKNOWN: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "guest";

const MISSING: &str = "no toolchain for guests is installed: run `rustup target add wasm32-wasip2`, \
     or install Debian's packages `rustc-web`, `cargo-web` and `rust-web-src`";

/// A toolchain on this machine.
pub(crate) enum Toolchain {
    /// The target of `rustup target add wasm32-wasip2`, whose linker builds a component by itself.
    Rustup,
    /// Debian's `rustc-web`, `cargo-web` and `rust-web-src`, which build the standard library for a target without
    /// WASI. The linker that builds the component comes from rustup's toolchain.
    Debian {
        /// The folder of `wasm-component-ld`.
        linkers: PathBuf,
    },
}

impl Toolchain {
    /// Find a complete toolchain: rustup's target, or else Debian's packages.
    pub(crate) fn find() -> Result<Self> {
        if rustc(&["--target", WASI, "--print", "target-libdir"]).is_ok_and(|dir| dir.is_dir()) {
            return Ok(Self::Rustup);
        }
        let host = output("rustc", &["--print", "host-tuple"])?;
        let sysroot = rustc(&["--print", "sysroot"])?;
        let linkers = sysroot.join("lib/rustlib").join(host).join("bin");
        let debian = output("/usr/bin/rustc", &["--print", "sysroot"]).context(MISSING)?;
        let std = Path::new(&debian).join("lib/rustlib/src/rust/library");
        ensure!(std.is_dir() && linkers.join("wasm-component-ld").is_file(), MISSING);
        Ok(Self::Debian { linkers })
    }

    /// Build the guest in `folder` with this `strip` setting of the Cargo profile. Returns the path of the component.
    pub(crate) fn build(&self, folder: &Path, strip: &str) -> Result<PathBuf> {
        let root = crate::root().canonicalize()?;
        let target_dir = root.join("target/guests");
        let (mut cargo, target, mut flags) = match self {
            Self::Rustup => {
                let mut cargo = Command::new("cargo");
                cargo.args(["build", "--target", WASI]);
                (cargo, WASI, Vec::new())
            }
            Self::Debian { linkers } => {
                let mut cargo = Command::new("/usr/bin/cargo");
                cargo
                    .args(["build", "--target", UNKNOWN, "-Zbuild-std=std,panic_abort"])
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env(variable(UNKNOWN, "LINKER"), linkers.join("wasm-component-ld"));
                let wasm_ld = linkers.join("gcc-ld/wasm-ld");
                let flags = vec![
                    "-Zunstable-options".into(),
                    "-Clinker-flavor=wasm-lld".into(),
                    joined(&["-Clink-arg=--wasm-ld-path=".as_ref(), wasm_ld.as_os_str()]),
                ];
                (cargo, UNKNOWN, flags)
            }
        };
        // The committed component must not depend on the machine that built it.
        flags.push(remap(&cargo_home()?, "/cargo"));
        flags.push(remap(&root, "/curtaincall"));
        let status = cargo
            .args(["--profile", PROFILE, "--locked"])
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", &target_dir)
            .env("CARGO_PROFILE_GUEST_STRIP", strip)
            .env(variable(target, "RUSTFLAGS"), flags.join(OsStr::new(" ")))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .context("cannot start cargo")?;
        ensure!(status.success(), "building the guest in `{}` failed", folder.display());
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(target_dir.join(target).join(PROFILE).join(format!("{name}_guest.wasm")))
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rustup => "rustup's wasm32-wasip2",
            Self::Debian { .. } => "Debian's rustc-web",
        })
    }
}

/// The environment variable of Cargo for a setting of one target.
fn variable(target: &str, setting: &str) -> String {
    format!("CARGO_TARGET_{}_{setting}", target.to_uppercase().replace('-', "_"))
}

fn remap(path: &Path, to: &str) -> OsString {
    joined(&["--remap-path-prefix=".as_ref(), path.as_os_str(), "=".as_ref(), to.as_ref()])
}

fn joined(parts: &[&OsStr]) -> OsString {
    parts.join(OsStr::new(""))
}

fn cargo_home() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("missing home folder")
}

fn rustc(arguments: &[&str]) -> Result<PathBuf> {
    output("rustc", arguments).map(PathBuf::from)
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start `{program}`"))?;
    if !output.status.success() {
        bail!("`{program} {}` failed", arguments.join(" "));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
