//! Fuzz guests with arbitrary bytes. A guest is refused or loads. A loaded guest imports only what was granted, and a
//! call ends with a reply or an error.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use curtaincall::error::LoadError;
use curtaincall::internals::outgoing::NoNetwork;
use curtaincall::internals::sandbox::{ProviderInputs, Request, Sandbox, Surroundings, Terms};
use curtaincall::internals::session::Session;
use curtaincall::{Guest, Limits};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
static SURROUNDINGS: LazyLock<Surroundings> = LazyLock::new(|| {
    let session = Session::issue("http://127.0.0.1:8080/callback".to_owned()).unwrap();
    let network = Arc::new(NoNetwork);
    Surroundings::real(Arc::new(session), Arc::default(), network, ProviderInputs::default())
});
/// A folder for this process, because several fuzzers may run at the same time.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("target/component-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
});

fuzz_target!(|bytes: &[u8]| {
    // The name of the file says whether it is text or binary.
    let is_binary = bytes.starts_with(b"\0asm");
    let path = FOLDER.join(if is_binary { "guest.wasm" } else { "guest.wat" });
    std::fs::write(&path, bytes).unwrap();
    RUNTIME.block_on(load_and_call(Guest::file(path)));
});

async fn load_and_call(guest: Guest) {
    let mut limits = Limits::default();
    limits.cpu_time = Duration::from_millis(20);
    limits.wall_time = Duration::from_millis(200);
    let terms = Terms { limits, ..Terms::default() };
    let sandbox = match Sandbox::load(guest, terms, Arc::new(|_| {})).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            assert!(!matches!(error, LoadError::Engine(_)), "{error}");
            let message = error.to_string();
            assert!(!message.contains(char::is_control), "{message:?}");
            return;
        }
    };
    let request = Request {
        method: "GET".to_owned(),
        path_with_query: "/callback?code=abc".to_owned(),
        authority: "127.0.0.1:8080".to_owned(),
        origin: "http://127.0.0.1:8080".to_owned(),
        headers: vec![("accept".to_owned(), b"text/html".to_vec())],
        body: Vec::new(),
    };
    if let Err(error) = sandbox.handle(&SURROUNDINGS, request).await {
        let message = error.to_string();
        assert!(!message.contains(|c: char| c.is_control()), "{message:?}");
        assert!(!error.backtrace().contains(|c: char| c.is_control() && c != '\n'));
    }
}
