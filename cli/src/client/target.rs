//! Which abtest to ask, and with which key.

use std::path::{Path, PathBuf};

use abtest_model::{InputError, Secret};
use anyhow::{Context, Result, anyhow, bail};

use super::{agent, no_answer};
use crate::address::Address;
use crate::commands::serve;
use crate::servers::{self, KnownKey, Server};
use crate::usage::WrongUsage;

/// Which running abtest, and its key.
#[derive(Debug, clap::Args)]
pub(crate) struct ClientArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// Namespace of the experiments.
    #[arg(
        long, default_value = abtest_model::Namespace::DEFAULT, value_parser = namespace
    )]
    pub(crate) namespace: String,
}

/// A server to ask.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArguments {
    /// Address of the abtest to ask, such as http://127.0.0.1:8080 or https://example.org/prod
    /// [env: ABTEST_URL] [default: the `abtest serve` that runs here, else the one of
    /// `abtest login`].
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<Address>,
    /// File that holds its API key [env: ABTEST_API_KEY holds the key itself].
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
}

/// Where to ask, and with which key.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) key: Secret,
}

impl ServerArguments {
    /// The address that was given: by --url, else by ABTEST_URL.
    pub(crate) fn given(&self) -> Result<Option<Address>> {
        if let Some(url) = &self.url {
            return Ok(Some(url.clone()));
        }
        let variable = std::env::var("ABTEST_URL").ok().filter(|url| !url.is_empty());
        let parse = |url: String| url.parse().map_err(|error| anyhow!("ABTEST_URL: {error}"));
        variable.map(parse).transpose()
    }

    /// The server to ask, with its key.
    pub(crate) fn target(&self) -> Result<Target> {
        let given = self.given()?;
        let is_guess =
            given.is_none() && servers::running().is_empty() && servers::login().is_none();
        let server = match given {
            Some(address) => known(address),
            None => usual()?,
        };
        let key = self.key(&server).map_err(|error| match is_guess {
            true => error.context(
                "no `abtest serve` of yours runs here, and `abtest login` saved no server",
            ),
            false => error,
        })?;
        Ok(Target { address: server.address, key })
    }

    /// The key that was given: by --api-key-file, else by ABTEST_API_KEY.
    pub(crate) fn given_key(&self) -> Result<Option<Secret>> {
        if let Some(file) = &self.api_key_file {
            return read_key(file).map(Some);
        }
        let variable = std::env::var("ABTEST_API_KEY").ok().filter(|key| !key.is_empty());
        Ok(variable.map(Secret::new))
    }

    fn key(&self, server: &Server) -> Result<Secret> {
        if let Some(key) = self.given_key()? {
            return Ok(key);
        }
        match &server.key {
            KnownKey::Key(key) => Ok(key.clone()),
            KnownKey::File(file) => read_key(file),
            KnownKey::Unknown => {
                // The key of a server here is not sent anywhere else.
                let file = PathBuf::from("abtest-data").join(serve::KEY_FILE);
                if server.address.is_local() && file.exists() {
                    return read_key(&file);
                }
                // Without a server, a key would not help.
                if server.address.is_local() {
                    is_there(&server.address)?;
                }
                bail!(
                    "there is no API key for {address}; save it with `abtest login --url {address}`, \
                     or set ABTEST_API_KEY or --api-key-file",
                    address = server.address
                )
            }
        }
    }
}

/// An error if nothing answers at the address.
fn is_there(address: &Address) -> Result<()> {
    let asked = agent().get(format!("{address}/livez")).call();
    asked.map(drop).map_err(|error| no_answer(address, &error))
}

/// A given address, with its key if the server runs here or was saved.
fn known(address: Address) -> Server {
    let all = servers::running().into_iter().chain(servers::login());
    all.into_iter()
        .find(|server| server.address.is_same_place(&address))
        .unwrap_or(Server { address, key: KnownKey::Unknown })
}

/// The server to ask without `--url`: the only one that runs here, else the saved one.
pub(crate) fn usual() -> Result<Server> {
    let mut running = servers::running();
    if running.len() > 1 {
        let all: Vec<&str> = running.iter().map(|server| server.address.as_str()).collect();
        return Err(WrongUsage::new(format!(
            "more than one `abtest serve` runs here; choose one with --url: {}",
            all.join(", ")
        ))
        .into());
    }
    if let Some(server) = running.pop().or_else(servers::login) {
        tracing::info!("asking {}", server.address);
        return Ok(server);
    }
    let address = DEFAULT.parse().map_err(|error: String| anyhow!(error))?;
    Ok(Server { address, key: KnownKey::Unknown })
}

/// Where `abtest serve` listens unless told otherwise.
const DEFAULT: &str = "http://127.0.0.1:8080";

fn read_key(file: &Path) -> Result<Secret> {
    let key = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the API key in {}", file.display()))?;
    Ok(Secret::new(key.trim()))
}

/// Checks a namespace on the command line.
pub(crate) fn namespace(text: &str) -> Result<String, String> {
    let namespace = abtest_model::Namespace::new(text).map_err(|error| error.to_string())?;
    Ok(namespace.to_string())
}

/// Checks the name of an experiment on the command line.
pub(crate) fn experiment_name(text: &str) -> Result<String, String> {
    let in_words =
        |error: InputError| error.to_string().replace("parameter `experiment`", "the name");
    let name = abtest_model::Experiment::new(text).map_err(in_words)?;
    Ok(name.to_string())
}
