//! Steps of the functions.

use std::time::Duration;

use aws_sdk_lambda::client::Waiters;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Architecture, Environment, FunctionCode, Runtime};
use tokio::time::{Instant, sleep};

use super::{Applier, ApplyError, Done};
use crate::account::{Call, CallError, Kind, error_chain};
use crate::blueprint::{ALIAS, FunctionBlueprint};
use crate::found::STATEMENT;

/// How long to wait for a change of a function.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long to wait until Lambda can assume a new role.
const ROLE_TIMEOUT: Duration = Duration::from_secs(60);

impl Applier<'_> {
    pub(super) async fn create_function(&self, name: &str) -> Result<(), ApplyError> {
        let wanted = self.function(name)?;
        let state = &wanted.state;
        let create = async || {
            self.account
                .functions
                .create_function()
                .function_name(name)
                .description(self.description())
                .runtime(Runtime::from(state.runtime.as_str()))
                .architectures(Architecture::from(state.architecture.as_str()))
                .handler(&state.handler)
                .memory_size(state.memory)
                .timeout(state.timeout)
                .role(&state.role)
                .environment(environment(wanted))
                .code(FunctionCode::builder().zip_file(zip(wanted)?).build())
                .set_tags(Some(self.blueprint.tags().into()))
                .send()
                .await
                .call("lambda:CreateFunction", name)
        };
        once_the_role_is_known(create).await.done_if(Kind::Conflict)?;
        self.account
            .functions
            .wait_until_function_active_v2()
            .function_name(name)
            .wait(UPDATE_TIMEOUT)
            .await
            .map_err(|error| {
                ApplyError::TooSlow(format!("{name} is not active yet: {}", error_chain(&error)))
            })?;
        Ok(())
    }

    pub(super) async fn update_configuration(&self, name: &str) -> Result<(), ApplyError> {
        let wanted = self.function(name)?;
        let state = &wanted.state;
        let update = async || {
            self.account
                .functions
                .update_function_configuration()
                .function_name(name)
                .description(self.description())
                .runtime(Runtime::from(state.runtime.as_str()))
                .handler(&state.handler)
                .memory_size(state.memory)
                .timeout(state.timeout)
                .role(&state.role)
                .environment(environment(wanted))
                .send()
                .await
                .call("lambda:UpdateFunctionConfiguration", name)
        };
        self.updated(name).await?;
        once_the_role_is_known(update).await?;
        self.updated(name).await
    }

    pub(super) async fn update_code(&self, name: &str) -> Result<(), ApplyError> {
        let wanted = self.function(name)?;
        self.updated(name).await?;
        self.account
            .functions
            .update_function_code()
            .function_name(name)
            .architectures(Architecture::from(wanted.state.architecture.as_str()))
            .zip_file(zip(wanted)?)
            .send()
            .await
            .call("lambda:UpdateFunctionCode", name)?;
        self.updated(name).await
    }

    pub(super) async fn tag_function(&self, name: &str) -> Result<(), ApplyError> {
        let place = &self.blueprint.place;
        let arn = format!(
            "arn:{}:lambda:{}:{}:function:{name}",
            place.partition, place.region, place.account
        );
        let tags = self.blueprint.tags().into();
        let call = self.account.functions.tag_resource().resource(arn).set_tags(Some(tags));
        call.send().await.call("lambda:TagResource", name)?;
        Ok(())
    }

    pub(super) async fn set_concurrency(&self, name: &str) -> Result<(), ApplyError> {
        let client = &self.account.functions;
        match self.function(name)?.reserved_concurrency {
            Some(copies) => {
                let call = client.put_function_concurrency().function_name(name);
                let call = call.reserved_concurrent_executions(copies).send().await;
                call.call("lambda:PutFunctionConcurrency", name)?;
                Ok(())
            }
            None => {
                let call = client.delete_function_concurrency().function_name(name).send().await;
                call.call("lambda:DeleteFunctionConcurrency", name).done_if(Kind::NotFound)
            }
        }
    }

    pub(super) async fn publish(&mut self, name: &str, deploy: u32) -> Result<(), ApplyError> {
        let call = self.account.functions.publish_version().function_name(name);
        let published = call
            .description(format!("deploy {deploy}"))
            .send()
            .await
            .call("lambda:PublishVersion", name)?;
        let version = published.version().and_then(|version| version.parse().ok());
        let missing = || ApplyError::Missing(format!("the new version of {name}"));
        self.published.insert(name.to_owned(), version.ok_or_else(missing)?);
        Ok(())
    }

    pub(super) async fn point_alias(
        &self,
        name: &str,
        version: Option<u64>,
        exists: bool,
    ) -> Result<(), ApplyError> {
        let version = version.or_else(|| self.published.get(name).copied());
        let missing = || ApplyError::Missing(format!("the new version of {name}"));
        let version = version.ok_or_else(missing)?.to_string();
        let client = &self.account.functions;
        if !exists {
            let call = client.create_alias().function_name(name).name(ALIAS);
            let created = call.function_version(&version).send().await;
            match created.call("lambda:CreateAlias", name) {
                Err(error) if error.kind == Kind::Conflict => {}
                created => return Ok(created.map(|_| ())?),
            }
        }
        let call = client.update_alias().function_name(name).name(ALIAS);
        call.function_version(&version).send().await.call("lambda:UpdateAlias", name)?;
        Ok(())
    }

    pub(super) async fn allow_invoke(&self, name: &str, replaces: bool) -> Result<(), ApplyError> {
        let trigger = &self.function(name)?.trigger;
        let Some(service) = trigger.service() else { return Ok(()) };
        let invoker = self.blueprint.invoker(name, trigger, self.api.as_deref());
        let invoker = invoker.ok_or_else(|| ApplyError::Missing("the API".into()))?;
        let client = &self.account.functions;
        if replaces {
            let call = client.remove_permission().function_name(name).qualifier(ALIAS);
            let call = call.statement_id(STATEMENT).send().await;
            call.call("lambda:RemovePermission", name).done_if(Kind::NotFound)?;
        }
        client
            .add_permission()
            .function_name(name)
            .qualifier(ALIAS)
            .statement_id(STATEMENT)
            .action("lambda:InvokeFunction")
            .principal(service)
            .source_arn(invoker)
            .send()
            .await
            .call("lambda:AddPermission", name)
            .done_if(Kind::Conflict)
    }

    /// Deletes a version, or the whole function.
    pub(super) async fn delete_function(
        &self,
        name: &str,
        version: Option<u64>,
    ) -> Result<(), ApplyError> {
        let call = self.account.functions.delete_function().function_name(name);
        let call = call.set_qualifier(version.map(|version| version.to_string()));
        call.send().await.call("lambda:DeleteFunction", name).done_if(Kind::NotFound)
    }

    /// Waits until an update of a function is finished. AWS refuses another update before that.
    async fn updated(&self, name: &str) -> Result<(), ApplyError> {
        self.account
            .functions
            .wait_until_function_updated_v2()
            .function_name(name)
            .wait(UPDATE_TIMEOUT)
            .await
            .map(|_| ())
            .map_err(|error| {
                ApplyError::TooSlow(format!(
                    "{name} is still being changed: {}",
                    error_chain(&error)
                ))
            })
    }

    pub(super) fn function(&self, name: &str) -> Result<&FunctionBlueprint, ApplyError> {
        let missing = || ApplyError::Missing(format!("the function {name}"));
        self.blueprint.functions.get(name).ok_or_else(missing)
    }

    fn description(&self) -> String {
        format!("abtest ({})", self.blueprint.name)
    }
}

