//! A guest for tests. Its page has one line for each value that a guest can read.
//!
//! The guest handles these parameters of the request, in order:
//!
//! - `sleep=MS`: wait for this time
//! - `patience=MS`: set the timeout of the following requests
//! - `ask=URL`: send a request to another host
//! - `log=TEXT`: log a text
//! - `leak=NAME`: log a value of the configuration
//! - `do=STEP`: one step of a provider, see `script.rs`
//! - `done=VALUE`: complete the flow

mod script;
mod upstream;

use curtaincall_guest::{Guest, Reply, Request, Response};
use wasip2::cli::environment;
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::random::{insecure, insecure_seed, random};

use bindings::curtaincall::callback::session;
use bindings::wasi::config::store;
use script::Script;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package curtaincall:probe;
            world imports {
                import curtaincall:callback/session@0.1.0;
                import curtaincall:callback/secrets@0.1.0;
                import curtaincall:callback/exchange@0.1.0;
                import curtaincall:callback/identity@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
            }
        ",
        path: "../../wit",
        generate_all,
    });
}

struct Probe;

impl Guest for Probe {
    fn handle(request: Request) -> Reply {
        let started = monotonic_clock::now();
        let mut lines = Vec::new();
        let mut patience = None;
        let mut script = Script::default();
        for (name, value) in request.parameters() {
            match &*name {
                "sleep" => monotonic_clock::subscribe_duration(
                    value.parse::<u64>().expect("a number of milliseconds") * 1_000_000,
                )
                .block(),
                "patience" => patience = value.parse().ok(),
                "ask" => lines.push(format!("ask: {}", upstream::get(&value, patience))),
                "log" => log(&value),
                "leak" => log(&store::get(&value).ok().flatten().unwrap_or_default()),
                "do" => lines.extend(script.step(&value)),
                _ => {}
            }
        }
        let now = wall_clock::now();
        lines.push(format!("time: {}.{:09}", now.seconds, now.nanoseconds));
        lines.push(format!("took: {} ms", (monotonic_clock::now() - started) / 1_000_000));
        lines.push(format!("random: {:016x}", random::get_random_u64()));
        lines.push(format!("insecure: {:016x}", insecure::get_insecure_random_u64()));
        lines.push(format!("seed: {:?}", insecure_seed::insecure_seed()));
        lines.push(format!("redirect-uri: {}", session::redirect_uri()));
        lines.push(format!("state: {}", session::state()));
        lines.push(format!("nonce: {}", session::nonce()));
        lines.push(format!("code-challenge: {}", session::code_challenge()));
        for (name, value) in store::get_all().unwrap_or_default() {
            lines.push(format!("config {name}: {value}"));
        }
        for (name, value) in environment::get_environment() {
            lines.push(format!("environment {name}: {value}"));
        }
        for value in environment::get_arguments() {
            lines.push(format!("argument: {value}"));
        }
        let mut page = Response::html(lines.join("\n") + "\n");
        page.headers[0].1 = b"text/plain; charset=utf-8".to_vec();
        match request.parameter("done") {
            Some(value) => Reply::success(page, [("value", value)]),
            None => Reply::pending(page),
        }
    }
}

curtaincall_guest::export!(Probe);

fn log(text: &str) {
    let stderr = wasip2::cli::stderr::get_stderr();
    for chunk in format!("{text}\n").as_bytes().chunks(4096) {
        stderr.blocking_write_and_flush(chunk).expect("the log takes what it is given");
    }
}
