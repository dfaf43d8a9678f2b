//! Tasks of this repository: `cargo xtask guests` builds the embedded guests.

mod sources;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use wasm_encoder::{CustomSection, Section as _};

use toolchain::Toolchain;

/// The guests that `host` carries: folder under `guest/`, and file under `host/assets/`.
const EMBEDDED: [&str; 1] = ["default"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["guests"] => EMBEDDED.into_iter().try_for_each(build),
        _ => bail!("usage: cargo xtask guests"),
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn asset(guest: &str) -> PathBuf {
    root().join("host/assets").join(guest).with_extension("wasm")
}

/// Build one guest and put it where `host` embeds it, with the hash of its sources inside.
fn build(guest: &str) -> Result<()> {
    let toolchain = Toolchain::find()?;
    let built = toolchain.build(&root().join("guest").join(guest))?;
    let mut component =
        fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))?;
    ensure!(
        wasmparser::Parser::is_component(&component),
        "`{}` is a core module: the linker did not make a component of it",
        built.display()
    );
    let hash = sources::hash(root(), guest)?;
    let section = CustomSection { name: sources::SECTION.into(), data: hash.as_bytes().into() };
    section.append_to(&mut component);
    let asset = asset(guest);
    fs::write(&asset, &component).with_context(|| format!("cannot write `{}`", asset.display()))?;
    print(&format!("{guest}: {} bytes, built with {toolchain}", component.len()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a task tells what it did")]
fn print(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_guests_were_built_from_the_sources_here() {
        for guest in EMBEDDED {
            let component = fs::read(asset(guest)).unwrap();
            assert_eq!(
                sources::recorded(&component).as_deref(),
                Some(sources::hash(root(), guest).unwrap().as_str()),
                "the embedded guest `{guest}` is stale: run `cargo xtask guests` and commit host/assets"
            );
        }
    }

    #[test]
    fn embedded_guests_carry_no_path_of_the_machine_that_built_them() {
        for guest in EMBEDDED {
            let component = fs::read(asset(guest)).unwrap();
            let text = String::from_utf8_lossy(&component);
            for path in ["/home/", "/root/", "/Users/", "C:\\", "/.cargo/"] {
                assert!(!text.contains(path), "{guest} contains `{path}`");
            }
        }
    }
}
