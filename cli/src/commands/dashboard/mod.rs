//! `abtest dashboard`: the page of `dashboard/` for an API elsewhere, usually a deployed one.
//!
//! | module | holds |
//! |---|---|
//! | `upstream` | the API behind the page: its address, its key, and requests to it |
//! | `proxy` | answers requests to the port on this machine |
//! | `export` | the page as files for a static host |

mod export;
mod proxy;
mod upstream;

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use abtest_api::AnswerBody;
use abtest_model::Namespace;
use anyhow::{Context, Result};
use http::Request;
use tokio::net::TcpListener;

use crate::ExitStatus;
use crate::address::{Address, Listen};
use crate::client::{Client, ServerArguments, Target, namespace};
use crate::server::address::TrustedProxies;
use crate::server::limits::Limits;
use crate::server::{NoObserver, Server};
#[cfg(feature = "deploy")]
use crate::servers;
use crate::terminal::{bold, dim};
use proxy::Proxy;
use upstream::Upstream;

/// The default port, if it is free. The browser remembers things per address, such as
/// hidden experiments, so the address should stay the same.
const USUAL_PORT: u16 = 8090;

/// Look at your experiments in the browser: who wins, and whether to believe it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest dashboard                                the `abtest serve` that runs here, else the server of
                                                  `abtest login`, else the deployed API
  abtest dashboard --url http://127.0.0.1:8080    a running `abtest serve`
  abtest dashboard --export public                the page as files, for any static host

The page is served to this machine only. Its requests are forwarded with the API key, so the browser
never sees the key. For the deployed API the key is read from AWS; for --url it is the one in
--api-key-file, else ABTEST_API_KEY, else the one of the running `abtest serve` or of `abtest login`.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    #[cfg(feature = "deploy")]
    #[command(flatten)]
    deployment: crate::deployment::DeploymentArguments,
    /// Namespace to show first.
    #[arg(long, default_value = Namespace::DEFAULT, value_parser = namespace)]
    namespace: String,
    /// Port on 127.0.0.1 for the page; 0 is any free port [default: 8090, or a free one].
    #[arg(long)]
    port: Option<u16>,
    /// Write the page into a folder for a static host. That page asks its reader for the key.
    #[arg(long, value_name = "FOLDER")]
    export: Option<PathBuf>,
    /// With --export: replace files that exist, without asking.
    #[arg(long, requires = "export")]
    yes: bool,
    /// Print where the page is as one line of JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(start(arguments))
}

impl Arguments {
    /// The address of the API.
    async fn address(&self) -> Result<Address> {
        if let Some(address) = self.server.given()? {
            return Ok(address);
        }
        #[cfg(feature = "deploy")]
        if !is_any_known() {
            return deployed::address(&self.deployment).await;
        }
        Ok(crate::client::usual()?.address)
    }

    /// The API with its key. A server that was named or found on this machine must answer and accept
    /// the key. The deployed API's address and key come from AWS itself.
    async fn target(&self, namespace: &Namespace) -> Result<Target> {
        #[cfg(feature = "deploy")]
        if self.server.given()?.is_none() && !is_any_known() {
            return deployed::target(&self.deployment).await;
        }
        let target = self.server.target()?;
        Client::of(target.clone(), namespace.as_str()).check()?;
        Ok(target)
    }
}

/// Whether a server runs here, or was saved by `abtest login`.
#[cfg(feature = "deploy")]
fn is_any_known() -> bool {
    !servers::running().is_empty() || servers::login().is_some()
}

/// The deployed API of the config.
#[cfg(feature = "deploy")]
mod deployed {
    use abtest_model::Role;
    use abtest_wiring::operate::keys;
    use anyhow::{Context, Error, Result};

    use crate::address::Address;
    use crate::client::Target;
    use crate::deployment::{Deployment, DeploymentArguments};

    pub(super) async fn address(arguments: &DeploymentArguments) -> Result<Address> {
        let deployment = Deployment::read(&arguments.config()?).await?;
        deployment.address()?.parse().map_err(Error::msg)
    }

    /// With the newest of its keys.
    pub(super) async fn target(arguments: &DeploymentArguments) -> Result<Target> {
        let deployment = Deployment::read(&arguments.config()?).await?;
        let address = deployment.address()?.parse().map_err(Error::msg)?;
        let keys = keys(&deployment.account, &deployment.found, Role::Edit).await?;
        let key = keys.into_iter().next().context("there is no key; run `abtest deploy`")?;
        Ok(Target { address, key: key.value })
    }
}

async fn start(arguments: &Arguments) -> Result<ExitStatus> {
    let namespace = Namespace::new(arguments.namespace.as_str())?;
    if let Some(folder) = &arguments.export {
        let address = arguments.address().await?;
        if !export::may_be_written(folder, arguments.yes)? {
            return Ok(ExitStatus::Unconfirmed);
        }
        export::write(folder, &address, arguments.json)?;
        return Ok(ExitStatus::Done);
    }
    let target = arguments.target(&namespace).await?;
    let upstream = Upstream::new(target);
    let listener = listen(arguments.port).await?;
    let port = listener.local_addr()?.port();
    let shows = upstream.address().to_owned();
    let role = upstream.role(&namespace).await;
    let proxy = Proxy::new(upstream, &namespace, role, port);
    let page = format!("http://127.0.0.1:{port}/?token={}", proxy.token());
    if arguments.json {
        println!("{}", serde_json::json!({"shows": shows, "page": page}));
    } else {
        println!("{}  {}", bold("abtest dashboard"), dim("(stop it with Ctrl-C)"));
        println!("shows  {shows}");
        println!("page   {page}  {}", dim("(opens once, in one browser)"));
    }
    let proxy = Arc::new(proxy);
    let service = tower::service_fn(move |request: Request<AnswerBody>| {
        let proxy = Arc::clone(&proxy);
        async move { Ok::<_, Infallible>(proxy.answer(request).await) }
    });
    let proxies = TrustedProxies::default();
    Server::new(service, Limits::SMALL, proxies, Arc::new(NoObserver)).run(listener).await;
    Ok(ExitStatus::Done)
}

async fn listen(port: Option<u16>) -> Result<TcpListener> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    match port {
        Some(port) => bind(port).await.map_err(|error| {
            let address = Listen((Ipv4Addr::LOCALHOST, port).into());
            anyhow::anyhow!(address.failure(&error, "--port").replace("127.0.0.1:", "port "))
        }),
        None => match bind(USUAL_PORT).await {
            Ok(listener) => Ok(listener),
            Err(_) => bind(0).await.context("no port is free on 127.0.0.1"),
        },
    }
}
