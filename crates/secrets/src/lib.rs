//! Secrets that the config names by their ARN: read from Secrets Manager or Parameter Store, once,
//! when a process starts.
//!
//! One signed request a secret, without AWS's large clients: a function pays for what it has in
//! its zip at every cold start, and these two calls are all that it needs.

mod request;

use std::time::Duration;

use abtest_config::{SecretReference, StoreSettings};
use abtest_model::Secret;
use serde_json::Value;

pub use request::Credentials;

/// How long AWS may take to answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// Why a secret could not be read. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is nothing to sign with.
    #[error(
        "{arn} cannot be read without AWS credentials; run `aws configure`, or set AWS_PROFILE"
    )]
    NoCredentials {
        /// The secret.
        arn: String,
    },
    /// The request could not be made or got no answer.
    #[error("{arn} cannot be read: {problem}; check the network and the region in the ARN")]
    Unreachable {
        /// The secret.
        arn: String,
        /// What is wrong.
        problem: String,
    },
    /// AWS refused.
    #[error("{arn} cannot be read: {answer}; check the ARN, and that its policy allows {action}")]
    Refused {
        /// The secret.
        arn: String,
        /// What AWS says.
        answer: String,
        /// What must be allowed.
        action: &'static str,
    },
    /// The secret is not what the reference says.
    #[error("{arn} holds no text{}; {help}", .member.as_ref().map(|name| format!(" called `{name}`")).unwrap_or_default())]
    Shape {
        /// The secret.
        arn: String,
        /// The member of it that was asked for.
        member: Option<String>,
        /// What to do.
        help: &'static str,
    },
}

/// Puts the secrets themselves in the place of the config's references. Asks for credentials only
/// where there is a reference.
///
/// # Errors
/// When one cannot be read.
pub async fn resolve(
    settings: &mut StoreSettings,
    credentials: impl AsyncFnOnce() -> Option<Credentials>,
) -> Result<(), SecretError> {
    let Some(first) = settings.secret_references().into_iter().next() else { return Ok(()) };
    let missing = || SecretError::NoCredentials { arn: first.arn().to_owned() };
    let credentials = credentials().await.ok_or_else(missing)?;
    for secret in [&mut settings.redis.url, &mut settings.redis.password].into_iter().flatten() {
        if let Some(reference) = SecretReference::of(secret) {
            *secret = read(&reference, &credentials).await?;
        }
    }
    Ok(())
}

async fn read(
    reference: &SecretReference,
    credentials: &Credentials,
) -> Result<Secret, SecretError> {
    let call = request::call(reference, credentials);
    let unreachable =
        |problem: String| SecretError::Unreachable { arn: reference.arn().to_owned(), problem };
    let answer = tokio::time::timeout(LONGEST_ANSWER, call)
        .await
        .map_err(|_| unreachable(format!("no answer within {} s", LONGEST_ANSWER.as_secs())))?;
    let (status, body) = answer.map_err(unreachable)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !status.is_success() {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let kind = text("__type");
        let kind = kind.rsplit('#').next().unwrap_or_default();
        let said = format!("{}{}", text("message"), text("Message"));
        return Err(SecretError::Refused {
            arn: reference.arn().to_owned(),
            answer: format!("{} {kind} {said}", status.as_u16()).trim_end().to_owned(),
            action: reference.action(),
        });
    }
    text_of(reference, &body)
}

/// The secret in an answer.
fn text_of(reference: &SecretReference, answer: &Value) -> Result<Secret, SecretError> {
    let shape = |member: Option<&String>, help| SecretError::Shape {
        arn: reference.arn().to_owned(),
        member: member.cloned(),
        help,
    };
    match reference {
        SecretReference::Parameter { .. } => {
            let text = answer["Parameter"]["Value"].as_str();
            text.map(Secret::new).ok_or_else(|| shape(None, "set the parameter's value"))
        }
        SecretReference::SecretsManager { member, .. } => {
            let text = answer["SecretString"].as_str();
            let text = text.ok_or_else(|| shape(None, "store it as text, not as bytes"))?;
            let Some(name) = member else { return Ok(Secret::new(text)) };
            let object: Value = serde_json::from_str(text).unwrap_or_default();
            let help = "name a member of the JSON object that the secret is: ARN:MEMBER::";
            object[name].as_str().map(Secret::new).ok_or_else(|| shape(Some(name), help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reference(text: &str) -> SecretReference {
        SecretReference::of(&Secret::new(text)).unwrap()
    }

    #[test]
    fn a_secret_is_its_text_or_a_member_of_its_object() {
        let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:redis";
        let answer = json!({"SecretString": "{\"password\": \"hush\"}"});
        let whole = text_of(&reference(arn), &answer).unwrap();
        assert_eq!(whole.expose(), "{\"password\": \"hush\"}");
        let member = reference(&format!("{arn}:password::"));
        assert_eq!(text_of(&member, &answer).unwrap().expose(), "hush");
        let error = text_of(&reference(&format!("{arn}:user::")), &answer).unwrap_err().to_string();
        assert!(error.contains("called `user`") && !error.contains("hush"), "{error}");
    }

    #[tokio::test]
    async fn without_a_reference_nobody_is_asked() {
        let mut settings = StoreSettings::default();
        settings.redis.password = Some(Secret::new("hush"));
        let expected = settings.clone();
        resolve(&mut settings, async || panic!("not needed")).await.unwrap();
        assert_eq!(settings, expected);
    }

    #[tokio::test]
    async fn without_credentials_the_error_says_which_secret() {
        let mut settings = StoreSettings::default();
        let arn = "arn:aws:ssm:eu-west-1:1:parameter/redis";
        settings.redis.password = Some(Secret::new(arn));
        let error = resolve(&mut settings, async || None).await.unwrap_err().to_string();
        assert!(error.contains(arn), "{error}");
    }
}
