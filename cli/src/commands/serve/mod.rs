//! `abtest serve`: the whole API from one process.
//!
//! | module | holds |
//! |---|---|
//! | `key` | the API key: given, or created at the first start |
//! | `layers` | what is around the app: compression, and an answer after a panic |
//! | `app` | decides which part answers a request: page, session, readiness, metrics, or the API |
//! | `readiness` | whether the process is alive, and whether it can count |
//! | `rates` | how often an address may ask |
//! | `streams` | streams of events as answers |
//! | `wired` | the paths of the config's `extra_wiring` |
//! | `metrics` | what Prometheus reads |
//! | `greeting` | what is printed at the start |
//! | `demo` | example experiments, with live visitors |

mod app;
mod demo;
mod greeting;
mod key;
mod layers;
mod metrics;
mod rates;
mod readiness;
mod streams;
mod wired;

pub(crate) use key::FILE as KEY_FILE;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use abtest_api::{ApiKeys, Gateway};
use abtest_config::{Config, Limits, Networks, PublicUrl, ServeSettings};
use abtest_model::{ApiKey, Counting, Day, Namespace, Role, Secret};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::redis::RedisStore;
use abtest_store::{Recorder as _, Store, StoreError};
use anyhow::{Result, bail};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tokio::net::TcpListener;

use crate::address::Listen;
use crate::client::namespace;
use crate::page::Sessions;
use crate::server::Server;
use crate::server::address::TrustedProxies;
use crate::server::limits::{Limits as ServerLimits, raise_descriptors};
use crate::{ExitStatus, config_file, output, secrets, servers, terminal};
use app::App;
use rates::Rates;

/// Serve the API and the page from this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest serve --demo                    example experiments to look at, in a temporary folder
  abtest serve                           count in the folder abtest-data
  abtest serve --redis redis://host/     count in a Redis, as the Lambda functions do
  abtest serve --redis --config my.json  count in the Redis of a config file

The API key is the one in --api-key-file, else ABTEST_API_KEY, else the one in the data folder. The
first start creates that one. Other commands, such as `abtest results`, find this server by itself.")]
pub(crate) struct Arguments {
    /// Address to listen on. A port alone means 127.0.0.1, which only this machine can reach;
    /// 0.0.0.0:8080 is for the network; port 0 is any free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: Listen,
    /// Address for Prometheus to read /metrics from without a key, or `off`
    /// [default: 127.0.0.1:9090 if it is free].
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<MetricsListen>,
    /// Folder for the embedded store and the API key.
    #[arg(long, value_name = "FOLDER", default_value = "abtest-data")]
    data: PathBuf,
    /// Count in a Redis. Without URL: the Redis of the config.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    redis: Option<String>,
    /// How new experiments are counted in Redis [default: as the config says].
    #[arg(long, value_name = "HOW", requires = "redis", value_parser = counting_parser())]
    counting: Option<Counting>,
    /// The config file, for Redis, limits and extra endpoints.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Namespace of the page, the snippet and the demo.
    #[arg(long, default_value = Namespace::DEFAULT, value_parser = namespace)]
    namespace: String,
    /// File that holds the API key [env: ABTEST_API_KEY holds the key itself].
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// File that holds another key, which may only read [env: ABTEST_READ_KEY holds the key itself].
    #[arg(long, value_name = "FILE")]
    read_key_file: Option<PathBuf>,
    /// Play example experiments, in a temporary folder that is removed at the end.
    #[arg(long, conflicts_with_all = ["data", "redis", "config"])]
    demo: bool,
    /// Address of the server for browsers, if a proxy is in front of it: https://abtest.example.org.
    /// With https, the cookie of the page is sent over TLS only.
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Refuse to start if Redis can delete counters, or if it does not say whether it can.
    #[arg(long)]
    strict: bool,
    /// How to write logs to standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Print where the server is as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    strangers: StrangerArguments,
}

/// What strangers may take. An address is an IPv4 address or an IPv6 network of 64 bits.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits for strangers")]
struct StrangerArguments {
    /// Proxies whose X-Forwarded-For names the client: networks with commas between them, or `none`.
    /// They have no limits of their own [default: this machine].
    #[arg(long, value_name = "NETWORKS")]
    trusted_proxies: Option<Networks>,
    /// Requests without a key from one address, per second; 0 is any number [default: 5000].
    #[arg(long, value_name = "NUMBER")]
    requests_per_second: Option<u32>,
    /// Wrong API keys from one address, per minute; 0 is any number [default: 30].
    #[arg(long, value_name = "NUMBER")]
    wrong_keys_per_minute: Option<u32>,
    /// Connections that are open at once [default: 8192, or fewer if the system allows fewer files].
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    connections: Option<NonZeroU32>,
    /// Connections from one address that are open at once [default: 2048].
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    connections_per_address: Option<NonZeroU32>,
    /// Memory for request bodies in flight, in MiB [default: 64].
    #[arg(long, value_name = "MIB", value_parser = at_least_one)]
    body_memory_mib: Option<NonZeroU32>,
}

