//! The rules for entries of `extra_wiring`.

use abtest_model::{Handler, Method};

use crate::Wiring;

/// What is wrong with the wiring. It is found before AWS is called.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum WiringError {
    #[error(
        "extra_wiring: pathPart `{0}` is not a path; use letters, digits and ._-: with slashes between them"
    )]
    Path(String),
    #[error("extra_wiring: {method} {path} leads to both {first} and {second}; remove one")]
    Clash { method: Method, path: String, first: String, second: String },
    #[error(
        "extra_wiring: {first} and {second} cannot both exist; give their variable parts the same name"
    )]
    Variables { first: String, second: String },
    #[error(
        "extra_wiring: {handler} does not answer {method} at /{path}; it answers {}",
        .handler.methods().map(|method| method.to_string()).collect::<Vec<_>>().join(" and ")
    )]
    WrongMethod { handler: Handler, method: Method, path: String },
    #[error(
        "extra_wiring: the function {name} is described in two ways ({first} and {second}); \
         give both entries the same Handler, MemorySize and Timeout"
    )]
    Disagreement { name: String, first: String, second: String },
    #[error(
        "extra_wiring: {handler} at /{path} can delete experiments; set apiKeyRequired to true"
    )]
    Open { handler: Handler, path: String },
    #[error(
        "extra_wiring: FunctionName `{0}` is not a function's name; use 1 to 64 letters, digits, \
         hyphens and underscores"
    )]
    FunctionName(String),
    #[error(
        "extra_wiring: the function {name} is built in as {built_in}, but the entry has the Handler \
         {handler}; choose another FunctionName"
    )]
    BuiltIn { name: String, built_in: Handler, handler: Handler },
    #[error("extra_wiring: {name} has the {what} {value}; {rule}")]
    Size { name: String, what: &'static str, value: u32, rule: &'static str },
}

/// Checks the rules for an entry of `extra_wiring`.
pub(super) fn check(wiring: &Wiring) -> Result<(), WiringError> {
    let function = &wiring.lambda;
    let (name, handler) = (&function.function_name, function.handler);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(known) {
        return Err(WiringError::FunctionName(name.clone()));
    }
    let size = |what, value, rule| WiringError::Size { name: name.clone(), what, value, rule };
    if !(128..=10_240).contains(&function.memory_size) {
        let rule = "Lambda allows 128 to 10240 MiB";
        return Err(size("MemorySize", function.memory_size, rule));
    }
    if !(1..=900).contains(&function.timeout) {
        return Err(size("Timeout", function.timeout, "Lambda allows 1 to 900 seconds"));
    }
    let endpoint = &wiring.api_gateway;
    let path = || endpoint.path_part.trim_matches('/').to_owned();
    let method = endpoint.method.http_method;
    if !handler.methods().any(|answered| answered == method) {
        return Err(WiringError::WrongMethod { handler, method, path: path() });
    }
    // Results may be public on purpose, as with Gimel. Deleting may not be.
    let deletes = handler == Handler::Experiments || method == Method::Delete;
    if deletes && !endpoint.method.api_key_required {
        return Err(WiringError::Open { handler, path: path() });
    }
    Ok(())
}
