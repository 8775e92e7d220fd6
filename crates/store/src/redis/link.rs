//! One server, or the nodes of a Redis Cluster, behind one type.

use futures_util::future::try_join_all;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisFuture, RedisResult, Value};

/// What makes connections.
pub(super) struct Links {
    /// Host and port of the server, or of the node that names the others.
    pub(super) address: String,
    pub(super) client: LinkClient,
}

/// The client library's own client.
pub(super) enum LinkClient {
    Server(Box<Client>),
    Cluster(Box<ClusterClient>),
}

impl Links {
    /// Connects. The caller sets the time limit, so that it covers name resolution and TLS.
    pub(super) async fn connect(&self) -> RedisResult<Link> {
        match &self.client {
            LinkClient::Server(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(None)
                    .set_response_timeout(None);
                let connection =
                    client.get_multiplexed_async_connection_with_config(&config).await?;
                Ok(Link::Server(connection))
            }
            LinkClient::Cluster(client) => Ok(Link::Cluster(client.get_async_connection().await?)),
        }
    }
}

/// A live connection, shared by cloning.
#[derive(Clone)]
pub(super) enum Link {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    /// On a cluster each command goes to its own node: a cluster's pipeline is for one slot only.
    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => {
                let each = pipeline.cmd_iter().map(|command| {
                    let mut connection = connection.clone();
                    async move { connection.req_packed_command(command).await }
                });
                Box::pin(try_join_all(each))
            }
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