impl Arguments {
    /// Replaces the settings for which there is a flag.
    fn override_settings(&self, settings: &mut ServeSettings) {
        fn set<T: Clone>(setting: &mut T, flag: Option<&T>) {
            if let Some(value) = flag {
                setting.clone_from(value);
            }
        }
        let flags = &self.strangers;
        if self.public_url.is_some() {
            settings.public_url.clone_from(&self.public_url);
        }
        set(&mut settings.trusted_proxies, flags.trusted_proxies.as_ref());
        set(&mut settings.requests_per_second, flags.requests_per_second.as_ref());
        set(&mut settings.wrong_keys_per_minute, flags.wrong_keys_per_minute.as_ref());
        set(&mut settings.connections, flags.connections.as_ref());
        set(&mut settings.connections_per_address, flags.connections_per_address.as_ref());
        set(&mut settings.body_memory_mib, flags.body_memory_mib.as_ref());
    }
}

fn at_least_one(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "write a whole number from 1 on".to_owned())
}

/// Reads a way of counting, with help for each.
fn counting_parser() -> impl TypedValueParser<Value = Counting> {
    let values = [
        PossibleValue::new("hll").help("Estimates with an error of 0.81%, as Gimel counts"),
        PossibleValue::new("exact").help("Exact numbers, with more memory"),
    ];
    PossibleValuesParser::new(values).try_map(|how| how.parse::<Counting>())
}

/// Where metrics are served without a key.
#[derive(Debug, Clone, Copy)]
enum MetricsListen {
    Off,
    At(Listen),
}

impl FromStr for MetricsListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

/// Prometheus's own port. Usually it is free, as Prometheus runs elsewhere.
const METRICS_ADDRESS: SocketAddr =
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 9090));

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitStatus> {
    terminal::start_server_logs(matches!(arguments.log_format, LogFormat::Json));
    // One core is left for the store: its thread, or Redis.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.saturating_sub(1).max(1))
        .enable_all()
        .build()?;
    runtime.block_on(start(arguments))?;
    Ok(ExitStatus::Done)
}

async fn start(mut arguments: Arguments) -> Result<()> {
    let mut config = match (&arguments.redis, &arguments.config) {
        (None, None) => Config::read(None, |name| std::env::var(name).ok())?,
        (_, file) => config_file::read(file.as_deref())?,
    };
    arguments.override_settings(&mut config.serve);
    // A taken port is reported before anything is created or opened.
    let listeners = Listeners::bind(&arguments).await?;
    let demo_folder = if arguments.demo { Some(demo::folder()?) } else { None };
    if let Some(folder) = &demo_folder {
        arguments.data = folder.path().to_owned();
    }
    let key = key::find(
        arguments.api_key_file.as_deref(),
        std::env::var("ABTEST_API_KEY").ok(),
        &arguments.data,
    )?;
    match &arguments.redis {
        Some(url) => {
            let counting = arguments.counting.unwrap_or(config.store.counting);
            if !url.is_empty() {
                config.store.redis.url = Some(Secret::new(url.as_str()));
            }
            secrets::resolve(&mut config).await?;
            let store = RedisStore::new(&config.store.redis, config.store.limits, counting)?;
            check_redis(&store, arguments.strict).await?;
            let name = match counting {
                Counting::Hll => "Redis (HyperLogLog)",
                Counting::Exact => "Redis (exact)",
            };
            serve(store, name.to_owned(), listeners, arguments, &config, key).await
        }
        None => {
            let store = open(arguments.data.join("counters"), config.store.limits).await?;
            if arguments.demo {
                let namespace = Namespace::new(arguments.namespace.as_str())?;
                demo::history::play(&store, &namespace, Day::today()).await?;
            }
            let name = match arguments.demo {
                true => format!("{} (removed at the end)", arguments.data.display()),
                false => format!("{} (exact)", arguments.data.display()),
            };
            serve(store, name, listeners, arguments, &config, key).await
        }
    }
}

/// Logs what is wrong with the Redis.
///
/// # Errors
/// With `--strict`: when it may delete counters, or cannot be asked.
async fn check_redis(store: &RedisStore, strict: bool) -> Result<()> {
    match store.health().await {
        Ok(dangers) => {
            if let Some(danger) = dangers.iter().find(|danger| strict && danger.is_eviction()) {
                bail!("{danger}; or start without --strict");
            }
            dangers.iter().for_each(|danger| tracing::warn!("{danger}"));
        }
        Err(error) if strict => {
            bail!("--strict: it is not known whether Redis keeps counters, because {error}");
        }
        Err(StoreError::Settings(setting)) => tracing::error!("{setting}"),
        Err(StoreError::Unreachable(reason)) => {
            tracing::warn!("{reason}; serving, and connecting with the next request");
        }
        Err(error) => tracing::warn!("{error}; serving"),
    }
    Ok(())
}

