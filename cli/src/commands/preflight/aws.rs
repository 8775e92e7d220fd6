//! Checks of the AWS account.

use abtest_config::Config;
use abtest_wiring::account::{Account, AccountError, Settings};
use abtest_wiring::blueprint::Blueprint;
use abtest_wiring::found::Found;
use abtest_wiring::permissions::{ACTIONS, denied};

use super::Check;

pub(super) async fn checks(
    config: &Config,
    settings: Result<&Settings, &AccountError>,
) -> Vec<Check> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => return vec![Check::error("region", error)],
    };
    let mut checks = vec![Check::passed("region", settings.region())];
    match Account::connect(settings).await {
        Ok(account) => {
            checks.push(Check::passed("credentials", account.caller.clone()));
            checks.extend(permissions(config, &account).await);
        }
        Err(error) => checks.push(Check::error("credentials", &error)),
    }
    checks
}

/// Asks IAM what the caller may do. If that is not allowed, tries to read what deploy reads.
async fn permissions(config: &Config, account: &Account) -> Option<Check> {
    const NAME: &str = "permissions";
    match denied(account).await {
        Ok(denied) if denied.is_empty() => {
            return Some(Check::passed(NAME, format!("all {} that deploy uses", ACTIONS.len())));
        }
        Ok(denied) => {
            let found = format!("not allowed: {}", denied.join(", "));
            let next = "get a policy that allows them; docs/deploy.md lists all that deploy uses";
            return Some(Check::failed_with(NAME, found, next));
        }
        Err(_) => {}
    }
    let blueprint = Blueprint::new(config, &account.place, None).ok()?;
    Some(match Found::read(account, &blueprint).await {
        Ok(_) => Check::warned(
            NAME,
            "deploy can read everything; whether it can change everything is not known",
            "run `abtest deploy`; if it stops, get the permission that it names and run it again",
        ),
        Err(error) => Check::error(NAME, &error),
    })
}
