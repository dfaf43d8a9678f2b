//! Links that a person can click in the terminal (OSC 8).

/// Returns whether the terminal supports links, by the environment variables that terminals set.
///
/// Terminals that are not known get no link. Some of them print the sequence.
pub(crate) fn is_supported(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let is_one_of = |name: &str, known: &[&str]| {
        variable(name).is_some_and(|value| known.contains(&value.as_str()))
    };
    let at_least = |name: &str, version: u32| {
        variable(name)
            .and_then(|value| value.parse::<u32>().ok())
            .is_some_and(|value| value >= version)
    };
    if !is_set("TERM") || is_one_of("TERM", &["dumb", "linux"]) {
        return false;
    }
    is_one_of("TERM", &["alacritty", "foot", "xterm-ghostty", "xterm-kitty"])
        || is_one_of(
            "TERM_PROGRAM",
            &["ghostty", "Hyper", "iTerm.app", "rio", "Tabby", "vscode", "WarpTerminal", "WezTerm", "zed"],
        )
        // GNOME Terminal and others: links since 0.50. Version 0.50.0 crashes on some.
        || at_least("VTE_VERSION", 5001)
        // Konsole: links since 20.12.
        || at_least("KONSOLE_VERSION", 201_200)
        // Windows Terminal.
        || is_set("WT_SESSION")
}

/// Returns `url` as a link to itself. The identifier makes it one link even if the terminal wraps it.
pub(crate) fn clickable(url: &str) -> String {
    format!("\x1b]8;id=authorize;{url}\x1b\\{url}\x1b]8;;\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_supported_with(variables: &[(&str, &str)]) -> bool {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        is_supported(value)
    }

    #[test]
    fn only_known_terminals_get_links() {
        for supported in [
            &[("TERM", "xterm-kitty")][..],
            &[("TERM", "foot")],
            &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "vscode")],
            &[("TERM", "xterm-256color"), ("VTE_VERSION", "7402")],
            &[("TERM", "xterm-256color"), ("KONSOLE_VERSION", "220401")],
            &[("TERM", "xterm-256color"), ("WT_SESSION", "0")],
        ] {
            assert!(is_supported_with(supported), "{supported:?}");
        }
        for other in [
            &[][..],
            &[("TERM", "xterm-256color")],
            &[("TERM", "screen")],
            &[("TERM", "linux"), ("VTE_VERSION", "7402")],
            &[("TERM", "dumb"), ("TERM_PROGRAM", "vscode")],
            &[("TERM_PROGRAM", "vscode")],
            &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal")],
            &[("TERM", "xterm-256color"), ("VTE_VERSION", "5000")],
            &[("TERM", "xterm-256color"), ("VTE_VERSION", "new")],
            &[("TERM", "xterm-256color"), ("WT_SESSION", "")],
        ] {
            assert!(!is_supported_with(other), "{other:?}");
        }
    }

    #[test]
    fn a_link_shows_its_whole_address() {
        let url = "https://idp.example/?a=1;b";
        let link = "\u{1b}]8;id=authorize;https://idp.example/?a=1;b\u{1b}\\https://idp.example/?a=1;b\u{1b}]8;;\u{1b}\\";
        assert_eq!(clickable(url), link);
    }
}
