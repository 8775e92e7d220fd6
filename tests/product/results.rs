//! `abtest results`: the same numbers as the API's, for people and for programs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use abtest_tests::binaries::binary;
use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::Value;

use crate::analysis::record;

fn abtest() -> Command {
    let mut command = Command::new(binary("abtest"));
    command.env("COLUMNS", "100").env_remove("ABTEST_URL").env_remove("ABTEST_API_KEY");
    command
}

fn results(serve: &Serve, arguments: &[&str]) -> Output {
    let mut command = abtest();
    command.arg("results").args(arguments).args(["--url", &serve.url]);
    command.env("ABTEST_API_KEY", &serve.key).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn button_color(serve: &Serve) {
    record(serve, "button color", &[("blue", 2_000, 200), ("red", 2_010, 320)]);
}

#[test]
fn a_table_says_which_variant_is_better_and_draws_the_intervals_on_one_scale() {
    let serve = Serve::embedded();
    button_color(&serve);
    let shown = text(&results(&serve, &["button color"]));
    let expected = "\
button color  4,010 participants, counted exactly
  red is better than blue: signup up by between 23% and 106%.

  signup       reached    rate  8.76%  17.58%     lift  95% interval   method        chance better
  blue    200 of 2,000  10.00%  ├─●─┤          control
  red     320 of 2,010  15.92%          ├─●─┤     +59%  +23% to +106%  always_valid         >99.9%
  Detecting a 5% lift needs about 140,000 participants per variant, or 58,000 if you look only
  once, at the end.

  No control set. Using the first variant, blue.
  The experiment has no definition, so every counted goal and variant shares the error rate. New
  names widen the intervals.
  No weights are declared. Assuming an equal split.
  Intervals and p-values hold however often you look and whenever you stop (confidence sequence).
  Bars show each rate's own 95% interval, for one look.
  Chances are not corrected for looking or for several comparisons.
";
    assert_eq!(shown, expected);
    let mirrored = text(&results(&serve, &["button color", "--control", "red"]));
    assert!(mirrored.contains("blue is worse than red: signup down by between"), "{mirrored}");
}

#[test]
fn every_variant_is_compared_with_every_other() {
    let serve = Serve::embedded();
    record(&serve, "three", &[("blue", 2_000, 200), ("green", 1_990, 250), ("red", 2_010, 320)]);
    let matrix = |columns: &str| {
        let mut command = abtest();
        command.args(["results", "three", "--matrix", "--url", &serve.url]);
        command.env("ABTEST_API_KEY", &serve.key).env("COLUMNS", columns);
        text(&command.output().unwrap())
    };
    let shown = matrix("100");
    let expected = "
  signup         blue        green          red
  blue              –  −20%  0.53%  −37%  <0.1%
  green   +26%  99.5%            –  −21%  0.12%
  red     +59% >99.9%  +27%  99.9%            –
  Each cell: the row's lift over the column, and the chance that the row is better.
";
    assert!(shown.contains(expected), "{shown}");
    let api = serve.get("/experiments/three").json();
    let square = |name: &str| api["analysis"]["goals"][0]["matrix"][name].clone();
    assert_eq!(square("lift")[2][0], 320.0 / 2_010.0 / (200.0 / 2_000.0) - 1.0);
    assert!((0.9985..0.9995).contains(&square("chance_to_beat")[2][1].as_f64().unwrap()));
    // What does not fit beside each other stands below.
    assert!(matrix("40").contains("\n  signup          red\n  blue    −37%  <0.1%\n"));
    assert!(!text(&results(&serve, &["three"])).contains("the row's lift"));
}

#[test]
fn json_is_the_apis_own_answer_from_the_server_and_from_the_store_itself() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    button_color(&serve);
    let all = serve.get("/experiments?analysis=full&level=0.9").text + "\n";
    assert_eq!(text(&results(&serve, &["--json", "--level", "0.9"])), all);
    let url = redis.url();
    let direct = abtest().args(["results", "--json", "--level", "0.9", "--redis", &url]).output();
    assert_eq!(text(&direct.unwrap()), all);

    let mut serve = Serve::embedded();
    button_color(&serve);
    let one = serve.get("/experiments/button%20color?memory=true").text + "\n";
    assert_eq!(text(&results(&serve, &["button color", "--json"])), one);
    let data = serve.data();
    let read = || {
        let mut command = abtest();
        command.args(["results", "button color", "--json", "--data"]).arg(&data);
        command.output().unwrap()
    };
    // A folder is served or read, not both.
    assert_eq!(read().status.code(), Some(1));
    assert!(serve.terminate().success());
    assert_eq!(text(&read()), one);
}

