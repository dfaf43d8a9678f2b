//! Guests for tests: core `.wat` files made into components, against the WIT of the project.

use std::fs;
use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A component file from `tests/guests/<name>.wat`; what it imports of WASI is in `wasi.wit`.
#[track_caller]
pub fn from_wat(name: &str) -> PathBuf {
    component(name, "wild", include_str!("../guests/wasi.wit"))
}

/// The same with `more` in the core module.
#[track_caller]
pub fn with_more(name: &str, more: &str) -> PathBuf {
    let text = source(name);
    let text = format!("{} {more})", text.trim_end().strip_suffix(')').unwrap());
    let wit = include_str!("../guests/wasi.wit");
    write(&format!("{name}-and-more.wasm"), &encode(name, &text, "wild", wit))
}

/// The same for `world` of the package, with more WIT beside it.
#[track_caller]
pub fn component(name: &str, world: &str, more_wit: &str) -> PathBuf {
    write(&format!("{name}.wasm"), &encode(name, &source(name), world, more_wit))
}

fn source(name: &str) -> String {
    fs::read_to_string(folder().join(name).with_extension("wat")).unwrap()
}

#[track_caller]
fn encode(name: &str, text: &str, world: &str, more_wit: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut resolve = Resolve::default();
    let (mut package, _) = resolve.push_dir(Path::new(ROOT).join("wit")).unwrap();
    if !more_wit.is_empty() {
        package = resolve.push_str("more.wit", more_wit).unwrap();
    }
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default().module(&module).unwrap().encode();
    component.unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

/// The component that is committed as built from `guest/hello`.
pub fn hello() -> PathBuf {
    folder().join("hello.wasm")
}

/// A file with this content, in a folder for this test run.
pub fn write(name: &str, content: &[u8]) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("guests-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    // Tests run at the same time and may want the same guest: nobody may read half of one.
    let unique = folder.join(format!("{name}.{:?}", std::thread::current().id()));
    fs::write(&unique, content).unwrap();
    fs::rename(&unique, &path).unwrap();
    path
}

pub fn folder() -> PathBuf {
    Path::new(ROOT).join("tests/guests")
}
