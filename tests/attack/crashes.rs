//! `serve` is killed as by a power cut while it counts, and started again.

use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;

use crate::Form;
use crate::load::Load;
use crate::outcome::Outcome;

pub(crate) fn on_a_folder(form: Form) -> Outcome {
    kill_under_load(Serve::embedded(), form.of(3, 20))
}

pub(crate) fn on_redis(form: Form) -> Outcome {
    let redis = Redis::start();
    kill_under_load(Serve::start(&["--redis", &redis.url(), "--counting", "exact"]), form.of(3, 20))
}

fn kill_under_load(mut serve: Serve, rounds: u64) -> Outcome {
    let load = Load::default();
    for round in 0..rounds {
        let process = serve.process();
        load.during(&serve, || {
            // Each round is killed at another point of its load.
            load.wait_for(500 + 137 * (round % 11));
            let killed = std::process::Command::new("kill").args(["-KILL", &process]).status();
            assert!(killed.unwrap().success());
        });
        serve.kill();
        serve.restart();
    }
    load.outcome(&serve, rounds)
}
