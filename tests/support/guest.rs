//! Guests for tests: components built from core `.wat` files and the WIT of the project.

use std::fs;
use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The path of the component built from `tests/guests/<name>.wat`. `wasi.wit` declares its WASI imports.
#[track_caller]
pub fn from_wat(name: &str) -> PathBuf {
    component(name, "wild", include_str!("../guests/wasi.wit"))
}

/// The component of `from_wat`, with `more` added to its core module.
#[track_caller]
pub fn with_more(name: &str, more: &str) -> PathBuf {
    edited(name, |text| format!("{} {more})", text.trim_end().strip_suffix(')').unwrap()))
}

/// The component of `from_wat`, with the text of its core module changed.
#[track_caller]
pub fn edited(name: &str, edit: impl FnOnce(&str) -> String) -> PathBuf {
    edited_for(name, "wild", include_str!("../guests/wasi.wit"), edit)
}

/// The component of `component`, with the text of its core module changed.
#[track_caller]
pub fn edited_for(
    name: &str,
    world: &str,
    more_wit: &str,
    edit: impl FnOnce(&str) -> String,
) -> PathBuf {
    let text = edit(&source(name));
    write(&format!("{name}-edited-{}.wasm", text.len()), &encode(name, &text, world, more_wit))
}

/// The component of `from_wat` in text format, with `more` added to it.
#[track_caller]
pub fn component_with_more(name: &str, more: &str) -> PathBuf {
    let text = wasmprinter::print_bytes(fs::read(from_wat(name)).unwrap()).unwrap();
    let text = format!("{} {more})", text.trim_end().strip_suffix(')').unwrap());
    write(&format!("{name}-with-{}.wat", more.len()), text.as_bytes())
}

/// A page with which a guest answers.
pub struct Answer<'a> {
    pub status: u16,
    pub headers: Vec<(&'a str, String)>,
    pub body: String,
}

/// A guest that answers every request with this page and stays pending.
pub fn page(name: &str, status: u16, headers: &[(&str, &str)], body: &str) -> PathBuf {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    pages(name, &[Answer { status, headers, body: body.to_owned() }])
}

