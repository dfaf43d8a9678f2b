//! Opens the user's browser.

use std::path::Path;

use webbrowser::{Browser, BrowserOptions};

/// Browsers that run in the terminal, and would use the standard input and output of this program.
const TEXT_BROWSERS: [&str; 9] =
    ["lynx", "links", "links2", "elinks", "w3m", "eww", "netrik", "retawq", "curl"];

/// Opens `url` in the default browser. `$BROWSER` takes precedence.
///
/// Runs on a blocking thread. The browser does not inherit the standard streams of this program.
///
/// # Errors
/// Returns why no browser can be started.
pub(crate) async fn open(url: String) -> Result<(), String> {
    if let Some(browser) = text_browser() {
        return Err(format!("`{browser}` needs the terminal"));
    }
    let mut options = BrowserOptions::new();
    options.with_suppress_output(true);
    let open = move || webbrowser::open_browser_with_options(Browser::Default, &url, &options);
    match tokio::task::spawn_blocking(open).await {
        Ok(opened) => opened.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns the text browser that `$BROWSER` names, if any. `$BROWSER` is a list of commands, separated by `:`.
fn text_browser() -> Option<&'static str> {
    let commands = std::env::var("BROWSER").unwrap_or_default();
    TEXT_BROWSERS.into_iter().find(|name| {
        commands.split(':').any(|command| {
            let program = command.split_whitespace().next().unwrap_or_default();
            Path::new(program).ends_with(name)
        })
    })
}
