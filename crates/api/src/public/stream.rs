//! Streams of server-sent events: they tell connected clients about changes.
//!
//! One task per namespace with listeners asks the store once per second whether the namespace has
//! another version, because another process may have changed it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abtest_model::endpoint::{Operation, StreamOperation};
use abtest_model::event::namespace_of;
use abtest_model::{Namespace, Query};
use abtest_store::{Documents, Recorder};
use bytes::Bytes;
use http::Uri;
use tokio::sync::watch;

use super::growthbook::features_of;
use super::published::PublishedNamespaces;
use super::refusals::{NoStream, OtherHash, Refusals};
use super::view::View;
use crate::http::problem::Problem;
use crate::http::query;
use crate::http::router::PathParameters;

/// How often the store is asked.
const BETWEEN_READS: Duration = Duration::from_secs(1);

/// The streams of a process.
#[derive(Debug)]
pub(crate) struct Streams<D> {
    published: Arc<PublishedNamespaces<D>>,
    /// The newest view of each namespace that has listeners.
    channels: Arc<Mutex<HashMap<Namespace, watch::Sender<Arc<View>>>>>,
}

/// The events for one client, without end.
#[derive(Debug)]
pub struct Events {
    kind: StreamOperation,
    receiver: watch::Receiver<Arc<View>>,
    /// The version that was sent last.
    sent: Option<u64>,
}

impl<D: Documents + Recorder> Streams<D> {
    pub(crate) fn new(published: Arc<PublishedNamespaces<D>>) -> Self {
        Self { published, channels: Arc::default() }
    }

    /// The events that a client asks for.
    ///
    /// # Errors
    /// When a parameter breaks a rule, when the namespace cannot be read, or when it has nothing for
    /// such a client.
    pub(crate) async fn open(
        &self,
        kind: StreamOperation,
        path: &PathParameters,
        uri: &Uri,
    ) -> Result<Events, Box<Problem>> {
        let query: Query<'_> = query::parse(uri, Operation::Stream(kind))?;
        let namespace = match kind {
            StreamOperation::Growthbook => path.namespace()?,
            StreamOperation::Config | StreamOperation::Ofrep => namespace_of(&query)?,
        };
        let view = View::of(&*self.published.get(&namespace).await?, &namespace)?;
        if kind == StreamOperation::Growthbook {
            features_of(&view)?;
        }
        Ok(Events { kind, receiver: self.listen(&namespace, view), sent: None })
    }

    fn listen(&self, namespace: &Namespace, view: Arc<View>) -> watch::Receiver<Arc<View>> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = channels.get(namespace) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(view);
        channels.insert(namespace.clone(), sender.clone());
        let (published, channels) = (Arc::clone(&self.published), Arc::clone(&self.channels));
        let namespace = namespace.clone();
        tokio::spawn(async move {
            loop {
                published.changed_within(BETWEEN_READS).await;
                {
                    let mut channels = channels.lock().unwrap_or_else(PoisonError::into_inner);
                    // The lock keeps new listeners out.
                    if sender.receiver_count() == 0 {
                        channels.remove(&namespace);
                        return;
                    }
                }
                let Ok(state) = published.refresh(&namespace).await else { continue };
                let Ok(view) = View::of(&state, &namespace) else { continue };
                sender.send_if_modified(|known| {
                    let is_other = known.version != view.version;
                    *known = view;
                    is_other
                });
            }
        });
        receiver
    }
}

impl Events {
    /// The next event: one at once, and one after each change. `None` if the process stops.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.sent.is_some() {
                self.receiver.changed().await.ok()?;
            }
            let view = Arc::clone(&self.receiver.borrow_and_update());
            if self.sent == Some(view.version) {
                continue;
            }
            self.sent = Some(view.version);
            if let Some(event) = event(self.kind, &view) {
                return Some(event);
            }
        }
    }
}

fn event(kind: StreamOperation, view: &View) -> Option<Bytes> {
    Some(match kind {
        StreamOperation::Config => {
            let version = view.version;
            format!("event: config\nid: {version}\ndata: {{\"version\":{version}}}\n\n").into()
        }
        StreamOperation::Ofrep => Bytes::from_static(b"data: {\"type\":\"refetchEvaluation\"}\n\n"),
        StreamOperation::Growthbook => {
            // Compact JSON has no line ends, so it is one line of data.
            let features = &features_of(view).ok()?.body;
            let parts: [&[u8]; 3] = [b"event: features\ndata: ", features, b"\n\n"];
            parts.concat().into()
        }
    })
}

/// Streams the version of a namespace: at once, and after each change within a second.
#[utoipa::path(
    get, path = "/config/stream", tag = "public",
    description = "Server-sent events, from `abtest serve` only.",
    params(("namespace" = Option<String>, Query, description = "`alephbet` if absent")),
    responses(
        Refusals, NoStream,
        (status = 200, description = "events with the name config and the version",
            body = String, content_type = "text/event-stream"),
    )
)]
#[expect(dead_code, reason = "carries the description of an endpoint that `serve` answers")]
pub(crate) fn config() {}

/// Streams to clients of OpenFeature that they should evaluate again.
#[utoipa::path(
    get, path = "/ofrep/v1/stream", tag = "public",
    description = "Server-sent events, from `abtest serve` only.",
    params(("namespace" = Option<String>, Query, description = "`alephbet` if absent")),
    responses(
        Refusals, NoStream,
        (status = 200, description = "events of the type refetchEvaluation",
            body = String, content_type = "text/event-stream"),
    )
)]
#[expect(dead_code, reason = "carries the description of an endpoint that `serve` answers")]
pub(crate) fn ofrep() {}

/// Streams the features of a namespace to GrowthBook's SDKs.
#[utoipa::path(
    get, path = "/sub/{namespace}", tag = "public",
    description = "Server-sent events, from `abtest serve` only.",
    params(("namespace" = String, Path, description = "the namespace, which is the client key of the SDK")),
    responses(
        Refusals, NoStream, OtherHash,
        (status = 200, description = "events with the name features and what /api/features answers",
            body = String, content_type = "text/event-stream"),
        (status = 400, description = "the namespace breaks a rule", body = Problem,
            content_type = "application/problem+json"),
    )
)]
#[expect(dead_code, reason = "carries the description of an endpoint that `serve` answers")]
pub(crate) fn growthbook() {}
