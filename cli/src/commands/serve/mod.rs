//! `abtest serve`: the whole API from one process.
//!
//! | module | holds |
//! |---|---|
//! | `key` | the API key: given, or made at the first start |
//! | `site` | which part answers a request: page, session, health, metrics, or the API |
//! | `metrics` | what Prometheus reads |
//! | `greeting` | what is printed at the start |
//! | `demo` | visitors that play a few experiments |

mod demo;
mod greeting;
mod key;
mod metrics;
mod site;

pub(crate) use key::FILE as KEY_FILE;

use std::path::PathBuf;
use std::sync::Arc;

use abtest_api::{ApiKeys, Gateway, WiredPath};
use abtest_model::endpoint::Access;
use abtest_model::{Config, Counting, Limits, Namespace, Secret};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::redis::RedisStore;
use abtest_store::{Recorder as _, Store};
use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::page::server;
use crate::{ExitStatus, config_file, secrets};
use site::Site;

/// Serve the API from this machine: counts events, answers results.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest serve --demo                    something to look at, nothing to install
  abtest serve --redis redis://host/     counters in a Redis, as the Lambda functions have them
  abtest serve --redis --config my.json  the Redis of a config file

The API key is taken from ABTEST_API_KEY, else from --api-key-file, else from the data folder,
where it is made at the first start.")]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Folder for the embedded store and the API key.
    #[arg(long, value_name = "FOLDER", default_value = "abtest-data")]
    data: PathBuf,
    /// Count in a Redis instead: its address, or none for that of the config.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    redis: Option<String>,
    /// How experiments that begin from now on are counted in Redis [hll, exact]; the folder counts
    /// exactly.
    #[arg(long, value_name = "HOW", requires = "redis")]
    counting: Option<Counting>,
    /// The config file, for Redis, limits and extra endpoints.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Namespace of the page, the snippet and the demo.
    #[arg(long, default_value = Namespace::DEFAULT)]
    namespace: String,
    /// File that holds the API key.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Let some thousand visitors play a few experiments.
    #[arg(long)]
    demo: bool,
    /// How logs are written to standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitStatus> {
    start_logs(arguments.log_format);
    // One core is left to the store: its thread, or Redis, should not wait for a turn.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.saturating_sub(1).max(1))
        .enable_all()
        .build()?;
    runtime.block_on(start(arguments))?;
    Ok(ExitStatus::Done)
}

async fn start(arguments: Arguments) -> Result<()> {
    let mut config = match (&arguments.redis, &arguments.config) {
        (None, None) => Config::read(None, |name| std::env::var(name).ok())?,
        (_, file) => config_file::read(file.as_deref())?,
    };
    let key = key::find(
        std::env::var("ABTEST_API_KEY").ok(),
        arguments.api_key_file.as_deref(),
        &arguments.data,
    )?;
    match &arguments.redis {
        Some(url) => {
            let counting = arguments.counting.unwrap_or(config.counting);
            if !url.is_empty() {
                config.redis.url = Some(Secret::new(url.as_str()));
            }
            secrets::resolve(&mut config).await?;
            let store = RedisStore::new(&config.redis, config.limits, counting)?;
            if let Err(error) = store.health().await {
                tracing::warn!(%error, "Redis does not answer yet; serving, and trying again");
            }
            let name = match counting {
                Counting::Hll => "Redis (HyperLogLog)",
                Counting::Exact => "Redis (exact)",
            };
            serve(store, name, arguments, &config, key).await
        }
        None => {
            let folder = arguments.data.join("counters");
            let store = open(folder, config.limits).await?;
            serve(store, "embedded (exact)", arguments, &config, key).await
        }
    }
}

async fn open(folder: PathBuf, limits: Limits) -> Result<EmbeddedStore> {
    Ok(tokio::task::spawn_blocking(move || EmbeddedStore::open(&folder, limits)).await??)
}

async fn serve<S: Store>(
    store: S,
    store_name: &'static str,
    arguments: Arguments,
    config: &Config,
    key: key::Key,
) -> Result<()> {
    let namespace = Namespace::new(arguments.namespace.as_str())?;
    let keys = ApiKeys::new([key.secret.clone()]);
    let api = Gateway::new(store, keys, wired_paths(config))?;
    let listener = TcpListener::bind(&arguments.listen).await.with_context(|| {
        format!("cannot listen on {}; is it in use? choose another with --listen", arguments.listen)
    })?;
    let address = listener.local_addr()?;
    let site = Arc::new(Site::new(api, &key.secret, namespace.clone(), address.port()));
    let greeting = greeting::Greeting {
        address,
        store: store_name,
        key: &key,
        token: site.sessions().token(),
        namespace: &namespace,
    };
    greeting.print();
    let demo = arguments.demo.then(|| demo::start(address, &namespace));
    server::run(listener, Arc::clone(&site)).await;
    if let Some(demo) = demo {
        demo.stop();
    }
    tracing::info!("stopped");
    Ok(())
}

/// The paths of a config's `extra_wiring`, which work here as they do when deployed.
fn wired_paths(config: &Config) -> impl Iterator<Item = WiredPath> {
    config.extra_wiring.iter().map(|wiring| {
        let endpoint = &wiring.api_gateway;
        WiredPath {
            path: format!("/{}", endpoint.path_part.trim_matches('/')),
            method: endpoint.method.http_method,
            handler: wiring.lambda.handler,
            access: Access::Key,
        }
    })
}

fn start_logs(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            logs.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
        }
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}
