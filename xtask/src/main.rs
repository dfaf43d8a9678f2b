//! Tasks of this repository. `cargo xtask guests` builds the committed guests.

mod sources;
mod toolchain;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use wasm_encoder::{CustomSection, Section as _};
use wit_component::DecodedWasm;

use toolchain::Toolchain;

/// The committed guests: the folder under `guest/`, and the path of the component.
const BUILT: [(&str, &str); 8] = [
    ("acme", "tests/guests/acme.wasm"),
    ("aws", "tests/guests/aws.wasm"),
    (BOUNCE, "guest/bounce/bounce.wasm"),
    ("default", "host/assets/default.wasm"),
    ("exchange", "tests/guests/exchange.wasm"),
    ("hello", "tests/guests/hello.wasm"),
    ("oauth2", "host/assets/oauth2.wasm"),
    ("probe", "tests/guests/probe.wasm"),
];

/// The export that makes a component a guest.
const HANDLER: &str = "curtaincall:callback/handler@";

/// The component for HTTP servers.
const BOUNCE: &str = "bounce";

/// The export that makes a component one for HTTP servers.
const HTTP_HANDLER: &str = "wasi:http/incoming-handler@";

/// The components that users get. They are built without function names, so that they stay small.
const SMALL: [&str; 3] = [BOUNCE, "default", "oauth2"];

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
    let strip = if SMALL.contains(&guest) { "symbols" } else { "debuginfo" };
    let built = toolchain.build(&root().join("guest").join(guest), strip)?;
    let mut component =
        fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))?;
    check_exports(guest, &component).with_context(|| format!("wrong `{}`", built.display()))?;
    let hash = sources::hash(root(), guest, shared(guest))?;
    let section = CustomSection { name: sources::SECTION.into(), data: hash.as_bytes().into() };
    section.append_to(&mut component);
    // Cargo rebuilds the crates that include a written file, so an unchanged file is not written.
    if fs::read(asset).ok().as_ref() != Some(&component) {
        fs::write(asset, &component)
            .with_context(|| format!("cannot write `{}`", asset.display()))?;
    }
    print(&format!(
        "{guest}: {} bytes, built with {toolchain}, SHA-256 {}",
        component.len(),
        sources::hexadecimal(&Sha256::digest(&component))
    ));
    Ok(())
}

/// The folders that a guest shares with others. The file of the bounce is published, so it does not change with the SDK,
/// of which it uses the style sheet only.
fn shared(guest: &str) -> &'static [&'static str] {
    if guest == BOUNCE { &["guest/sdk/src/page"] } else { &sources::SHARED }
}

/// Check that the linker built a component, and that it exports its handler.
fn check_exports(guest: &str, component: &[u8]) -> Result<()> {
    let handler = if guest == BOUNCE { HTTP_HANDLER } else { HANDLER };
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("it is a WIT package");
    };
    let mut exports = resolve.worlds[world].exports.keys().map(|key| resolve.name_world_key(key));
    ensure!(exports.any(|name| name.starts_with(handler)), "it does not export `{handler}`");
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
                Some(sources::hash(root(), guest, shared(guest)).unwrap().as_str()),
                "the built guest `{guest}` is stale: run `cargo xtask guests` and commit `{asset}`"
            );
        }
    }

    /// The README shows how to check the file. It also names the compiler, which decides about every byte.
    #[test]
    fn the_readmes_show_the_hash_of_the_bounce() {
        let component = fs::read(root().join("guest/bounce/bounce.wasm")).unwrap();
        let hash = sources::hexadecimal(&Sha256::digest(component));
        for document in ["README.md", "guest/bounce/README.md"] {
            let text = fs::read_to_string(root().join(document)).unwrap();
            assert!(text.contains(&hash), "{document} must contain {hash}");
        }
    }

    #[test]
    fn the_bounce_can_only_answer_requests() {
        let component = fs::read(root().join("guest/bounce/bounce.wasm")).unwrap();
        let Ok(DecodedWasm::Component(resolve, world)) = wit_component::decode(&component) else {
            panic!("not a component");
        };
        let imports = resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key));
        let imports: Vec<_> =
            imports.map(|name| name.split('@').next().unwrap().to_owned()).collect();
        assert_eq!(imports, ["wasi:io/error", "wasi:io/streams", "wasi:http/types"]);
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
