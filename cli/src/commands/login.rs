//! `abtest login`: saves a server and its key for the other commands.

use std::io::{IsTerminal, Read};

use abtest_model::{Namespace, Secret};
use anyhow::{Context, Result, bail};

use crate::client::{Client, ServerArguments, Target};
use crate::terminal::green;
use crate::usage::WrongUsage;
use crate::{ExitStatus, servers};

/// Save the address and the key of a deployed abtest, so that other commands find it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest login --url https://example.org/prod            asks for the key
  abtest key --value | abtest login --url https://…      reads the key from a pipe
  abtest login --forget                                  removes what was saved

The key is taken from --api-key-file, else from ABTEST_API_KEY, else you are asked for it. It is
checked, and then saved in $XDG_STATE_HOME/abtest (or ~/.local/state/abtest), readable by you only.
While an `abtest serve` runs on this machine, commands ask that one; --url names another.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Remove the saved address and key.
    #[arg(long, conflicts_with_all = ["url", "api_key_file"])]
    forget: bool,
    /// Print what was saved or removed as JSON. The key is not printed.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    if arguments.forget {
        let forgotten = servers::forget_login()?;
        match arguments.json {
            true => println!("{}", serde_json::json!({"removed": forgotten})),
            false => println!("{}", if forgotten { "removed" } else { "nothing was saved" }),
        }
        return Ok(ExitStatus::Done);
    }
    let address = arguments.server.given()?.ok_or_else(|| {
        WrongUsage::new("name the server: abtest login --url https://example.org/prod")
    })?;
    let key = match arguments.server.given_key()? {
        Some(key) => key,
        None => ask()?,
    };
    let target = Target { address: address.clone(), key: key.clone() };
    let experiments = Client::of(target, Namespace::DEFAULT).experiments()?.len();
    let file = servers::save_login(&address, &key)?;
    if arguments.json {
        let saved = serde_json::json!({
            "url": address.as_str(), "experiments": experiments, "file": file,
        });
        println!("{saved}");
        return Ok(ExitStatus::Done);
    }
    println!("{} {address} accepts the key; it has {experiments} experiments", green("✓"));
    println!("saved in {}", file.display());
    Ok(ExitStatus::Done)
}

/// The key, from a person or from a pipe.
fn ask() -> Result<Secret> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password("API key (it is not shown): ")
            .context("cannot ask for the key")?
    } else {
        let mut text = String::new();
        // A key is at most a line of 1,024 bytes.
        std::io::stdin().take(1_024).read_to_string(&mut text).context("cannot read the key")?;
        text
    };
    let key = text.trim();
    if key.is_empty() {
        bail!("the key is empty; type it, pipe it in, or set ABTEST_API_KEY or --api-key-file");
    }
    Ok(Secret::new(key))
}
