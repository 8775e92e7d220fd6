//! Where the counts are: behind a running abtest, or in a store that this process reads itself. Both
//! go through the same API, so the answer is the same.

use std::sync::Arc;

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi, RequestSummary};
use abtest_store::Store;
use abtest_store::embedded::EmbeddedStore;
use abtest_store::redis::RedisStore;
use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Empty};
use serde::Deserialize;
use serde_json::value::RawValue;
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

    /// The API's answer about one experiment; `None` if there is no such experiment.
    pub(super) fn read(
        &self,
        experiment: &str,
        parameters: &[(&str, String)],
    ) -> Result<Option<String>> {
        self.call("GET", &path_of(experiment), parameters)
    }

    /// All experiments, each as JSON. Reads page by page, so that no answer gets too large.
    pub(super) fn list(
        &self,
        detail: Detail,
        parameters: &[(&str, String)],
    ) -> Result<Vec<String>> {
        Ok(self.pages(detail, parameters)?.1)
    }

    /// All experiments with their analysis, as one JSON array like the API's.
    pub(super) fn list_text(&self, parameters: &[(&str, String)]) -> Result<String> {
        let (head, experiments) = self.pages(Detail::Full, parameters)?;
        let elements: Vec<String> = std::iter::once(head).chain(experiments).collect();
        Ok(format!("[{}]", elements.join(",")))
    }

    /// The first element of the API's array, and the experiments.
    fn pages(
        &self,
        detail: Detail,
        parameters: &[(&str, String)],
    ) -> Result<(String, Vec<String>)> {
        let mut first_head = None;
        let mut experiments: Vec<String> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut parameters = parameters.to_vec();
            parameters.push(("analysis", detail.name().to_owned()));
            parameters.push(("limit", detail.page_size().to_string()));
            parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let text = self.call("GET", "/experiments", &parameters)?.context("no list")?;
            let page: Vec<Box<RawValue>> = serde_json::from_str(&text)?;
            let mut elements = page.iter().map(|element| element.get().to_owned());
            let head = elements.next().context("the list has no first element")?;
            first_head.get_or_insert(head);
            let before = experiments.len();
            experiments.extend(elements);
            if experiments.len() - before < detail.page_size() {
                return Ok((first_head.unwrap_or_default(), experiments));
            }
            let last = experiments.last().map(|last| serde_json::from_str::<Named>(last));
            cursor = last.transpose()?.map(|named| named.experiment);
        }
    }

    /// Takes a look. Returns the API's answer; `None` if there is no such experiment.
    pub(super) fn take_look(
        &self,
        experiment: &str,
        parameters: &[(&str, String)],
    ) -> Result<Option<String>> {
        self.call("POST", &(path_of(experiment) + "/looks"), parameters)
    }

    /// Discards all looks. Returns the API's answer; `None` if there is no such experiment.
    pub(super) fn reset_looks(&self, experiment: &str) -> Result<Option<String>> {
        self.call("DELETE", &(path_of(experiment) + "/looks"), &[])
    }

    fn call(
        &self,
        method: &str,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<Option<String>> {
        match self {
            Self::Server(client) => client.call(method, path, parameters),
            Self::Redis(api) => api.call(method, path, parameters),
            Self::Folder(api) => api.call(method, path, parameters),
        }
    }
}

/// How much of each experiment a list has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Detail {
    /// The counts and the verdict.
    Summary,
    /// The whole analysis.
    Full,
}

impl Detail {
    fn name(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Full => "full",
        }
    }

    /// Experiments per answer, so that an answer stays well below Lambda's 6 MB.
    fn page_size(self) -> usize {
        match self {
            Self::Summary => 1_000,
            Self::Full => 100,
        }
    }
}

/// The name of an experiment: the cursor of the next page.
#[derive(Deserialize)]
struct Named {
    experiment: String,
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
        // A process that can open the store needs no key.
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
