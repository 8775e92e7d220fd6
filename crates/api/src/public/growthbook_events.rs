//! The events of the tracking plugins of GrowthBook's SDKs for JavaScript (`growthbookTrackingPlugin`) and Python
//! (`growthbook_tracking_plugin`).

use abtest_model::event::{BatchError, MAX_BATCH_EVENTS};
use abtest_model::{Event, Experiment, Goal, InputError, Namespace, Uuid, Variant};
use serde_json::Value;

use crate::http::problem::Problem;

/// The parameter that the plugin sends: the client key, which is a namespace here.
pub(crate) const CLIENT_KEY: &str = "client_key";

/// How an SDK names an exposure and its properties.
struct Names {
    event: &'static str,
    experiment: &'static str,
    /// The `key` in the `meta` of the variation, which is the variant.
    variant: &'static str,
    /// The value of the attribute that is hashed, which is the unit.
    unit: &'static str,
}

/// @growthbook/growthbook 1.8.0 and PyPI's growthbook 4.0.0.
const SDKS: [Names; 2] = [
    Names {
        event: "Experiment Viewed",
        experiment: "experimentId",
        variant: "variationId",
        unit: "hashValue",
    },
    Names {
        event: "$$experiment_viewed",
        experiment: "experiment_id",
        variant: "variation_key",
        unit: "hash_value",
    },
];

/// The exposures of a body: an array of events, or one event. Other events of the plugins, such as
/// `Feature Evaluated`, are ignored.
pub(crate) fn exposures(
    body: &[u8],
    namespace: &Namespace,
) -> Result<Vec<Result<Event, InputError>>, Box<Problem>> {
    let sent: Value = serde_json::from_slice(body).map_err(BatchError::InvalidJson)?;
    let sent = match sent {
        Value::Array(events) => events,
        one => vec![one],
    };
    if sent.len() > MAX_BATCH_EVENTS {
        return Err(BatchError::TooMany { count: sent.len() }.into());
    }
    Ok(sent.iter().filter_map(|event| exposure(event, namespace)).collect())
}

fn exposure(event: &Value, namespace: &Namespace) -> Option<Result<Event, InputError>> {
    let Some(members) = event.as_object() else {
        return Some(Err(InputError::NotAnObject { found: "another value" }));
    };
    let name = members.get("event_name")?;
    let names = SDKS.iter().find(|names| name == names.event)?;
    let properties = members.get("properties_json");
    let text = |parameter: &'static str| match properties.and_then(|all| all.get(parameter)) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(_) => Err(InputError::NotAString { parameter, found: "another value" }),
        None => Err(InputError::Missing { parameter }),
    };
    let read = || {
        Ok(Event {
            namespace: namespace.clone(),
            experiment: Experiment::new(text(names.experiment)?)?,
            variant: Variant::new(text(names.variant)?)?,
            goal: Goal::new(Goal::PARTICIPATE)?,
            uuid: Uuid::new(text(names.unit)?)?,
            // No property of the plugins can carry the allocation: they send the experiment, the variation and the
            // hashed attribute, and our payload cannot add more.
            allocation: None,
            value: None,
            id: None,
        })
    };
    Some(read())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_exposure_is_a_participation_and_other_events_are_ignored() {
        let viewed = json!({"event_name": "Experiment Viewed", "sdk_language": "js",
            "properties_json": {"experimentId": "button", "variationId": "green",
                "hashAttribute": "id", "hashValue": "visitor-1"}});
        let used = json!({"event_name": "Feature Evaluated", "properties_json": {"feature": "x"}});
        let broken = json!({"event_name": "Experiment Viewed", "properties_json": {}});
        let body = json!([viewed, used, broken, 5]).to_string();
        let found = exposures(body.as_bytes(), &Namespace::new("shop").unwrap()).unwrap();
        assert_eq!(found.len(), 3);
        let event = found[0].as_ref().unwrap();
        assert_eq!((event.namespace.as_str(), event.experiment.as_str()), ("shop", "button"));
        assert_eq!((event.variant.as_str(), event.uuid.as_str()), ("green", "visitor-1"));
        assert!(event.goal.is_participation());
        assert_eq!(found[1], Err(InputError::Missing { parameter: "experimentId" }));
        assert!(matches!(found[2], Err(InputError::NotAnObject { .. })));
        let python = json!({"event_name": "$$experiment_viewed", "sdk_language": "python",
            "properties_json": {"experiment_id": "button", "variation_id": 1,
                "variation_key": "green", "in_experiment": true, "hash_attribute": "id",
                "hash_value": "visitor-1"}});
        let body = json!([python, {"event_name": "$$feature_evaluated"}]).to_string();
        let same = exposures(body.as_bytes(), &Namespace::new("shop").unwrap()).unwrap();
        assert_eq!(same, found[..1]);
        let many = Value::from(vec![viewed; MAX_BATCH_EVENTS + 1]).to_string();
        assert!(exposures(many.as_bytes(), &Namespace::default()).is_err());
        assert!(exposures(b"[", &Namespace::default()).is_err());
    }
}
