//! A deploy that is stopped half-way, at each of its calls.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use abtest_tests::aws::{Aws, Fault};
use abtest_tests::redis::signal;
use serde_json::Value;

use super::{Laptop, artifacts, succeeded};

#[test]
fn whichever_call_fails_the_next_run_completes_the_deploy() {
    let (first, second) = (Aws::start(), Aws::start());
    let laptop = Laptop::new(6379);
    succeeded(&laptop.deploy(&first));
    let undisturbed = first.account();
    let calls = first.calls();
    assert!(calls > 60, "{calls}");
    let cases = cases(&first.kinds_of_calls());
    assert!(cases.len() > 40, "{cases:?}");
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for aws in [&first, &second] {
            scope.spawn(|| {
                while let Some(&(number, fault)) =
                    cases.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                {
                    check_fault(aws, &laptop, number, fault, &undisturbed);
                }
            });
        }
    });
}

/// The calls to fail, by their number from 1, and how. With the retries off, what was not carried out stops
/// the deploy in the same way whatever the reason, so the reasons take turns. What was carried out without an
/// answer is another matter. Calls of one kind differ in names only, so the first and the last stand
/// for all. With ABTEST_ALL_FAULTS=1 every call fails for every reason.
fn cases(kinds: &[String]) -> Vec<(usize, Fault)> {
    const REASONS: [Fault; 4] =
        [Fault::Throttled, Fault::ServerError, Fault::Denied, Fault::DroppedBefore];
    let all = std::env::var_os("ABTEST_ALL_FAULTS").is_some();
    let mut cases = Vec::new();
    for (index, kind) in kinds.iter().enumerate() {
        let number = index + 1;
        let is_first = !kinds[..index].contains(kind);
        if all {
            cases.extend(REASONS.map(|fault| (number, fault)));
        } else if is_first {
            cases.push((number, REASONS[number % REASONS.len()]));
        }
        if all || is_first || !kinds[number..].contains(kind) {
            cases.push((number, Fault::DroppedAfter));
        }
    }
    cases
}

#[test]
fn a_deploy_gets_through_what_aws_calls_retryable() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    let undisturbed = aws.account();
    aws.reset();
    // Not two in a row: the SDK gives up after so many.
    aws.fail_each(|call| match call % 16 {
        3 => Some(Fault::Throttled),
        7 => Some(Fault::DroppedAfter),
        11 => Some(Fault::ServerError),
        15 => Some(Fault::DroppedBefore),
        _ => None,
    });
    let shown = succeeded(&laptop.deploy(&aws));
    assert!(shown.contains("✓ created API key abtest"), "{shown}");
    aws.heal();
    let mut account = aws.account();
    for (name, function) in account["functions"].as_object_mut().unwrap() {
        function["versions"] = undisturbed["functions"][name]["versions"].clone();
    }
    assert_eq!(account, undisturbed);
}

fn check_fault(aws: &Aws, laptop: &Laptop, number: usize, fault: Fault, undisturbed: &Value) {
    aws.reset();
    aws.fail(number, fault);
    let output = laptop.deploy_with(aws, &[("AWS_MAX_ATTEMPTS", "1")]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{fault:?} of call {number} went unnoticed");
    assert!(errors.starts_with("error: "), "{fault:?} of call {number}: {errors}");
    aws.heal();
    succeeded(&laptop.deploy(aws));
    let mut account = aws.account();
    // The mock publishes unchanged code again; AWS gives the version that there is.
    for (name, function) in account["functions"].as_object_mut().unwrap() {
        function["versions"] = undisturbed["functions"][name]["versions"].clone();
    }
    assert_eq!(account, *undisturbed, "{fault:?} of call {number}");
}

#[test]
fn ctrl_c_leaves_a_state_that_the_next_run_completes() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    let undisturbed = aws.account();
    aws.reset();
    let artifacts = artifacts();
    let artifacts = artifacts.to_str().unwrap();
    let arguments = ["deploy", "--yes", "--no-preflight", "--artifacts", artifacts];
    let mut deploy =
        aws.abtest_command(laptop.path(), &arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(deploy.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().contains("✓ created role")).unwrap().unwrap();
    signal(&deploy, "INT");
    // Read to its end, or it could not write.
    let shown: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(deploy.wait().unwrap().code(), Some(1), "{shown:?}");
    assert_ne!(aws.account(), undisturbed);
    succeeded(&laptop.deploy(&aws));
    assert_eq!(aws.account(), undisturbed);
}
