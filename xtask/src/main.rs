//! Tasks of this repository. `cargo xtask guests` builds the committed guests.

mod sources;
mod toolchain;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use wasm_encoder::{CustomSection, Section as _};
use wit_component::DecodedWasm;

use toolchain::Toolchain;

/// The committed guests: the folder under `guest/`, and the path of the component.
const BUILT: [(&str, &str); 7] = [
    ("acme", "tests/guests/acme.wasm"),
    ("aws", "tests/guests/aws.wasm"),
    ("default", "host/assets/default.wasm"),
    ("exchange", "tests/guests/exchange.wasm"),
    ("hello", "tests/guests/hello.wasm"),
    ("oauth2", "host/assets/oauth2.wasm"),
    ("probe", "tests/guests/probe.wasm"),
];

/// The export that makes a component a guest.
const HANDLER: &str = "curtaincall:callback/handler@";

/// The guests that the program embeds. They are built without function names, so that they stay small.
const EMBEDDED: [&str; 2] = ["default", "oauth2"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["guests"] => {
            BUILT.into_iter().try_for_each(|(guest, asset)| build(guest, &root().join(asset)))
        }
        _ => bail!("usage: cargo xtask guests"),
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Build one guest into `asset`, with the hash of its sources inside.
fn build(guest: &str, asset: &Path) -> Result<()> {
    let toolchain = Toolchain::find()?;
    let strip = if EMBEDDED.contains(&guest) { "symbols" } else { "debuginfo" };
    let built = toolchain.build(&root().join("guest").join(guest), strip)?;
    let mut component =
        fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))?;
    check_exports(&component).with_context(|| format!("`{}` is not a guest", built.display()))?;
    let hash = sources::hash(root(), guest)?;
    let section = CustomSection { name: sources::SECTION.into(), data: hash.as_bytes().into() };
    section.append_to(&mut component);
    // Cargo rebuilds the crates that include a written file, so an unchanged file is not written.
    if fs::read(asset).ok().as_ref() != Some(&component) {
        fs::write(asset, &component)
            .with_context(|| format!("cannot write `{}`", asset.display()))?;
    }
    print(&format!("{guest}: {} bytes, built with {toolchain}", component.len()));
    Ok(())
}

/// Check that the linker built a component, and that it exports the handler.
fn check_exports(component: &[u8]) -> Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("it is a WIT package");
    };
    let mut exports = resolve.worlds[world].exports.keys().map(|key| resolve.name_world_key(key));
    ensure!(exports.any(|name| name.starts_with(HANDLER)), "it does not export `{HANDLER}`");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a task prints what it did")]
fn print(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_guests_match_their_sources() {
        for (guest, asset) in BUILT {
            let component = fs::read(root().join(asset)).unwrap();
            assert_eq!(
                sources::recorded(&component).as_deref(),
                Some(sources::hash(root(), guest).unwrap().as_str()),
                "the built guest `{guest}` is stale: run `cargo xtask guests` and commit `{asset}`"
            );
        }
    }

    #[test]
    fn built_guests_contain_no_path_of_the_build_machine() {
        for (guest, asset) in BUILT {
            let component = fs::read(root().join(asset)).unwrap();
            let text = String::from_utf8_lossy(&component);
            let home = std::env::home_dir().unwrap().display().to_string();
            for path in [home.as_str(), "/home/", "/Users/", "C:\\", "/.cargo/"] {
                assert!(!text.contains(path), "{guest} contains `{path}`");
            }
        }
    }
}
