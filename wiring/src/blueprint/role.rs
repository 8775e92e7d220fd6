//! The role of a function: its name, who may assume it, and what it allows.

use abtest_config::SecretReference;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Trigger;
use crate::account::Place;

/// The longest name that IAM accepts for a role.
const LONGEST_NAME: usize = 64;

/// A role that Lambda assumes for one function.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleBlueprint {
    /// Its name.
    pub name: String,
    /// The trust policy: who may assume the role.
    pub trust: Value,
    /// What the role allows.
    pub policy: Value,
}

impl RoleBlueprint {
    /// The role of a function: it may write to the function's own log group, read the secrets
    /// that the config names, and read from the queue that triggers the function.
    pub(super) fn new(
        place: &Place,
        function: &str,
        trigger: &Trigger,
        secrets: &[SecretReference],
    ) -> Self {
        let Place { partition, region, account } = place;
        let logs =
            format!("arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{function}:*");
        let mut statements =
            vec![allow(&json!(["logs:CreateLogStream", "logs:PutLogEvents"]), &logs)];
        for secret in secrets {
            statements.push(allow(&json!(secret.action()), &secret.resource()));
        }
        if let Trigger::Queue { arn } = trigger {
            let read = json!(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]);
            statements.push(allow(&read, arn));
        }
        Self {
            name: role_name(function, region),
            trust: trust(),
            policy: json!({"Version": "2012-10-17", "Statement": statements}),
        }
    }
}

/// The name of a function's role. IAM is global, so the name contains the region.
pub(crate) fn role_name(function: &str, region: &str) -> String {
    let name = format!("{function}-{region}");
    if name.len() <= LONGEST_NAME {
        return name;
    }
    // The digest keeps two shortened names apart.
    let digest = Sha256::digest(function.as_bytes());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let kept = LONGEST_NAME.saturating_sub(region.len() + digest.len() + 2);
    let start: String = function.chars().take(kept).collect();
    format!("{start}-{digest}-{region}")
}

pub(super) fn role_arn(place: &Place, role: &str) -> String {
    format!("arn:{}:iam::{}:role/{role}", place.partition, place.account)
}

fn allow(actions: &Value, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { partition: "aws".into(), region: "eu-west-1".into(), account: "1".into() }
    }

    #[test]
    fn a_role_name_fits_into_iam_and_stays_unique() {
        assert_eq!(role_name("abtest-track", "eu-west-1"), "abtest-track-eu-west-1");
        let long = |end: &str| role_name(&format!("{}{end}", "f".repeat(62)), "ap-southeast-1");
        assert_eq!(long("-a").len(), LONGEST_NAME);
        assert!(long("-a").ends_with("-ap-southeast-1"));
        assert_ne!(long("-a"), long("-b"));
    }

    #[test]
    fn a_role_allows_only_its_own_logs_secrets_and_queue() {
        let allowed = |trigger: &Trigger, secrets: &[SecretReference]| -> Vec<String> {
            let role = RoleBlueprint::new(&place(), "f", trigger, secrets);
            let statements = role.policy["Statement"].as_array().unwrap().clone();
            statements.iter().map(|one| one["Resource"].as_str().unwrap().to_owned()).collect()
        };
        let logs = "arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/f:*";
        assert_eq!(allowed(&Trigger::Http, &[]), [logs]);
        assert_eq!(allowed(&Trigger::Schedule, &[]), [logs]);
        let queue = "arn:aws:sqs:eu-west-1:1:events";
        assert_eq!(allowed(&Trigger::Queue { arn: queue.into() }, &[]), [logs, queue]);
        let arn = "arn:aws:ssm:eu-west-1:1:parameter/redis".to_owned();
        let secret = SecretReference::Parameter { arn: arn.clone() };
        assert_eq!(allowed(&Trigger::Http, &[secret]), [logs.to_owned(), arn]);
    }
}
