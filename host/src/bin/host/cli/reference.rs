//! Renders `host/REFERENCE.md` from the definitions that the program itself uses, and compares it with the file.

use std::path::Path;
use std::{env, fs};

use clap::{Arg, ArgAction, Command, CommandFactory as _};
use curtaincall::internals::event::EVENTS;
use curtaincall::internals::reply::PAGE_GRANTS;
use curtaincall::internals::request::{REFUSALS, sentence};

use super::Cli;
use crate::exit::Exit;
use crate::journal::LINES;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/REFERENCE.md");
/// If this environment variable is set, the test writes the file instead of comparing it.
const UPDATE: &str = "UPDATE_REFERENCE";

/// The headings of flags that several commands share, each with the introduction to its table.
const SHARED: [(&str, &str); 2] = [
    (
        "Grants",
        "What the guest may use. Without a grant, it has no configuration values (variables), and its page is static.\n\
         [`guest/PROVIDERS.md`](../guest/PROVIDERS.md) lists the settings of the guest `oauth2`, the keys of the file for\n\
         `--grants`, and those of a preset file.",
    ),
    (
        "Limits",
        "If a guest reaches a limit, the host ends the call or does not load the guest, and names the flag that raises it.\n\
         At `--max-log`, it only drops the rest of the log. A `DURATION` is written as `500ms`, `90s` or `5m`, a `SIZE` as `512KiB` or `64MiB`.",
    ),
];

const ENVIRONMENT: [(&str, &str); 20] = [
    (
        "BROWSER",
        "the browsers to try, separated by `:`; the host does not open text browsers, which need the terminal",
    ),
    (
        "CODESPACES",
        "if it is set, the browser is on another machine, and an editor forwards ports to it",
    ),
    ("DISPLAY", "if it is set, the browser is on this machine, also over SSH and in a container"),
    (
        "HTTPS_PROXY",
        "the proxy for a guest's requests; `HTTP_PROXY` and `ALL_PROXY` work too, also in lower case",
    ),
    (
        "KUBERNETES_SERVICE_HOST",
        "if it is set, the host runs in a container, and starts no browser without a display, unless `--browser` or `$BROWSER` names one",
    ),
    ("NO_PROXY", "the hosts that are reached without the proxy, separated by commas"),
    ("NO_COLOR", "if it is not empty, `--color auto` uses no colours"),
    ("PATH", "where the host looks for the program of `--browser`"),
    ("REMOTE_CONTAINERS", "as `CODESPACES`"),
    ("REQUEST_METHOD", "if it is set, as in a CGI program, no proxy is used"),
    (
        "SSH_CONNECTION",
        "if it is set, the host prints the `ssh -L` command with which the browser can reach it, and starts no browser without a display, unless `--browser` or `$BROWSER` names one",
    ),
    ("SUDO_UID", "under `sudo`, the host accepts connections of this user too (Linux)"),
    (
        "TERM",
        "the type of the terminal; with `dumb` or without it, the host shows no time left and reads no pasted address",
    ),
    (
        "TERM_PROGRAM",
        "with it, `VTE_VERSION`, `KONSOLE_VERSION` or `WT_SESSION`, the host recognises terminals that support links",
    ),
    ("USER", "the user in the `ssh -L` command"),
    ("VSCODE_IPC_HOOK_CLI", "as `CODESPACES`"),
    ("WAYLAND_DISPLAY", "as `DISPLAY`"),
    ("WSL_DISTRO_NAME", "if it is set, the browser is on Windows"),
    (
        "XDG_CACHE_HOME",
        "the folder for caches; compiled guests are in its subfolder `curtaincall` (Linux; the default is `~/.cache`)",
    ),
    ("container", "as `KUBERNETES_SERVICE_HOST`"),
];