#[test]
fn csv_has_the_apis_numbers_to_the_last_digit() {
    let serve = Serve::embedded();
    button_color(&serve);
    let api = serve.get("/experiments/button%20color").json();
    let csv = text(&results(&serve, &["--csv"]));
    let mut lines = csv.lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 2);
    let cell = |row: usize, head: &str| {
        let column = heads.iter().position(|found| *found == head).unwrap();
        rows[row][column].parse::<f64>().unwrap()
    };
    let goal = &api["analysis"]["goals"][0];
    let of_rates = [("rate", "rate"), ("one_look_rate_low", "low"), ("one_look_rate_high", "high")];
    for (row, variant) in goal["variants"].as_array().unwrap().iter().enumerate() {
        for (head, member) in of_rates {
            assert_eq!(cell(row, head), variant[member].as_f64().unwrap());
        }
    }
    // One method made all figures of a row, and a column names it.
    let method = heads.iter().position(|head| *head == "method").unwrap();
    assert_eq!((rows[0][method], rows[1][method]), ("", "always_valid"));
    let red = &goal["against_control"][0];
    for head in [
        "difference",
        "difference_low",
        "difference_high",
        "lift",
        "lift_low",
        "lift_high",
        "p_value",
        "adjusted_p_value",
        "interval_level",
        "power",
    ] {
        assert_eq!(cell(1, head), red[head].as_f64().unwrap(), "{head}");
    }
    for head in ["chance_to_beat", "expected_loss"] {
        let labelled = format!("uncorrected_{head}");
        assert_eq!(cell(1, &labelled), red[head].as_f64().unwrap(), "{head}");
    }
}

#[test]
fn a_hostile_name_is_harmless_in_every_format() {
    let serve = Serve::embedded();
    let name = "=cmd|' /C calc'!A0 \u{202e}<img src=x>|";
    record(&serve, name, &[("@SUM(A1)", 20, 10), ("a|b\u{2028}", 20, 10)]);
    let table = text(&results(&serve, &[]));
    let csv = text(&results(&serve, &["--csv"]));
    let markdown = text(&results(&serve, &["--markdown"]));
    for shown in [&table, &csv, &markdown] {
        assert!(!shown.contains(['\u{202e}', '\u{2028}', '\u{1b}']), "{shown}");
    }
    for line in csv.lines().skip(1) {
        assert!(line.starts_with("'=") || line.starts_with("\"'="), "{line}");
        assert!(line.contains(",'@SUM(A1)") || line.contains(",a|b"), "{line}");
    }
    assert!(markdown.contains("\\<img src\\=x\\>") && markdown.contains("a\\|b"), "{markdown}");
}

