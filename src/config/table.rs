//! The tables of the README: made from the flags and from the limits, so that they cannot say anything else.

use super::Cli;
use clap::CommandFactory as _;

pub use super::limits::table as limits_table;

/// The table of all settings, as it stands in the README.
#[must_use]
pub fn table() -> String {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").cloned().unwrap_or_default();
    let mut rows = String::from("| variable | flag | default | meaning |\n|---|---|---|---|\n");
    for arg in serve.get_arguments().filter(|a| a.get_env().is_some()) {
        let name = arg.get_env().map(|env| env.to_string_lossy().into_owned()).unwrap_or_default();
        let default: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
        let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let mut default = default.concat();
        if let Some((text, written)) = help.clone().split_once(" [default: ") {
            help = text.to_owned();
            default = written.trim_end_matches(']').to_owned();
        }
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        rows += &format!("| `{name}` | `--{}` | {default} | {help} |\n", arg.get_long().unwrap_or_default());
    }
    rows
}
