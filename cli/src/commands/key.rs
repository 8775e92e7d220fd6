//! `abtest key`: prints and rotates the API key.

use abtest_model::Role;
use abtest_wiring::operate::{Key, keys, retire, rotate};
use anyhow::{Context, Result, bail};

use crate::ExitStatus;
use crate::deployment::{Deployment, DeploymentArguments, block_on};
use crate::terminal::dim;

/// Print the API key of the deployed API, or rotate it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
To replace a key without an interruption:
  abtest key --rotate    creates a new key; the old one keeps working
                         (now give the new key to everyone who needs it)
  abtest key --retire    deletes the old key

A read key reads everything and changes nothing:
  abtest key --role read --rotate    creates one")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// What the key may do.
    #[arg(long, value_enum, default_value_t = RoleName::Edit)]
    role: RoleName,
    /// Create a new key; the old one works until it is retired.
    #[arg(long, conflicts_with = "retire")]
    rotate: bool,
    /// Delete all keys but the newest.
    #[arg(long)]
    retire: bool,
    /// Print only the newest key.
    #[arg(long)]
    value: bool,
    /// Print the keys as JSON.
    #[arg(long, conflicts_with = "value")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RoleName {
    /// Every call.
    Edit,
    /// Every GET.
    Read,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Edit => Self::Edit,
            RoleName::Read => Self::Read,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    block_on(show(arguments))
}

async fn show(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let mut deployment = Deployment::read(&config).await?;
    let role = Role::from(arguments.role);
    if arguments.rotate {
        rotate(&deployment.account, &deployment.blueprint, &deployment.found, role).await?;
    } else if arguments.retire {
        retire(&deployment.account, &deployment.found, role).await?;
    }
    if arguments.rotate || arguments.retire {
        deployment = Deployment::read(&config).await?;
    }
    let keys = keys(&deployment.account, &deployment.found, role).await?;
    if keys.is_empty() {
        match role {
            Role::Read => {
                bail!("there is no read key; create one with `abtest key --role read --rotate`")
            }
            Role::Edit => bail!("there is no key; run `abtest deploy`"),
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&json(&keys))?);
    } else if arguments.value {
        let newest = keys.first().context("there is no key; run `abtest deploy`")?;
        println!("{}", newest.value.expose());
    } else {
        for (position, key) in keys.iter().enumerate() {
            let note = match position {
                0 if keys.len() > 1 => "  (the new one)",
                0 => "",
                _ => "  (works until `abtest key --retire`)",
            };
            println!("{}{}", key.value.expose(), dim(note));
        }
    }
    Ok(ExitStatus::Done)
}

fn json(keys: &[Key]) -> Vec<serde_json::Value> {
    let newest = |position| position == 0;
    let keys = keys.iter().enumerate();
    keys.map(|(position, key)| {
        serde_json::json!({
            "id": key.id,
            "role": key.role.as_str(),
            "value": key.value.expose(),
            "created": key.created,
            "newest": newest(position),
        })
    })
    .collect()
}