/// Renders the whole file.
fn reference() -> String {
    let mut program = Cli::command();
    program.build();
    let commands: Vec<_> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
        .collect();

    let mut text = format!(
        "# `host` reference\n\n\
         <!-- Rendered from the program. To update: {UPDATE}=1 cargo test --bin host reference -->\n\n\
         This page lists every flag, limit, exit code and event. [`README.md`](../README.md) explains how to use them.\n\n\
         ## Commands\n\n"
    );
    let names = commands.iter().map(|command| {
        let name = command.get_name();
        [format!("[`host {name}`](#host-{name})"), about(command)]
    });
    text += &table(["command", "purpose"], names);
    for command in &commands {
        text += &described(command);
    }

    text += "\n## Flags of every command\n\n";
    text += &table(FLAGS, rows(&program, is_common));
    for (heading, introduction) in SHARED {
        text += &shared(&commands, heading, introduction);
    }

    text += "\n## Page grants\n\nThe values of `--allow-page`.\n\n";
    let grants = PAGE_GRANTS.iter().map(|(grant, about)| [code(grant), (*about).to_owned()]);
    text += &table(["grant", "the page may"], grants);

    text += "\n## Exit codes\n\n";
    let exits = Exit::ALL.iter().map(|exit| [(*exit as u8).to_string(), exit.about().to_owned()]);
    text += &table(["code", "meaning"], exits);

    text += &format!(
        "\n## Events\n\n\
         `--events` writes one JSON object per line. `event` is its name, `time` is in UTC (RFC 3339), and the other fields\n\
         are listed below. No event contains a query, a body or a secret, except for the URL of `authorize`. After {LINES}\n\
         equal events in quick succession, one line stands for several; `count` is their number.\n\n"
    );
    let events = EVENTS.iter().map(|(name, fields, about)| {
        let fields: Vec<_> = fields.iter().map(|field| code(field)).collect();
        [code(name), fields.join(", "), (*about).to_owned()]
    });
    text += &table(["event", "fields", "meaning"], events);

    text += "\n## Refused requests\n\n\
        The host checks each request in this order before it calls the guest. A refused request does not end the wait,\n\
        except for `link-used` if other users can connect (exit code 8). `reason` is the value in the event `refused`.\n\
        A request with `closed` gets no answer. `head-too-large` and `head-broken` get a status without a page.\n\n";
    let refusals = REFUSALS.iter().map(|refusal| {
        let status = refusal.status().map(|status| status.to_string());
        let status = status.unwrap_or_else(|| "closed".to_owned());
        [code(refusal.reason()), status, sentence(*refusal).to_owned()]
    });
    text += &table(["reason", "status", "what the page says"], refusals);

    text += "\n## Environment variables\n\n";
    let variables = ENVIRONMENT.iter().map(|(name, about)| [code(name), (*about).to_owned()]);
    text + &table(["variable", "meaning"], variables)
}

const FLAGS: [&str; 3] = ["argument or flag", "meaning", "default"];

/// Renders the section of one command, with the flags that only this command has.
fn described(command: &Command) -> String {
    let name = command.get_name();
    let arguments: String =
        command.get_positionals().map(|argument| format!(" {}", typed(argument))).collect();
    let shared = SHARED.iter().filter(|(heading, _)| has(command, heading));
    let mut shared: String =
        shared.map(|(heading, _)| format!("the [{0}](#{0}), ", heading.to_lowercase())).collect();
    if !shared.is_empty() {
        shared += "and ";
    }
    format!(
        "\n## `host {name}`\n\n{}.\n\n```text\nhost {name} [OPTIONS]{arguments}\n```\n\n{}\n\
         It also takes {shared}the [flags of every command](#flags-of-every-command).\n",
        about(command),
        table(FLAGS, rows(command, is_own)),
    )
}

/// Renders the section of the flags below a heading. They must be the same in every command that has them.
fn shared(commands: &[&Command], heading: &str, introduction: &str) -> String {
    let with: Vec<_> = commands.iter().filter(|command| has(command, heading)).collect();
    let tables: Vec<_> =
        with.iter().map(|command| rows(command, |arg| is_below(arg, heading))).collect();
    assert!(tables.windows(2).all(|pair| pair[0] == pair[1]), "{heading} differ between commands");
    let names: Vec<_> = with.iter().map(|command| code(command.get_name())).collect();
    let table = table(FLAGS, tables.into_iter().next().unwrap_or_default());
    format!("\n## {heading}\n\nFlags of {}. {introduction}\n\n{table}", names.join(", "))
}

fn is_common(arg: &Arg) -> bool {
    arg.is_global_set() || ["help", "version"].contains(&arg.get_id().as_str())
}