/// A guest with several pages, which stays pending. The last four digits of the request target select the page.
pub fn pages(name: &str, pages: &[Answer<'_>]) -> PathBuf {
    // The size of a `reply`, in bytes.
    const REPLY: usize = 48;
    let (mut data, mut replies) = (vec![0; REPLY * pages.len()], Vec::new());
    let mut put = |bytes: &[u8]| {
        // A list of records must be aligned.
        data.resize(data.len().next_multiple_of(4), 0);
        let at = 1024 + data.len() as u32;
        data.extend(bytes);
        [at, bytes.len() as u32]
    };
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    for page in pages {
        let mut fields = Vec::new();
        for (key, value) in &page.headers {
            fields.extend([put(key.as_bytes()), put(value.as_bytes())].concat());
        }
        let [fields_at, _] = put(&words(&fields));
        let [body_at, body_len] = put(page.body.as_bytes());
        let count = page.headers.len() as u32;
        let mut reply = words(&[u32::from(page.status), fields_at, count, body_at, body_len]);
        reply.resize(REPLY, 0);
        replies.extend(reply);
    }
    data[..replies.len()].copy_from_slice(&replies);
    let data_text: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let memory = (1024 + data.len()).div_ceil(65536);
    let (free, memory, count) = (memory * 65536, memory + 2, pages.len());
    let index = (1..=4).rev().fold("(i32.const 0)".to_owned(), |index, from_end| {
        let byte = format!("(i32.load8_u (i32.sub (local.get $end) (i32.const {from_end})))");
        format!("(i32.add (i32.mul {index} (i32.const 10)) (i32.sub {byte} (i32.const 48)))")
    });
    let text = format!(
        "(module (memory (export \"memory\") {memory}) (global $next (mut i32) (i32.const {free})) \
         (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (local $at i32) \
         (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8))) \
         (global.set $next (i32.add (local.get $at) (local.get 3))) (local.get $at)) \
         (data (i32.const 1024) \"{data_text}\") \
         (func (export \"curtaincall:callback/handler@0.1.0#handle\") \
         (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (local $end i32) \
         (local.set $end (i32.add (local.get 2) (local.get 3))) \
         (i32.add (i32.const 1024) (i32.mul (i32.const {REPLY}) \
         (i32.rem_u {index} (i32.const {count}))))))"
    );
    write(&format!("page-{name}.wasm"), &encode(name, &text, "guest", ""))
}

/// An authorization URL that is valid in a test: it has the values of the default session of `testing::Setup`.
pub const AUTHORIZE: &str = "https://idp.example/authorize?response_type=code&client_id=bot\
    &redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcallback&state=state&scope=read%20write\
    &code_challenge=_qfEBgC32xt7n5_dOkBdQEcC5yYVyT1y02AHhNrZI0g&code_challenge_method=S256";

/// A guest that starts the flow at this URL. It completes the flow at every callback, with a code.
#[track_caller]
pub fn starts(name: &str, url: &str, issuer: Option<&str>) -> PathBuf {
    const URL: u32 = 8192;
    const ISSUER: u32 = 6144;
    let expected = issuer.unwrap_or_default();
    let result =
        [0, URL, url.len() as u32, u32::from(issuer.is_some()), ISSUER, expected.len() as u32];
    let result: Vec<_> = result.iter().flat_map(|word| word.to_le_bytes()).collect();
    let data = |at: u32, bytes: &[u8]| {
        let text: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        format!("(data (i32.const {at}) \"{text}\")")
    };
    let data = [data(4096, &result), data(ISSUER, expected.as_bytes()), data(URL, url.as_bytes())];
    let authorizer = format!(
        "(func (export \"curtaincall:callback/authorizer@0.1.0#authorize\") (result i32) \
         (i32.const 4096)) {}",
        data.concat()
    );
    let text = source("done").replacen("(i32.const 4096)", "(i32.const 65536)", 1);
    let text = text.replacen("(memory (export \"memory\") 1)", "(memory (export \"memory\") 2)", 1);
    let text = format!("{} {authorizer})", text.trim_end().strip_suffix(')').unwrap());
    write(&format!("starts-{name}.wasm"), &encode(name, &text, "provider", ""))
}

/// The path of the component built from `tests/guests/<name>.wat` for this world, with more WIT added.
#[track_caller]
pub fn component(name: &str, world: &str, more_wit: &str) -> PathBuf {
    write(&format!("{name}.wasm"), &encode(name, &source(name), world, more_wit))
}

/// The component of `tests/guests/<name>.wat` for the world `provider`, with the text of its core module changed. The
/// component is in `file`.
#[track_caller]
pub fn edited_provider(name: &str, file: &str, edit: impl FnOnce(&str) -> String) -> PathBuf {
    let text = edit(&source(name));
    write(&format!("{file}.wasm"), &encode(name, &text, "provider", ""))
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

/// The path of the committed component of `guest/hello`.
pub fn hello() -> PathBuf {
    built("hello")
}

/// The path of the committed component of `guest/NAME`.
pub fn built(name: &str) -> PathBuf {
    folder().join(name).with_extension("wasm")
}

/// Create a file with this content, in a folder for this test run.
pub fn write(name: &str, content: &[u8]) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("guests-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    // Parallel tests may use the same guest, and must not read an incomplete file.
    let unique = folder.join(format!("{name}.{:?}", std::thread::current().id()));
    fs::write(&unique, content).unwrap();
    fs::rename(&unique, &path).unwrap();
    path
}

/// Create a file with this content, which only this user can access.
pub fn private(name: &str, content: &[u8]) -> PathBuf {
    let path = write(name, content);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    path
}

/// The folder of the guests.
pub fn folder() -> PathBuf {
    Path::new(ROOT).join("tests/guests")
}