#[test]
fn what_is_not_there_is_said_with_the_way_to_see_what_is() {
    let serve = Serve::embedded();
    assert_eq!(text(&results(&serve, &[])), "no experiments in the namespace alephbet\n");
    button_color(&serve);
    for (arguments, words) in [
        (&["nope"][..], "abtest experiments list"),
        (&["button color", "--control", "green"], "it has `blue`, `red`"),
        (&["button color", "--goal", "buy"], "it has `signup`"),
        (&["--goal", "buy"], "no experiment has the goal `buy`"),
    ] {
        let output = results(&serve, arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

#[test]
fn a_message_keeps_names_that_are_words_of_the_command_line() {
    let serve = Serve::embedded();
    record(&serve, "button", &[("control", 20, 10), ("level", 20, 10)]);
    let output = results(&serve, &["button", "--control", "nope"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("--control names no variant"), "{error}");
    assert!(error.contains("it has `control`, `level`"), "{error}");
}

#[test]
fn every_format_says_that_a_report_is_not_the_experiments_own() {
    let serve = Serve::embedded();
    button_color(&serve);
    let definition = r#"{"variants": [{"name": "blue"}, {"name": "red"}],
        "goals": [{"name": "signup", "role": "primary"}], "analysis": {"planned": 9000}}"#;
    let path = "/experiments/button%20color/definition";
    assert_eq!(serve.call("PUT", path, Some(definition)).status, 201);
    let asked = ["button color", "--method", "fixed", "--level", "90%"];
    let sentence =
        "You asked with --level and --method, so this is not the experiment's own result.";
    let shown = |format: &[&str]| text(&results(&serve, &[&asked[..], format].concat()));
    assert!(shown(&[]).contains(sentence));
    let markdown = shown(&["--markdown"]).replace('\\', "");
    assert!(markdown.contains(sentence), "{markdown}");
    assert!(markdown.contains("| 90% interval of the lift |"), "{markdown}");
    assert!(
        markdown.contains("No weights are declared") || markdown.contains("hold"),
        "{markdown}"
    );
    assert!(shown(&["--csv"]).lines().nth(1).unwrap().ends_with(",what_if,level method"));

    // The planned look is the experiment's own, and the definition has the plan.
    let look = text(&results(&serve, &["button color", "--look", "--yes"]));
    let stored = "1 look stored. The newest is at 4,010 of 9,000 planned participants.\n";
    assert!(look.starts_with(stored), "{look}");
    assert!(!look.contains("own result"), "{look}");
}

#[test]
fn a_narrow_screen_keeps_the_counts_and_a_pipe_is_no_terminal() {
    let serve = Serve::embedded();
    button_color(&serve);
    let mut command = abtest();
    command.args(["results", "button color", "--url", &serve.url]).env("COLUMNS", "80");
    let shown = text(&command.env("ABTEST_API_KEY", &serve.key).output().unwrap());
    assert!(shown.contains("320 of 2,010"), "{shown}");
    assert!(!shown.contains("always_valid") && !shown.contains("terminal"), "{shown}");
    assert!(shown.contains("80 columns are too few to show: chance better, method."), "{shown}");
}

#[test]
fn of_many_experiments_each_has_its_verdict() {
    let serve = Serve::embedded();
    for index in 0..11 {
        record(&serve, &format!("experiment {index}"), &[("a", 3, 1), ("b", 3, 1)]);
    }
    let shown = text(&results(&serve, &[]));
    assert_eq!(shown.matches("Not enough data yet for signup").count(), 11, "{shown}");
    assert!(shown.contains("abtest results NAME"));
}

#[test]
fn a_chosen_control_is_kept_with_its_experiment_until_it_is_taken_back() {
    let redis = Redis::start();
    for serve in [Serve::embedded(), Serve::redis(&redis.url())] {
        button_color(&serve);
        let control = |serve: &Serve| {
            serve.get("/experiments/button%20color").json()["analysis"]["control"].clone()
        };
        let path = "/experiments/button%20color/control";
        assert_eq!(control(&serve), "blue");
        let chosen = serve.call("PUT", &format!("{path}?variant=red"), None);
        let expected = serde_json::json!({"experiment": "button color", "control": "red"});
        assert_eq!((chosen.status, chosen.json()), (200, expected));
        assert_eq!(control(&serve), "red");
        assert_eq!(serve.get("/experiments").json()[1]["summary"]["control"], "red");
        let wrong = serve.call("PUT", &format!("{path}?variant=green"), None);
        assert_eq!((wrong.status, &wrong.json()["rule"]), (400, &"known-variant".into()));
        assert_eq!(serve.call("PUT", "/experiments/none/control?variant=a", None).status, 404);
        assert_eq!(serve.call("PUT", path, None).status, 200);
        assert_eq!(control(&serve), "blue");
    }
}

#[test]
fn watching_shows_what_changes_and_survives_a_server_that_goes_away() {
    let mut serve = Serve::embedded();
    button_color(&serve);
    let mut watch = abtest()
        .args(["results", "--watch", "--url", &serve.url])
        .env("ABTEST_API_KEY", &serve.key)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut until = |words: &str| lines.find(|line| line.contains(words)).unwrap();
    until("4,010 participants");
    serve.kill();
    until("not up to date");
    serve.restart();
    record(&serve, "button color", &[("green", 1, 0)]);
    until("4,011 participants");
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn every_number_that_a_person_sees_is_the_apis() {
    let serve = Serve::embedded();
    button_color(&serve);
    let api = serve.get("/experiments/button%20color").json();
    let sentence = |value: &Value| value["sentence"].as_str().unwrap().to_owned();
    let markdown = text(&results(&serve, &["--markdown"]));
    let plain = markdown.replace('\\', "");
    assert!(plain.contains(&sentence(&api["analysis"]["verdict"])), "{plain}");
    let rate = api["analysis"]["goals"][0]["variants"][1]["rate"].as_f64().unwrap();
    assert!(plain.contains(&format!("| red | 2010 | 320 | {:.2}% |", 100.0 * rate)), "{plain}");
}