fn is_below(arg: &Arg, heading: &str) -> bool {
    arg.get_help_heading() == Some(heading)
}

fn is_own(arg: &Arg) -> bool {
    !is_common(arg) && !SHARED.iter().any(|(heading, _)| is_below(arg, heading))
}

fn has(command: &Command, heading: &str) -> bool {
    command.get_arguments().any(|arg| is_below(arg, heading))
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Returns a table row for each wanted argument or flag, in the order of definition.
fn rows(command: &Command, is_wanted: impl Fn(&Arg) -> bool) -> Vec<[String; 3]> {
    let wanted = command.get_arguments().filter(|&arg| !arg.is_hide_set() && is_wanted(arg));
    wanted.map(|arg| [cell(arg), meaning(command, arg), default(arg)]).collect()
}

/// Returns the first column, such as `--verbose`, `-v`.
fn cell(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!(", `-{short}`")).unwrap_or_default();
    code(&typed(arg)) + &short
}

/// Returns how an argument is typed, such as `--open URL` or `[GUEST]`.
fn typed(arg: &Arg) -> String {
    let value = arg.get_value_names().unwrap_or_default().first();
    let value = value.map(ToString::to_string).unwrap_or_default();
    match arg.get_long() {
        Some(long) if !arg.get_action().takes_values() => format!("--{long}"),
        Some(long) if value.contains(' ') => format!("--{long} '{value}'"),
        Some(long) => format!("--{long} {value}"),
        None => {
            let is_list = arg.get_num_args().is_some_and(|count| count.max_values() == usize::MAX);
            let value = if is_list { value + "..." } else { value };
            let is_whole = arg.is_required_set() || value.starts_with('[');
            if is_whole { value } else { format!("[{value}]") }
        }
    }
}

/// Returns the help, the possible values, whether the flag can be repeated, and its conflicts.
fn meaning(command: &Command, arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    // clap's own text compares `-h` with `--help`, and differs between commands.
    if matches!(arg.get_action(), ArgAction::Help) {
        text = "Print help".to_owned();
    }
    let values = arg.get_possible_values();
    let values: Vec<_> = values
        .iter()
        .map(|value| {
            let help = value.get_help().map(|help| format!(" ({help})")).unwrap_or_default();
            code(value.get_name()) + &help
        })
        .collect();
    if arg.get_action().takes_values() && !values.is_empty() {
        text += &format!(": {}", values.join(", "));
    }
    if !arg.is_positional() && matches!(arg.get_action(), ArgAction::Append) {
        text += "; can be repeated";
    }
    let conflicts = command.get_arg_conflicts_with(arg);
    let conflicts: Vec<_> = conflicts.into_iter().map(|other| code(&typed(other))).collect();
    if !conflicts.is_empty() {
        text += &format!("; not with {}", conflicts.join(", "));
    }
    text
}

fn default(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let values = arg.get_default_values().iter().map(|value| code(&value.to_string_lossy()));
    values.collect::<Vec<_>>().join(", ")
}

fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let row = |cells: [String; N]| {
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
    };
    let body: String = rows.into_iter().map(row).collect();
    row(head.map(str::to_owned)) + &row(head.map(|_| "---".to_owned())) + &body
}

#[test]
fn the_reference_matches_the_command_line() {
    let rendered = reference();
    if env::var_os(UPDATE).is_some() {
        fs::write(FILE, rendered).unwrap();
        return;
    }
    let committed = fs::read_to_string(FILE).unwrap();
    for (number, (line, expected)) in committed.lines().zip(rendered.lines()).enumerate() {
        assert_eq!(line, expected, "REFERENCE.md:{}: set {UPDATE}=1 to write it", number + 1);
    }
    assert_eq!(
        committed, rendered,
        "REFERENCE.md is too short or too long: set {UPDATE}=1 to write it"
    );
}

#[test]
fn every_environment_variable_is_in_the_reference() {
    let mut folders = vec![Path::new(SOURCE).to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for call in ["env::var(\"", "env::var_os(\""] {
                for rest in source.split(call).skip(1) {
                    let name = rest.split('"').next().unwrap();
                    let is_listed = ENVIRONMENT.iter().any(|(listed, _)| *listed == name);
                    assert!(is_listed, "{}: {name}", path.display());
                }
            }
        }
    }
}
