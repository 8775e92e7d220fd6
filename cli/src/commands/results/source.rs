//! Where the counts are: behind a running abtest, or in a store that this process reads itself,
//! through the same API, so that the answer is the same.

use std::sync::Arc;

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi, RequestSummary};
use abtest_store::Store;
use abtest_store::embedded::EmbeddedStore;
use abtest_store::redis::RedisStore;
use anyhow::{Result, bail};
use http_body_util::{BodyExt, Empty};
use tokio::runtime::Runtime;

use super::StoreArguments;
use crate::client::{Client, ClientArguments, path_of, query};
use crate::stores;

/// Something that answers as the API does.
pub(super) enum Source {
    Server(Client),
    Redis(InProcess<RedisStore>),
    Folder(InProcess<EmbeddedStore>),
}

impl Source {
    pub(super) fn open(client: &ClientArguments, store: &StoreArguments) -> Result<Self> {
        let namespace = client.namespace.clone();
        if let Some(url) = &store.redis {
            let runtime = stores::runtime()?;
            let store = stores::redis(&runtime, url, store.config.as_deref())?;
            return Ok(Self::Redis(InProcess::new(store, runtime, namespace)));
        }
        if let Some(folder) = &store.data {
            let store = stores::folder(folder)?;
            return Ok(Self::Folder(InProcess::new(store, stores::runtime()?, namespace)));
        }
        Ok(Self::Server(Client::new(client)?))
    }

    /// The API's answer about one experiment or all; none where there is no such experiment.
    pub(super) fn read(
        &self,
        experiment: Option<&str>,
        parameters: &[(&str, String)],
    ) -> Result<Option<String>> {
        let path = experiment.map_or_else(|| "/experiments".to_owned(), path_of);
        match self {
            Self::Server(client) => client.get(&path, parameters),
            Self::Redis(api) => api.call("GET", &path, parameters),
            Self::Folder(api) => api.call("GET", &path, parameters),
        }
    }

    /// Takes a look, and gives the API's answer; none where there is no such experiment.
    pub(super) fn take_look(
        &self,
        experiment: &str,
        parameters: &[(&str, String)],
    ) -> Result<Option<String>> {
        let path = path_of(experiment) + "/looks";
        match self {
            Self::Server(client) => client.post(&path, parameters),
            Self::Redis(api) => api.call("POST", &path, parameters),
            Self::Folder(api) => api.call("POST", &path, parameters),
        }
    }
}

/// The API in this process.
pub(super) struct InProcess<S> {
    api: OperatorApi<S>,
    runtime: Runtime,
    namespace: String,
}

impl<S: Store> InProcess<S> {
    fn new(store: S, runtime: Runtime, namespace: String) -> Self {
        let api = OperatorApi::new(Arc::new(store), ApiKeys::default());
        Self { api, runtime, namespace }
    }

    fn call(
        &self,
        method: &str,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<Option<String>> {
        // Whoever can open the store needs no key.
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{path}?{}", query(&self.namespace, parameters)))
            .extension(CheckedByGateway)
            .body(Empty::<bytes::Bytes>::new())?;
        let (status, failure, body) = self.runtime.block_on(async {
            let answer = self.api.answer(request).await;
            let status = answer.status().as_u16();
            let summary = answer.extensions().get::<RequestSummary>();
            let failure = summary.and_then(|summary| summary.error.clone());
            match answer.into_body().collect().await {
                Ok(body) => (status, failure, body.to_bytes()),
                Err(impossible) => match impossible {},
            }
        });
        // The store is this process's own, so the reason is for its user.
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        let text = String::from_utf8(body.into())?;
        match status {
            200 => Ok(Some(text)),
            404 => Ok(None),
            _ => {
                let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                bail!("{}", problem["detail"].as_str().unwrap_or("the store cannot be read"))
            }
        }
    }
}
