//! Every endpoint, once: its method, its path, what it does, and who may use it.
//!
//! The router of `abtest-api`, the gateway of `abtest deploy` and `abtest serve` are all built from
//! this table. A new endpoint is one line here and one handler in `abtest-api`: the compiler asks
//! for the handler, and a test asks for the description in `/openapi.json`.

use crate::handler::{Method, Program};

/// An endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The method. Where GET works, HEAD works as well.
    pub method: Method,
    /// The path. A part in braces takes any value: `/experiments/{experiment}`.
    pub path: &'static str,
    /// What it does.
    pub operation: Operation,
    /// The function that holds it in a deployment. A stream has no function: only `abtest serve` can
    /// keep a connection open.
    pub program: Option<Program>,
    /// Who may use it.
    pub access: Access,
    /// The parameters that its query string may have. A `*` at the end stands for any text.
    pub parameters: &'static [&'static str],
}

/// Who may use an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Holders of the API key.
    Key,
}

/// What an endpoint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Records events.
    Track(TrackOperation),
    /// Says which unit gets which variant.
    Assign(AssignOperation),
    /// Tells connected clients about changes.
    Stream(StreamOperation),
    /// Something that operators need.
    Operator(OperatorOperation),
}

impl Operation {
    /// A stable name for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Track(operation) => operation.name(),
            Self::Assign(operation) => operation.name(),
            Self::Stream(operation) => operation.name(),
            Self::Operator(operation) => operation.name(),
        }
    }
}

macro_rules! operations {
    ($(#[$about:meta])* $kind:ident { $($(#[$doc:meta])* $operation:ident $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind {
            $($(#[$doc])* $operation,)*
        }

        impl $kind {
            /// A stable name for metrics and logs.
            pub fn name(self) -> &'static str {
                match self { $(Self::$operation => $name,)* }
            }
        }
    };
}

operations! {
    /// What the endpoints that record events do.
    TrackOperation {
        /// Records the event of a query string.
        TrackOne "track",
        /// Records the event or the events of a body.
        TrackMany "track",
    }
}

operations! {
    /// What the endpoints that assign variants do.
    AssignOperation {
        /// The published document of a namespace.
        Config "config",
        /// Assigns a unit in one experiment.
        AssignOne "assign",
        /// Assigns a unit in several experiments.
        AssignMany "assign",
        /// Evaluates one flag, as OpenFeature's remote evaluation protocol has it.
        OfrepFlag "ofrep",
        /// Evaluates all flags, as OpenFeature's remote evaluation protocol has it.
        OfrepFlags "ofrep-bulk",
        /// The features of a namespace, as GrowthBook's SDKs read them.
        GrowthbookFeatures "growthbook-features",
    }
}

operations! {
    /// What the streams tell.
    StreamOperation {
        /// The version of a namespace.
        Config "config-stream",
        /// That OpenFeature's clients should evaluate again.
        Ofrep "ofrep-stream",
        /// The features of a namespace, for GrowthBook's SDKs.
        Growthbook "growthbook-stream",
    }
}

operations! {
    /// What the operator's API does.
    OperatorOperation {
        /// Every experiment's results.
        Results "results",
        /// One experiment's results.
        Result "result",
        /// Deletes an experiment.
        Delete "delete",
        /// Removes a variant from an experiment.
        PruneVariant "prune",
        /// Removes a goal from an experiment.
        PruneGoal "prune",
        /// Lists the namespaces.
        Namespaces "namespaces",
        /// Deletes a namespace.
        DeleteNamespace "delete-namespace",
        /// Takes a look at an experiment.
        TakeLook "look",
        /// Discards all looks at an experiment.
        ResetLooks "reset-looks",
        /// Chooses an experiment's control.
        ChooseControl "control",
        /// Reads an experiment's definition.
        Definition "definition",
        /// Creates or replaces an experiment's definition.
        PutDefinition "put-definition",
        /// Changes members of an experiment's definition.
        PatchDefinition "patch-definition",
        /// Lists the changes of an experiment's definition.
        History "history",
        /// Explains what a unit gets in an experiment.
        Explain "explain",
        /// Carries out the steps of schedules that are due.
        Tick "tick",
        /// Reads the settings of a namespace.
        Settings "settings",
        /// Changes the settings of a namespace.
        PatchSettings "patch-settings",
        /// The JSON Schema of definitions.
        ExperimentSchema "schema",
        /// Deletes an experiment, as Gimel does.
        GimelDelete "delete",
        /// One experiment's goals, as `gimel.experiment` answers. It has no path of its own.
        GimelExperiment "result",
        /// Describes the API.
        OpenApi "openapi",
    }
}

const fn track(
    method: Method,
    operation: TrackOperation,
    parameters: &'static [&'static str],
) -> Endpoint {
    let (program, access) = (Some(Program::Track), Access::Open);
    let operation = Operation::Track(operation);
    Endpoint { method, path: "/track", operation, program, access, parameters }
}

const fn assign(
    method: Method,
    path: &'static str,
    operation: AssignOperation,
    parameters: &'static [&'static str],
) -> Endpoint {
    let (program, access) = (Some(Program::Assign), Access::Open);
    Endpoint { method, path, operation: Operation::Assign(operation), program, access, parameters }
}

const fn stream(
    path: &'static str,
    operation: StreamOperation,
    parameters: &'static [&'static str],
) -> Endpoint {
    let operation = Operation::Stream(operation);
    let (method, access) = (Method::Get, Access::Open);
    Endpoint { method, path, operation, program: None, access, parameters }
}

