//! `abtest completions`: a script that completes commands and options in a shell.

use clap_complete::Shell;

/// Print a script that completes abtest's commands and options in your shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest completions bash > ~/.local/share/bash-completion/completions/abtest
  abtest completions zsh > ~/.zfunc/_abtest       with fpath+=~/.zfunc before compinit
  abtest completions fish > ~/.config/fish/completions/abtest.fish")]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, command: &mut clap::Command) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "abtest", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
}
