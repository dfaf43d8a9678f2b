//! The place of the browser, as far as `host` sees it.

use std::process::Command;

/// Let `host` assume that the browser is on this machine, also if the tests run over SSH, in a container or in an editor.
pub fn with_browser_here(command: &mut Command) -> &mut Command {
    let signs = [
        "CODESPACES",
        "REMOTE_CONTAINERS",
        "SSH_CONNECTION",
        "VSCODE_IPC_HOOK_CLI",
        "WSL_DISTRO_NAME",
    ];
    for sign in signs {
        command.env_remove(sign);
    }
    // A container has a file that cannot be hidden, but with a display, `host` assumes a browser in the container.
    match std::env::var_os("DISPLAY") {
        Some(display) if !display.is_empty() => command,
        _ => command.env("DISPLAY", "none"),
    }
}