const fn operator(
    method: Method,
    path: &'static str,
    operation: OperatorOperation,
    parameters: &'static [&'static str],
) -> Endpoint {
    let operation = Operation::Operator(operation);
    let (program, access) = (Some(Program::Experiments), Access::Key);
    Endpoint { method, path, operation, program, access, parameters }
}

/// The parameters of the analysis.
macro_rules! analysis_parameters {
    ($($more:literal),*) => {
        &[
            "namespace", "analysis", "control", "goal", "level", "method", "planned", "looks",
            "correction", "minimum_lift", "power", "memory", $($more),*
        ]
    };
}

/// Every endpoint that has a path of its own.
pub const ENDPOINTS: &[Endpoint] = {
    use Method::{Delete, Get, Patch, Post, Put};
    use OperatorOperation as Operator;
    &[
        track(
            Get,
            TrackOperation::TrackOne,
            &["experiment", "variant", "event", "uuid", "namespace", "allocation", "value", "id"],
        ),
        track(Post, TrackOperation::TrackMany, &["client_key"]),
        assign(Get, "/config", AssignOperation::Config, &["namespace"]),
        assign(
            Get,
            "/assign",
            AssignOperation::AssignOne,
            &["namespace", "experiment", "unit", "variant", "allocation", "track", "attribute.*"],
        ),
        assign(Post, "/assign", AssignOperation::AssignMany, &[]),
        assign(Post, "/ofrep/v1/evaluate/flags/{key}", AssignOperation::OfrepFlag, &["namespace"]),
        // The clients of OpenFeature add two parameters to what they ask for after an event.
        assign(
            Post,
            "/ofrep/v1/evaluate/flags",
            AssignOperation::OfrepFlags,
            &["namespace", "flagConfigEtag", "flagConfigLastModified"],
        ),
        assign(Get, "/api/features/{namespace}", AssignOperation::GrowthbookFeatures, &[]),
        stream("/config/stream", StreamOperation::Config, &["namespace"]),
        stream("/ofrep/v1/stream", StreamOperation::Ofrep, &["namespace"]),
        stream("/sub/{namespace}", StreamOperation::Growthbook, &[]),
        operator(
            Get,
            "/experiments",
            Operator::Results,
            analysis_parameters!["scope", "status", "days", "limit", "cursor"],
        ),
        operator(
            Get,
            "/experiments/{experiment}",
            Operator::Result,
            analysis_parameters!["history"],
        ),
        operator(Delete, "/experiments/{experiment}", Operator::Delete, &["namespace"]),
        operator(
            Delete,
            "/experiments/{experiment}/variants/{variant}",
            Operator::PruneVariant,
            &["namespace"],
        ),
        operator(
            Delete,
            "/experiments/{experiment}/goals/{goal}",
            Operator::PruneGoal,
            &["namespace"],
        ),
        operator(
            Post,
            "/experiments/{experiment}/looks",
            Operator::TakeLook,
            &[
                "namespace",
                "planned",
                "control",
                "goal",
                "level",
                "correction",
                "minimum_lift",
                "power",
                "method",
            ],
        ),
        operator(Delete, "/experiments/{experiment}/looks", Operator::ResetLooks, &["namespace"]),
        operator(
            Put,
            "/experiments/{experiment}/control",
            Operator::ChooseControl,
            &["namespace", "variant"],
        ),
        operator(Get, "/experiments/{experiment}/definition", Operator::Definition, &["namespace"]),
        operator(
            Put,
            "/experiments/{experiment}/definition",
            Operator::PutDefinition,
            &["namespace", "dry_run"],
        ),
        operator(
            Patch,
            "/experiments/{experiment}/definition",
            Operator::PatchDefinition,
            &["namespace", "dry_run"],
        ),
        operator(
            Get,
            "/experiments/{experiment}/history",
            Operator::History,
            &["namespace", "limit", "before"],
        ),
        operator(Get, "/namespaces", Operator::Namespaces, &[]),
        operator(Delete, "/namespaces/{namespace}", Operator::DeleteNamespace, &[]),
        operator(
            Get,
            "/experiments/{experiment}/explain",
            Operator::Explain,
            &["namespace", "unit", "variant", "allocation", "attributes", "attribute.*"],
        ),
        operator(Post, "/tick", Operator::Tick, &["namespace"]),
        operator(Get, "/settings", Operator::Settings, &["namespace"]),
        operator(Patch, "/settings", Operator::PatchSettings, &["namespace"]),
        Endpoint {
            access: Access::Open,
            ..operator(Get, "/schemas/experiment.json", Operator::ExperimentSchema, &[])
        },
        operator(Delete, "/delete", Operator::GimelDelete, &["namespace", "experiment"]),
        Endpoint { access: Access::Open, ..operator(Get, "/openapi.json", Operator::OpenApi, &[]) },
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_endpoints_have_the_same_method_and_path() {
        for (index, one) in ENDPOINTS.iter().enumerate() {
            let same = |other: &&Endpoint| (other.method, other.path) == (one.method, one.path);
            assert!(!ENDPOINTS[..index].iter().any(|other| same(&other)), "{one:?}");
        }
    }

    #[test]
    fn each_program_holds_its_own_operations_only() {
        for endpoint in ENDPOINTS {
            let program = match endpoint.operation {
                Operation::Track(_) => Some(Program::Track),
                Operation::Assign(_) => Some(Program::Assign),
                Operation::Stream(_) => None,
                Operation::Operator(_) => Some(Program::Experiments),
            };
            assert_eq!(endpoint.program, program, "{endpoint:?}");
        }
    }
}
