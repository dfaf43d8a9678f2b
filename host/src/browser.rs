//! The person's browser.

use webbrowser::{Browser, BrowserOptions};

/// Open `url` in the default browser, `$BROWSER` first.
///
/// Runs on a blocking thread. The child gets no standard input, output or error of ours.
///
/// # Errors
/// When there is no browser, or it cannot be started: what the operating system said.
pub(crate) async fn open(url: String) -> Result<(), String> {
    let mut options = BrowserOptions::new();
    options.with_suppress_output(true);
    let open = move || webbrowser::open_browser_with_options(Browser::Default, &url, &options);
    match tokio::task::spawn_blocking(open).await {
        Ok(opened) => opened.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
