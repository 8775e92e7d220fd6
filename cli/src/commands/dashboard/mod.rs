//! `abtest dashboard`: the page of `dashboard/` for an API elsewhere, mostly a deployed one.
//!
//! | module | holds |
//! |---|---|
//! | `upstream` | the API that is looked at: its address and its key, and asking it |
//! | `site` | what the loopback port answers, and to whom |
//! | `export` | the page as files for a static host |

mod export;
mod site;
mod upstream;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use abtest_model::Namespace;
use anyhow::{Context, Result};
use tokio::net::TcpListener;

use crate::ExitStatus;
use crate::deployment::{DeploymentArguments, block_on};
use crate::page::server;
use crate::terminal::{bold, dim};
use site::Site;
use upstream::Upstream;

/// The port if none is given and it is free: an address that stays keeps what the browser
/// remembers of it, such as hidden experiments.
const USUAL_PORT: u16 = 8090;

/// Look at your experiments in the browser: who wins, and whether to believe it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest dashboard                                the deployed API of the config
  abtest dashboard --url http://127.0.0.1:8080    a running `abtest serve`
  abtest dashboard --export public                the page as files, for any static host

The page is served on this machine only, and its calls are forwarded with the API key, which no
browser sees. The key is AWS's own of the deployed API; with --url it is taken from ABTEST_API_KEY
or --api-key-file.")]
pub(crate) struct Arguments {
    /// Address of the API, if it is not the deployed one.
    #[arg(long, env = "ABTEST_URL")]
    url: Option<String>,
    /// File that holds the API key, with --url; ABTEST_API_KEY comes before it.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// Namespace that is shown first.
    #[arg(long, default_value = Namespace::DEFAULT)]
    namespace: String,
    /// Port on 127.0.0.1 to serve the page on; 0 takes a free one [default: 8090, or a free one].
    #[arg(long)]
    port: Option<u16>,
    /// Write the page into a folder instead, for a static host; it asks its reader for the key.
    #[arg(long, value_name = "FOLDER")]
    export: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    block_on(start(arguments))
}

async fn start(arguments: &Arguments) -> Result<ExitStatus> {
    let namespace = Namespace::new(arguments.namespace.as_str())?;
    let url = arguments.url.as_deref().filter(|url| !url.is_empty());
    if let Some(folder) = &arguments.export {
        let address = match url {
            Some(url) => upstream::address(url)?,
            None => upstream::deployed_address(&arguments.deployment).await?,
        };
        export::write(folder, &address)?;
        return Ok(ExitStatus::Done);
    }
    let upstream = match url {
        Some(url) => Upstream::at(url, arguments.api_key_file.as_deref())?,
        None => Upstream::deployed(&arguments.deployment).await?,
    };
    let listener = listen(arguments.port).await?;
    let port = listener.local_addr()?.port();
    println!("{}  {}", bold("abtest dashboard"), dim("(stop it with Ctrl-C)"));
    println!("shows  {}", upstream.address());
    let site = Site::new(upstream, &namespace, port);
    println!(
        "page   http://127.0.0.1:{port}/?token={}  {}",
        site.token(),
        dim("(opens once, in one browser)")
    );
    server::run(listener, Arc::new(site)).await;
    Ok(ExitStatus::Done)
}

async fn listen(port: Option<u16>) -> Result<TcpListener> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    match port {
        Some(port) => bind(port).await.with_context(|| {
            format!("cannot listen on port {port}; is it in use? --port 0 takes a free one")
        }),
        None => match bind(USUAL_PORT).await {
            Ok(listener) => Ok(listener),
            Err(_) => bind(0).await.context("no port is free on 127.0.0.1"),
        },
    }
}
