//! Opens the user's browser.

use std::env;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::str::FromStr;

use tokio::process::Command;
use webbrowser::BrowserOptions;

/// Browsers that run in the terminal, and would use the standard input and output of this program.
const TEXT_BROWSERS: [&str; 9] =
    ["lynx", "links", "links2", "elinks", "w3m", "eww", "netrik", "retawq", "curl"];

/// The command that opens the browser of Windows in WSL. Both programs are parts of Windows.
const WINDOWS: [&str; 2] = ["rundll32.exe", "url.dll,FileProtocolHandler"];

/// The placeholder for the URL in a command.
const URL: &str = "%s";

/// The browser that a flow opens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Browser {
    /// No browser. The caller opens the URL of [`Event::Authorize`](crate::Event::Authorize).
    None,
    /// The user's default browser: in WSL, that of Windows. `$BROWSER` takes precedence.
    #[default]
    Default,
    /// The browser that this command starts.
    Command(BrowserCommand),
}

/// A command that starts a browser, such as `firefox --private-window`. Parse a text to get one.
///
/// It is split into words as by a POSIX shell, with quotes and backslashes. No shell runs, so no other character is
/// special. Each `%s` in an argument is replaced by the URL. Without `%s`, the URL is the last argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserCommand {
    program: String,
    arguments: Vec<String>,
}

/// Why a command cannot start a browser.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrowserError {
    /// A quote has no end.
    #[error("the command has a quote without an end")]
    Quote,
    /// The text is empty.
    #[error("the command is empty: expected a program, such as `firefox`")]
    Empty,
    /// The browser would use the standard input and output of this program.
    #[error("`{0}` needs the terminal")]
    Text(&'static str),
    /// There is no such program.
    #[error("cannot find the browser `{0}`: no such program, or it is not executable")]
    NotFound(String),
}

impl FromStr for BrowserCommand {
    type Err = BrowserError;

    fn from_str(text: &str) -> Result<Self, BrowserError> {
        let mut words = shlex::split(text).ok_or(BrowserError::Quote)?.into_iter();
        let program = words.next().ok_or(BrowserError::Empty)?;
        match text_browser(&program) {
            Some(name) => Err(BrowserError::Text(name)),
            None => Ok(Self { program, arguments: words.collect() }),
        }
    }
}

impl Browser {
    /// Checks that the program of a command exists. A default browser is only found when it is opened.
    ///
    /// # Errors
    /// Fails if the program does not exist or is not executable.
    pub(crate) fn check(&self) -> Result<(), BrowserError> {
        match self {
            Self::Command(command) if !is_program(&command.program) => {
                Err(BrowserError::NotFound(command.program.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Opens `url`. The browser does not inherit the standard streams of this program.
    ///
    /// Waits until a command exits, which may be only when the person closes the browser.
    ///
    /// # Errors
    /// Returns why no browser can be started, or that the command failed.
    pub(crate) async fn open(&self, url: String) -> Result<(), String> {
        match self {
            Self::None => Ok(()),
            Self::Default => match windows_browser() {
                Some(command) => command.run(&url).await,
                None => open_default(url).await,
            },
            Self::Command(command) => command.run(&url).await,
        }
    }
}

impl BrowserCommand {
    async fn run(&self, url: &str) -> Result<(), String> {
        let Self { program, arguments } = self;
        let url_is_last = !arguments.iter().any(|argument| argument.contains(URL));
        let status = Command::new(program)
            .args(arguments.iter().map(|argument| argument.replace(URL, url)))
            .args(url_is_last.then_some(url))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{program}` failed: {status}")),
            Err(error) => Err(format!("`{program}`: {error}")),
        }
    }
}

/// Returns the command for the browser of Windows in WSL, where a Linux browser may be installed too. `None` if `$BROWSER`
/// names another one, or if this system cannot start programs of Windows.
fn windows_browser() -> Option<BrowserCommand> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let [program, argument] = WINDOWS.map(str::to_owned);
    (is_set("WSL_DISTRO_NAME") && !is_set("BROWSER") && is_program(&program))
        .then(|| BrowserCommand { program, arguments: vec![argument] })
}

/// Opens `url` in the default browser, or in the one of `$BROWSER`. Runs on a blocking thread.
async fn open_default(url: String) -> Result<(), String> {
    // `$BROWSER` is a list of commands, separated by `:`.
    let commands = env::var("BROWSER").unwrap_or_default();
    let mut programs = commands.split(':').filter_map(|words| words.split_whitespace().next());
    if let Some(browser) = programs.find_map(text_browser) {
        return Err(format!("`{browser}` needs the terminal"));
    }
    let mut options = BrowserOptions::new();
    options.with_suppress_output(true);
    let default = webbrowser::Browser::Default;
    let open = move || webbrowser::open_browser_with_options(default, &url, &options);
    match tokio::task::spawn_blocking(open).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Err("found none".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns the text browser that `program` starts, if it is one.
fn text_browser(program: &str) -> Option<&'static str> {
    TEXT_BROWSERS.into_iter().find(|name| Path::new(program).ends_with(name))
}

/// Returns whether `program` can be started: it is the path of an executable file, or the name of one in `PATH`.
fn is_program(program: &str) -> bool {
    let is_path = Path::new(program).components().count() > 1;
    let folders = env::var_os("PATH").unwrap_or_default();
    // On Windows, the suffix `.exe` can be left out.
    let names = [program.to_owned(), format!("{program}{}", env::consts::EXE_SUFFIX)];
    names.iter().map(Path::new).any(|name| match is_path {
        true => is_executable(name),
        false => env::split_paths(&folders).any(|folder| is_executable(&folder.join(name))),
    })
}

fn is_executable(file: &Path) -> bool {
    let Ok(metadata) = file.metadata() else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    metadata.is_file() && may_run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_into_words_as_in_a_shell() {
        for (text, program, arguments) in [
            (" firefox\t--new-window  %s ", "firefox", &["--new-window", "%s"][..]),
            ("open -a \"Google Chrome\"", "open", &["-a", "Google Chrome"]),
            (
                "'/mnt/c/Program Files/x.exe' a\\ b $(c);d",
                "/mnt/c/Program Files/x.exe",
                &["a b", "$(c);d"],
            ),
        ] {
            let command: BrowserCommand = text.parse().unwrap();
            assert_eq!(command.program, program);
            assert_eq!(command.arguments, arguments);
        }
        assert_eq!("'firefox".parse::<BrowserCommand>(), Err(BrowserError::Quote));
        assert_eq!(" ".parse::<BrowserCommand>(), Err(BrowserError::Empty));
        assert_eq!("/usr/bin/w3m -v".parse::<BrowserCommand>(), Err(BrowserError::Text("w3m")));
    }

    #[test]
    fn a_missing_program_is_found_out_before_it_is_started() {
        let check = |text: &str| Browser::Command(text.parse().unwrap()).check();
        let program = env::current_exe().unwrap();
        assert_eq!(check(program.to_str().unwrap()), Ok(()));
        for missing in ["no-such-browser", "./no-such-browser", env!("CARGO_MANIFEST_DIR")] {
            assert_eq!(check(missing), Err(BrowserError::NotFound(missing.to_owned())));
        }
    }
}
