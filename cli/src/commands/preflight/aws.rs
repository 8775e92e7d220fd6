//! Checks of the AWS account.

use abtest_model::Config;
use abtest_wiring::account::{self, Account};
use abtest_wiring::blueprint::Blueprint;
use abtest_wiring::found::Found;
use abtest_wiring::permissions::{ACTIONS, denied};

use super::Check;

pub(super) async fn checks(config: &Config) -> Vec<Check> {
    let settings = match account::settings(config.aws.region.as_deref()).await {
        Ok(settings) => settings,
        Err(error) => return vec![Check::error("region", &error)],
    };
    let region = settings.region().map(ToString::to_string).unwrap_or_default();
    let mut checks = vec![Check::passed("region", region)];
    match Account::connect(&settings).await {
        Ok(account) => {
            checks.push(Check::passed("credentials", account.caller.clone()));
            checks.extend(permissions(config, &account).await);
        }
        Err(error) => checks.push(Check::error("credentials", &error)),
    }
    checks
}

/// What IAM says the caller may do; and what reading shows that it may.
async fn permissions(config: &Config, account: &Account) -> Option<Check> {
    const NAME: &str = "permissions";
    match denied(account).await {
        Ok(denied) if denied.is_empty() => {
            return Some(Check::passed(NAME, format!("all {} that deploy uses", ACTIONS.len())));
        }
        Ok(denied) => {
            let found = format!("not allowed: {}", denied.join(", "));
            let next =
                "ask for a policy that allows them; docs/deploy.md lists all that deploy uses";
            return Some(Check::failed_with(NAME, found, next));
        }
        Err(_) => {}
    }
    // The simulation is not everybody's; reading is the first thing that a deploy does.
    let blueprint = Blueprint::new(config, &account.place, None).ok()?;
    Some(match Found::read(account, &blueprint).await {
        Ok(_) => Check::warned(
            NAME,
            "everything that deploy reads can be read; IAM does not tell what can be changed",
            "nothing, unless the deploy stops: it can go on later",
        ),
        Err(error) => Check::error(NAME, &error),
    })
}
