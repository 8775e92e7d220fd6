//! Redis fails while `serve` counts into it: it is killed, paused and restarted, and its connections
//! are cut. It writes its append-only file before it answers, so what it acknowledged is on disk.

use std::time::Duration;

use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;

use crate::Form;
use crate::load::Load;
use crate::outcome::Outcome;

/// A fault, and the recovery from it.
type Fault = fn(&mut Redis);

const FAULTS: [Fault; 4] = [
    |redis| {
        redis.kill();
        redis.restart();
    },
    |redis| {
        redis.pause();
        // Longer than serve waits for an answer.
        std::thread::sleep(Duration::from_millis(1_500));
        redis.resume();
    },
    |redis| {
        redis.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    },
    |redis| {
        redis.stop();
        redis.restart();
    },
];

pub(crate) fn under_load(form: Form) -> Outcome {
    let rounds = form.of(4, 44);
    let mut redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let serve = Serve::start(&["--redis", &redis.url(), "--counting", "exact"]);
    let load = Load::default();
    load.during(&serve, || {
        for round in 0..rounds {
            load.wait_for(200);
            FAULTS[(round % 4) as usize](&mut redis);
        }
        load.wait_for(200);
    });
    load.outcome(&serve, rounds)
}
