//! The events of GrowthBook's tracking plugin (`growthbookTrackingPlugin` of @growthbook/growthbook).

use abtest_model::event::{BatchError, MAX_BATCH_EVENTS};
use abtest_model::{Event, Experiment, Goal, InputError, Namespace, Uuid, Variant};
use serde_json::Value;

use crate::http::problem::Problem;

/// The parameter that the plugin sends: the client key, which is a namespace here.
pub(crate) const CLIENT_KEY: &str = "client_key";

/// The plugin's name for an exposure.
const EXPOSURE: &str = "Experiment Viewed";

/// The exposures of a body: an array of events, or one event. Other events of the plugin, such as
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
    if members.get("event_name")? != EXPOSURE {
        return None;
    }
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
            experiment: Experiment::new(text("experimentId")?)?,
            variant: Variant::new(text("variationId")?)?,
            goal: Goal::new(Goal::PARTICIPATE)?,
            uuid: Uuid::new(text("hashValue")?)?,
            // The plugin sends four properties: the experiment, the variation, and the name and value of the attribute
            // that is hashed. None of them can carry the allocation, and a payload cannot add a property.
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
        let many = Value::from(vec![viewed; MAX_BATCH_EVENTS + 1]).to_string();
        assert!(exposures(many.as_bytes(), &Namespace::default()).is_err());
        assert!(exposures(b"[", &Namespace::default()).is_err());
    }
}
