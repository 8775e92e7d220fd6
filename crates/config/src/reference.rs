//! A secret that AWS keeps. The config holds its ARN.

use abtest_model::Secret;

use crate::store::StoreSettings;

/// Where a secret is kept. A function reads the secret once, when it starts.
///
/// - `arn:…:secretsmanager:REGION:ACCOUNT:secret:NAME`, or with `:MEMBER::` at the end for one
///   member of a secret that is a JSON object, as in ECS;
/// - `arn:…:ssm:REGION:ACCOUNT:parameter/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretReference {
    /// In Secrets Manager.
    SecretsManager {
        /// The secret's ARN.
        arn: String,
        /// The member of the secret's JSON object. If absent: the secret's whole text.
        member: Option<String>,
    },
    /// In Parameter Store, encrypted or not.
    Parameter {
        /// The parameter's ARN.
        arn: String,
    },
}

impl SecretReference {
    /// The reference that a secret's text is, if it is one.
    pub fn of(secret: &Secret) -> Option<Self> {
        let text = secret.expose();
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "secretsmanager", _, _, "secret", name, rest @ ..] if !name.is_empty() => {
                let member = rest.first().filter(|member| !member.is_empty());
                Some(Self::SecretsManager {
                    arn: parts[..7].join(":"),
                    member: member.map(ToString::to_string),
                })
            }
            ["arn", _, "ssm", _, _, name] if name.starts_with("parameter/") => {
                Some(Self::Parameter { arn: text.to_owned() })
            }
            _ => None,
        }
    }

    /// The ARN of the secret or parameter.
    pub fn arn(&self) -> &str {
        match self {
            Self::SecretsManager { arn, .. } | Self::Parameter { arn } => arn,
        }
    }

    /// The region where it is kept.
    pub fn region(&self) -> &str {
        self.arn().split(':').nth(3).unwrap_or_default()
    }

    /// The action that a policy must allow for reading it.
    pub fn action(&self) -> &'static str {
        match self {
            Self::SecretsManager { .. } => "secretsmanager:GetSecretValue",
            Self::Parameter { .. } => "ssm:GetParameter",
        }
    }

    /// The resource that a policy must allow. Secrets Manager adds six characters to a name.
    pub fn resource(&self) -> String {
        match self {
            Self::SecretsManager { arn, .. } if !has_suffix(arn) => format!("{arn}-??????"),
            Self::SecretsManager { arn, .. } | Self::Parameter { arn } => arn.clone(),
        }
    }
}

/// Whether an ARN ends with the six characters that Secrets Manager adds.
fn has_suffix(arn: &str) -> bool {
    arn.rsplit_once('-').is_some_and(|(_, suffix)| {
        suffix.len() == 6 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

impl StoreSettings {
    /// The settings that are references.
    pub fn secret_references(&self) -> Vec<SecretReference> {
        let secrets = [&self.redis.url, &self.redis.password];
        secrets.into_iter().flatten().filter_map(SecretReference::of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> Option<SecretReference> {
        SecretReference::of(&Secret::new(text))
    }

    #[test]
    fn an_arn_is_a_reference_and_a_password_is_not() {
        let plain = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:redis-AbCdEf";
        let found = reference(plain).unwrap();
        assert_eq!((found.arn(), found.region()), (plain, "eu-west-1"));
        assert_eq!(found.resource(), plain);
        let member = reference(&format!("{plain}:password::")).unwrap();
        assert_eq!(
            member,
            SecretReference::SecretsManager { arn: plain.into(), member: Some("password".into()) }
        );
        let parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/abtest/redis";
        assert_eq!(reference(parameter).unwrap().action(), "ssm:GetParameter");
        for password in ["hunter2", "arn:", "arn:aws:s3:::bucket", "a:b:c:d:e:f:g"] {
            assert_eq!(reference(password), None, "{password}");
        }
    }

    #[test]
    fn a_name_without_its_suffix_allows_any_suffix() {
        let found = reference("arn:aws:secretsmanager:eu-west-1:1:secret:redis").unwrap();
        assert_eq!(found.resource(), "arn:aws:secretsmanager:eu-west-1:1:secret:redis-??????");
    }
}
