//! OpenFeature's Rust SDK with its OFREP provider. Prints what the SDK tells an application, as JSON.
//!
//! usage: openfeature-rust BASE_URL

use open_feature::{
    EvaluationContext, EvaluationDetails, EvaluationResult, OpenFeature, StructValue,
    Value as FlagValue,
};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let base_url = std::env::args().nth(1).expect("usage: openfeature-rust BASE_URL");
    let options = OfrepOptions { base_url, ..OfrepOptions::default() };
    let provider = OfrepProvider::new(options).await.expect("the address is a URL");
    OpenFeature::singleton_mut().await.set_provider(provider).await;
    let client = OpenFeature::singleton().await.create_client();
    let unit = EvaluationContext::default().with_targeting_key("qa");
    let nobody = EvaluationContext::default();
    let told = json!({
        "truth": shown(client.get_bool_details("truth", Some(&unit), None).await, |value| json!(value)),
        "text": shown(client.get_string_details("text", Some(&unit), None).await, |value| json!(value)),
        "number": shown(client.get_float_details("number", Some(&unit), None).await, |value| json!(value)),
        "whole": shown(client.get_int_details("whole", Some(&unit), None).await, |value| json!(value)),
        "object": shown(client.get_struct_details("object", Some(&unit), None).await, |value: Fields| value.0),
        "unknown": shown(client.get_string_details("no-such-flag", Some(&unit), None).await, |value| json!(value)),
        "nobody": shown(client.get_string_details("text", Some(&nobody), None).await, |value| json!(value)),
    });
    println!("{told}");
}

/// The texts of an object.
struct Fields(Value);

impl TryFrom<StructValue> for Fields {
    type Error = String;

    fn try_from(value: StructValue) -> Result<Self, Self::Error> {
        let fields = value.fields.into_iter();
        let texts = fields.map(|(name, value)| match value {
            FlagValue::String(text) => Ok((name, Value::String(text))),
            other => Err(format!("{name} is not a text: {other:?}")),
        });
        Ok(Self(Value::Object(texts.collect::<Result<_, _>>()?)))
    }
}

fn shown<T>(details: EvaluationResult<EvaluationDetails<T>>, json: impl Fn(T) -> Value) -> Value {
    match details {
        Ok(details) => json!({"value": json(details.value), "variant": details.variant}),
        Err(error) => json!({"errorCode": error.code.to_string()}),
    }
}