async fn open(folder: PathBuf, limits: Limits) -> Result<EmbeddedStore> {
    Ok(tokio::task::spawn_blocking(move || EmbeddedStore::open(&folder, limits)).await??)
}

async fn serve<S: Store>(
    store: S,
    store_name: String,
    listeners: Listeners,
    arguments: Arguments,
    config: &Config,
    key: key::Key,
) -> Result<()> {
    let namespace = Namespace::new(arguments.namespace.as_str())?;
    let read_key =
        key::find_read(arguments.read_key_file.as_deref(), std::env::var("ABTEST_READ_KEY").ok())?;
    if read_key.as_ref() == Some(&key.key) {
        bail!("the read key and the API key are the same; use two different keys");
    }
    let keys = ApiKeys::new([&key.key]).with(Role::Read, &read_key);
    let api = Gateway::new(store, keys, wired::paths(config)?)?;
    if arguments.demo {
        demo::shop::define(&api, &key.key, &namespace).await?;
    }
    let Listeners { api: listener, metrics } = listeners;
    let address = listener.local_addr()?;
    let url = greeting::local_url(address);
    let settings = &config.serve;
    let sessions = Sessions::new(address.port(), settings.public_url.clone());
    let by_role: Vec<(Role, &ApiKey)> = read_key
        .iter()
        .map(|read_key| (Role::Read, read_key))
        .chain([(Role::Edit, &key.key)])
        .collect();
    let server_limits = limits(settings);
    let rates = Rates::new(settings);
    let streams = streams::OpenStreams::new(server_limits.connections);
    let mut app = App::new(api, &by_role, namespace.clone(), sessions, rates, streams);
    if arguments.demo {
        app = app.with_shop();
    }
    let app = Arc::new(app);
    let greeting = greeting::Greeting {
        address,
        public_url: settings.public_url.as_ref(),
        store: &store_name,
        key: &key,
        token: app.sessions().token(),
        namespace: &namespace,
        is_demo: arguments.demo,
        metrics: metrics.as_ref().and_then(|listener| listener.local_addr().ok()),
    };
    if arguments.json {
        greeting.print_json();
    } else {
        greeting.print();
    }
    let data = arguments.redis.is_none().then_some(arguments.data.as_path());
    // Without a home folder, other commands need --url.
    let announcement = servers::announce(&url, key.file(), data)
        .inspect_err(|error| tracing::debug!("other commands cannot find this server: {error:#}"));
    let proxies = TrustedProxies::new(settings.trusted_proxies.iter());
    if let Some(listener) = metrics {
        let service = layers::of_metrics(app.metrics());
        let server = Server::new(service, ServerLimits::SMALL, proxies.clone(), app.metrics());
        tokio::spawn(server.run_without_grace(listener));
    }
    tokio::spawn(Arc::clone(&app).follow_schedules());
    let demo = arguments
        .demo
        .then(|| demo::start(address, &namespace, !arguments.json && !terminal::is_quiet()));
    if let Some(error) = output::failure() {
        tracing::warn!(%error, "cannot write to standard output; serving without it");
    }
    output::ignore_failures();
    let metrics = app.metrics();
    Server::new(layers::around(app), server_limits, proxies, metrics).run(listener).await;
    drop(announcement);
    if let Some(demo) = demo {
        demo.stop();
    }
    tracing::info!("stopped");
    Ok(())
}

/// The limits of the server, within what the system allows.
fn limits(settings: &ServeSettings) -> ServerLimits {
    let whole = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
    let limits = ServerLimits {
        connections: whole(settings.connections),
        connections_per_address: whole(settings.connections_per_address),
        body_bytes: whole(settings.body_memory_mib).saturating_mul(1024 * 1024),
    };
    limits.within(raise_descriptors())
}

/// The ports of the server.
struct Listeners {
    api: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    async fn bind(arguments: &Arguments) -> Result<Self> {
        let api = listen(arguments.listen, "--listen").await?;
        let url = greeting::local_url(api.local_addr()?);
        let metrics = metrics_listener(arguments, &url).await?;
        Ok(Self { api, metrics })
    }
}

async fn listen(address: Listen, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address.0)
        .await
        .map_err(|error| anyhow::anyhow!(address.failure(&error, flag)))
}

/// The listener for metrics. If --metrics-listen is absent and the usual port is taken, logs a
/// warning and returns `None`.
async fn metrics_listener(arguments: &Arguments, url: &str) -> Result<Option<TcpListener>> {
    match arguments.metrics_listen {
        Some(MetricsListen::Off) => Ok(None),
        Some(MetricsListen::At(address)) => listen(address, "--metrics-listen").await.map(Some),
        None if arguments.demo => Ok(None),
        None => match TcpListener::bind(METRICS_ADDRESS).await {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => {
                tracing::warn!(
                    "cannot serve metrics on {METRICS_ADDRESS} ({error}); choose another address \
                     with --metrics-listen, or read {url}/metrics with the API key"
                );
                Ok(None)
            }
        },
    }
}