fn environment(wanted: &FunctionBlueprint) -> Environment {
    let variables = wanted.state.environment.iter();
    let variables = variables.map(|(name, value)| (name.clone(), value.expose().to_owned()));
    Environment::builder().set_variables(Some(variables.collect())).build()
}

fn zip(wanted: &FunctionBlueprint) -> Result<Blob, CallError> {
    let artifact = wanted.artifact.as_ref().ok_or_else(|| CallError {
        operation: "lambda:UpdateFunctionCode",
        about: wanted.state.handler.clone(),
        kind: Kind::Refused,
        message: "there is no code; run `abtest build`".into(),
    })?;
    Ok(Blob::new(artifact.zip.to_vec()))
}

/// Repeats a call while Lambda cannot assume the role yet: a new role takes some seconds.
async fn once_the_role_is_known<T>(
    mut call: impl AsyncFnMut() -> Result<T, CallError>,
) -> Result<T, CallError> {
    let start = Instant::now();
    loop {
        match call().await {
            Err(error)
                if error.kind == Kind::Refused
                    && error.message.contains("role")
                    && error.message.contains("assumed")
                    && start.elapsed() < ROLE_TIMEOUT =>
            {
                sleep(Duration::from_secs(2)).await;
            }
            answer => return answer,
        }
    }
}
