//! The guest of the README.

use curtaincall_guest::{Guest, Reply, Request, Response, escape};

struct Hello;

impl Guest for Hello {
    fn handle(request: Request) -> Reply {
        let code = request.parameter("code").expect("the callback has a code");
        let name = request.parameter("name").unwrap_or("stranger".into());
        let page = format!("<h1>Hello, {}</h1><p>You can close this tab.", escape(&name));
        Reply::success(Response::html(page), [("code", code)])
    }
}

curtaincall_guest::export!(Hello);
