//! `abtest experiments` against a running server: definitions from the command line.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use abtest_tests::binaries::binary;
use abtest_tests::serve::Serve;
use serde_json::Value;

fn experiments(serve: &Serve, arguments: &[&str]) -> Output {
    Command::new(binary("abtest"))
        .arg("experiments")
        .args(arguments)
        .args(["--url", &serve.url])
        .env("ABTEST_API_KEY", &serve.key)
        .env("USER", "zoe")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Standard output of a command that ends with `code`.
fn said(serve: &Serve, code: i32, arguments: &[&str]) -> String {
    let output = experiments(serve, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(serve: &Serve, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(serve, 0, arguments)).unwrap()
}

#[test]
fn an_experiment_lives_from_create_to_archive_on_the_command_line() {
    let serve = Serve::embedded();
    let create = ["create", "button", "--variants", "control,green", "--goal", "purchase"];
    let said_created = said(&serve, 0, &[&create[..], &["--traffic", "10%"]].concat());
    assert!(said_created.starts_with("created button (version 1, draft)"), "{said_created}");
    let again = experiments(&serve, &create);
    assert_eq!(again.status.code(), Some(1));
    let error = String::from_utf8_lossy(&again.stderr);
    assert!(error.contains("button exists already"), "{error}");
    assert!(error.contains("`abtest experiments edit button`"), "{error}");

    said(&serve, 0, &["start", "button", "--why", "go"]);
    // Nobody was counted yet, so there is nothing to ask.
    said(&serve, 0, &["pause", "button"]);
    said(&serve, 0, &["resume", "button"]);
    said(&serve, 0, &["ramp", "button", "25%"]);
    assert!(said(&serve, 0, &["ramp", "button", "25%"]).contains("nothing was changed"));
    assert_eq!(serve.track("button", "green", "participate", "1"), 200);
    // Other weights show other variants to visitors who were counted.
    let announced = said(&serve, 2, &["weights", "button", "control=20,green=80"]);
    assert!(announced.contains("30.0% of the participating units"), "{announced}");
    let weights = ["weights", "button", "control=20, green=80", "--yes"];
    said(&serve, 0, &weights);
    let shown = json(&serve, &["show", "button", "--json"]);
    assert_eq!((&shown["status"], &shown["traffic"]), (&"running".into(), &25.into()));
    assert_eq!(shown["weights"]["green"], 80);
    assert_eq!(shown["goals"][0]["role"], "primary");

    // A pause contaminates the groups: it is announced, and needs --yes without a terminal.
    let announced = said(&serve, 2, &["pause", "button"]);
    assert!(announced.contains("fallback"), "{announced}");
    assert_eq!(json(&serve, &["show", "button", "--json"])["status"], "running");
    said(&serve, 2, &["ramp", "button", "5%"]);
    said(&serve, 0, &["pause", "button", "--yes"]);
    said(&serve, 0, &["resume", "button"]);
    assert!(said(&serve, 2, &["stop", "button", "--winner", "green"]).contains("green"));
    said(&serve, 0, &["stop", "button", "--winner", "green", "--why", "it sells", "--yes"]);
    assert!(said(&serve, 2, &["archive", "button"]).contains("withdraws the winner green"));
    let archived = json(&serve, &["archive", "button", "--yes", "--json"]);
    assert_eq!(archived["definition"]["status"], "archived");
    assert_eq!(archived["stored"], true);

    let history = json(&serve, &["history", "button", "--json"]);
    let history = history.as_array().unwrap();
    assert_eq!(history.len(), 10);
    assert_eq!((&history[1]["actor"], &history[1]["why"]), (&"zoe".into(), &"go".into()));
    let words = said(&serve, 0, &["history", "button"]);
    assert!(words.contains("by zoe (key: edit): it sells\n"), "{words}");
    assert!(words.contains("  traffic: 10% → 25%\n"), "{words}");
    assert!(words.contains("  variants: control, green\n"), "{words}");
    assert!(!words.contains('{') && !words.contains("(not set) → control"), "{words}");
    let words = said(&serve, 0, &["show", "button"]);
    assert!(words.contains("\ngoals               purchase (primary)\n"), "{words}");
    assert!(!words.contains('{'), "{words}");
    assert!(!said(&serve, 0, &["list"]).contains("button"));
    assert!(said(&serve, 0, &["list", "--archived"]).contains("button"));
    said(&serve, 0, &["delete", "button", "--yes"]);
}

#[test]
fn the_archive_has_a_way_back_and_a_step_that_is_not_possible_says_which_one_is() {
    let serve = Serve::embedded();
    let refused = |arguments: &[&str]| {
        let output = experiments(&serve, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    said(&serve, 0, &["create", "plan b", "--variants", "a,b"]);
    assert!(refused(&["resume", "plan b"]).contains("`abtest experiments start 'plan b'`"));
    assert!(refused(&["restore", "plan b"]).contains("is draft, not archived"));
    said(&serve, 0, &["archive", "plan b"]);
    assert!(
        refused(&["start", "plan b"]).contains("`abtest experiments restore 'plan b'`"),
        "an archived experiment cannot start"
    );
    said(&serve, 0, &["restore", "plan b"]);
    assert_eq!(json(&serve, &["show", "plan b", "--json"])["status"], "draft");

    said(&serve, 0, &["start", "plan b"]);
    said(&serve, 0, &["stop", "plan b", "--winner", "b", "--yes"]);
    assert!(refused(&["start", "plan b"]).contains("create NEW-NAME --from 'plan b'"));
    assert!(
        refused(&["delete", "plan b", "--yes"]).contains("abtest experiments archive 'plan b'")
    );
    said(&serve, 0, &["archive", "plan b", "--yes"]);
    // Visitors get the winner again, so it asks.
    assert!(said(&serve, 2, &["restore", "plan b"]).contains("get b again"));
    said(&serve, 0, &["restore", "plan b", "--yes"]);
    let shown = json(&serve, &["show", "plan b", "--json"]);
    assert_eq!((&shown["status"], &shown["winner"]), (&"completed".into(), &"b".into()));
}

#[test]
fn a_pattern_deletes_no_definition_and_prune_no_declared_part() {
    let serve = Serve::embedded();
    said(&serve, 0, &["create", "mine", "--variants", "a, b", "--goal", "buy"]);
    said(&serve, 0, &["create", "live", "--variants", "a,b", "--status", "running"]);
    assert_eq!(serve.track("mine", "a", "participate", "1"), 200);
    assert_eq!(serve.track("<script>", "a", "participate", "1"), 200);
    let all = ["delete", "--match", "*", "--at-most", "1", "--yes"];
    let deleted = said(&serve, 0, &all);
    assert!(deleted.contains("left out 2 experiments with a definition"), "{deleted}");
    assert!(deleted.contains("deleted 1\n"), "{deleted}");
    let again = json(&serve, &[&all[..], &["--json"]].concat());
    assert_eq!(again, serde_json::json!({"deleted": [], "left_out": ["live", "mine"]}));
    for part in [["--variant", "a"], ["--goal", "buy"]] {
        let refused = experiments(&serve, &[&["prune", "mine"][..], &part].concat());
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(error.contains("the definition of mine has the"), "{error}");
        assert_eq!(refused.status.code(), Some(1));
    }
    said(&serve, 0, &["delete", "mine", "--yes"]);
}

#[test]
fn layers_and_settings_have_commands() {
    let serve = Serve::embedded();
    let abtest = |code, arguments: &[&str]| {
        let mut command = Command::new(binary("abtest"));
        command.args(arguments).args(["--url", &serve.url]).env("ABTEST_API_KEY", &serve.key);
        let output = command.env("ABTEST_ACTOR", "ann").stdin(Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap() + &errors
    };
    let create = ["experiments", "create", "button", "--variants", "a,b", "--layer", "check out"];
    let missing = abtest(1, &create);
    assert!(missing.contains("`abtest layers create 'check out'`"), "{missing}");
    assert!(abtest(0, &["layers"]).contains("abtest layers create NAME"));
    abtest(0, &["layers", "create", "check out", "--description", "the way to pay"]);
    abtest(0, &["layers", "create", "menu"]);
    assert!(abtest(1, &["layers", "create", "menu"]).contains("exists already"));
    abtest(0, &[&create[..], &["--traffic", "40%", "--status", "running"]].concat());
    let full = ["experiments", "create", "price", "--variants", "a,b", "--layer", "check out"];
    abtest(0, &[&full[..], &["--traffic", "60%", "--status", "running"]].concat());
    let listed = abtest(0, &["layers"]);
    assert!(
        listed.contains("    0%  check out: the way to pay\n          60% price\n"),
        "{listed}"
    );
    let layers: Value = serde_json::from_str(&abtest(0, &["layers", "--json"])).unwrap();
    assert_eq!(layers[0]["holders"][1]["experiment"], "button");
    assert!(abtest(1, &["layers", "delete", "check out"]).contains("button, price"));
    abtest(0, &["layers", "delete", "menu"]);
    assert!(abtest(1, &["layers", "delete", "menu"]).contains("no layer `menu`"));

    // A unit that the full layer gives to another experiment.
    let explained = (0..100)
        .map(|unit| abtest(0, &["experiments", "explain", "button", "--unit", &unit.to_string()]))
        .find(|words| words.contains("reason: traffic"))
        .unwrap();
    let explained = explained.replace('\n', " ");
    let expected = "The layer check out is full: price has 60%. Lower the traffic of price";
    assert!(explained.contains(expected), "{explained}");

    assert!(abtest(0, &["settings"]).contains("accept     any"));
    assert_eq!(abtest(2, &["settings", "change"]).lines().count(), 1);
    abtest(
        0,
        &["settings", "change", "--accept", "declared", "--defaults", r#"{"owner": "shop"}"#],
    );
    let settings: Value = serde_json::from_str(&abtest(0, &["settings", "--json"])).unwrap();
    assert_eq!(
        (&settings["accept"], &settings["defaults"]["owner"]),
        (&"declared".into(), &"shop".into())
    );
    let unknown = serve.get("/track?experiment=q&variant=a&event=participate&uuid=1").json();
    let detail = unknown["detail"].as_str().unwrap();
    assert!(detail.contains("`abtest experiments create NAME --variants"), "{detail}");
}

#[test]
fn a_counting_experiment_gets_its_definition_from_its_counts() {
    let serve = Serve::embedded();
    for (variant, uuid) in [("blue", "1"), ("red", "2")] {
        for event in ["participate", "signup"] {
            assert_eq!(serve.track("button", variant, event, uuid), 200);
        }
    }
    said(&serve, 0, &["create", "--from", "button", "--status", "running"]);
    let shown = json(&serve, &["show", "button", "--json"]);
    assert_eq!(
        (&shown["variants"][0]["name"], &shown["variants"][1]["name"]),
        (&"blue".into(), &"red".into())
    );
    assert_eq!(shown["goals"].as_array().unwrap().len(), 1);
    assert_eq!(serve.count("button", "signup", "red"), 1);
    let list = said(&serve, 0, &["list"]);
    let line: Vec<&str> = list.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line[..2], ["running", "100%"], "{list}");
}

#[test]
fn a_copy_starts_as_a_draft_with_its_own_id() {
    let serve = Serve::embedded();
    said(&serve, 0, &["create", "button", "--variants", "a,b", "--status", "running"]);
    said(&serve, 0, &["copy", "button", "--to-namespace", "prod"]);
    let original = json(&serve, &["show", "button", "--json"]);
    let copy = json(&serve, &["show", "button", "--json", "--namespace", "prod"]);
    assert_eq!(copy["status"], "draft");
    assert_eq!(copy["variants"], original["variants"]);
    assert_ne!(copy["salt"], original["salt"]);
    let again = experiments(&serve, &["copy", "button", "--to-namespace", "prod"]);
    assert_eq!(again.status.code(), Some(1));
    let error = String::from_utf8_lossy(&again.stderr);
    assert!(error.contains("`abtest experiments edit button --namespace prod`"), "{error}");
}

#[test]
fn a_copy_keeps_its_layer_where_the_namespace_has_it() {
    let serve = Serve::embedded();
    let layers = r#"{"layers": [{"name": "checkout"}]}"#;
    for namespace in ["alephbet", "prod"] {
        let path = format!("/settings?namespace={namespace}");
        assert_eq!(serve.call("PATCH", &path, Some(layers)).status, 200);
    }
    said(&serve, 0, &["create", "button", "--variants", "a,b", "--layer", "checkout"]);
    let refused = experiments(&serve, &["copy", "button", "--to-namespace", "test"]);
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(
        error.contains("has no layer `checkout`") && error.contains("--without-layer"),
        "{error}"
    );
    said(&serve, 0, &["copy", "button", "--to-namespace", "test", "--without-layer"]);
    said(&serve, 0, &["copy", "button", "--to-namespace", "prod"]);
    for (namespace, layer) in [("test", Value::Null), ("prod", "checkout".into())] {
        let copy = json(&serve, &["show", "button", "--json", "--namespace", namespace]);
        assert_eq!(copy["layer"], layer, "{namespace}");
    }
}

#[test]
fn what_is_not_declared_is_pruned_at_once() {
    let serve = Serve::embedded();
    for (variant, event, uuid) in [
        ("a", "participate", "1"),
        ("zzz", "participate", "2"),
        ("zzz", "buy", "2"),
        ("a", "sing up", "1"),
        ("a", "buy", "1"),
    ] {
        assert_eq!(serve.track("button", variant, event, uuid), 200);
    }
    let prune = ["prune", "button", "--undeclared"];
    let undefined = experiments(&serve, &prune);
    assert!(String::from_utf8_lossy(&undefined.stderr).contains("--variant or --goal"));
    said(&serve, 0, &["create", "button", "--variants", "a,b", "--goal", "buy"]);
    let listed = said(&serve, 2, &prune);
    assert!(
        listed.contains("the variant zzz (1 counted)") && listed.contains("sing up"),
        "{listed}"
    );
    let listed = said(&serve, 2, &[&prune[..], &["--json"]].concat());
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let expected = serde_json::json!({"experiment": "button", "pruned": false,
        "variants": ["zzz"], "goals": ["sing up"]});
    assert_eq!(listed, expected);
    assert_eq!(serve.count("button", "participate", "zzz"), 1);

    assert_eq!(json(&serve, &[&prune[..], &["--yes", "--json"]].concat())["pruned"], true);
    assert_eq!(serve.count("button", "participate", "zzz"), 0);
    assert_eq!(serve.count("button", "sing up", "a"), 0);
    assert_eq!(
        (serve.count("button", "participate", "a"), serve.count("button", "buy", "a")),
        (1, 1)
    );
    assert!(said(&serve, 0, &prune).contains("nothing that its definition does not have"));
}

#[test]
fn a_missing_definition_says_how_to_create_one() {
    let serve = Serve::embedded();
    let failed = experiments(&serve, &["start", "button"]);
    assert_eq!(failed.status.code(), Some(1));
    let error = String::from_utf8_lossy(&failed.stderr);
    assert!(error.contains("abtest experiments create button --variants"), "{error}");
    let unnamed = experiments(&serve, &["create", "", "--variants", "a,b"]);
    assert_eq!(unnamed.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unnamed.stderr).contains("the name is empty"));
    assert!(said(&serve, 0, &["tick"]).contains("no step is due"));
}

fn write(folder: &Path, file: &str, text: &str) {
    std::fs::write(folder.join(file), text).unwrap();
}

#[test]
fn a_folder_of_files_is_applied_once_and_checked_after() {
    let serve = Serve::embedded();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let file = |traffic: u8| {
        format!(
            r#"{{"$schema": "x", "name": "button", "traffic": {traffic}, "status": "running",
                 "variants": [{{"name": "a"}}, {{"name": "b"}}]}}"#
        )
    };
    write(folder.path(), "button.json", &file(50));
    let other =
        r#"{"name": "menu", "namespace": "prod", "variants": [{"name": "a"}, {"name": "b"}]}"#;
    write(folder.path(), "menu.json", other);

    let plan = said(&serve, 2, &["apply", path, "--plan", "--check"]);
    assert!(plan.contains("create button in alephbet") && plan.contains("2 changes"), "{plan}");
    said(&serve, 0, &["apply", path, "--plan"]);
    said(&serve, 2, &["apply", path]);
    assert_eq!(serve.get("/experiments/button/definition").status, 404);
    said(&serve, 0, &["apply", path, "--yes"]);
    assert!(said(&serve, 0, &["apply", path, "--plan", "--check"]).contains("nothing to change"));
    assert_eq!(json(&serve, &["apply", path, "--yes", "--json"])["plan"], serde_json::json!([]));
    assert_eq!(json(&serve, &["history", "button", "--json"]).as_array().unwrap().len(), 1);

    // Members that the file does not have stay.
    let patch = br#"{"description": "by hand"}"#;
    let headers = [("x-api-key", &*serve.key), ("content-type", "application/json")];
    assert_eq!(
        serve.request("PATCH", "/experiments/button/definition", &headers, patch).status,
        200
    );
    write(folder.path(), "button.json", &file(20));
    let plan = said(&serve, 2, &["apply", path]);
    assert!(plan.contains("traffic: 50% → 20%") && plan.contains("1 change\n"), "{plan}");
    assert!(plan.contains("fallback"), "the disturbance is announced: {plan}");
    said(&serve, 0, &["apply", path, "--yes", "--why", "quiet week"]);
    let shown = json(&serve, &["show", "button", "--json"]);
    assert_eq!((&shown["traffic"], &shown["description"]), (&20.into(), &"by hand".into()));

    // What no file names is archived on request only, and never deleted.
    said(&serve, 0, &["create", "old", "--variants", "a,b"]);
    said(&serve, 0, &["apply", path, "--plan", "--check"]);
    let prune = ["apply", path, "--prune"];
    assert!(said(&serve, 2, &prune).contains("archive old in alephbet"));
    said(&serve, 0, &[&prune[..], &["--yes"]].concat());
    assert_eq!(json(&serve, &["show", "old", "--json"])["status"], "archived");
    said(&serve, 0, &[&prune[..], &["--plan", "--check"]].concat());
}

#[test]
fn prune_does_not_archive_what_is_running() {
    let serve = Serve::embedded();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.json", r#"{"name": "a", "variants": [{"name": "x"}, {"name": "y"}]}"#);
    said(&serve, 0, &["create", "live", "--variants", "x,y", "--status", "running"]);
    let path = folder.path().to_str().unwrap();
    let refused = experiments(&serve, &["apply", path, "--prune", "--yes"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("abtest experiments stop"));
    assert_eq!(serve.get("/experiments/a/definition").status, 404);
}

#[test]
fn files_that_are_wrong_are_named_and_nothing_is_applied() {
    let serve = Serve::embedded();
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "good.json",
        r#"{"name": "a", "variants": [{"name": "x"}, {"name": "y"}]}"#,
    );
    let path = folder.path().to_str().unwrap();
    let wrong = [
        (r#"{"name": "a"}"#, "both name a"),
        ("{", "this is not JSON"),
        (r#"{"name": "b", "variants": [{"name": "x"}], "traffic": 200}"#, "create b in alephbet"),
    ];
    for (text, reason) in wrong {
        write(folder.path(), "wrong.json", text);
        let refused = experiments(&serve, &["apply", path, "--yes"]);
        assert_eq!(refused.status.code(), Some(1), "{text}");
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(error.contains(reason), "{error}");
        assert_eq!(serve.get("/experiments/a/definition").status, 404);
    }
}

#[test]
fn a_thousand_files_are_planned_and_applied() {
    let serve = Serve::embedded();
    let folder = tempfile::tempdir().unwrap();
    for index in 0..1_000 {
        let text =
            format!(r#"{{"name": "e{index}", "variants": [{{"name": "a"}}, {{"name": "b"}}]}}"#);
        write(folder.path(), &format!("{index}.json"), &text);
    }
    let path = folder.path().to_str().unwrap();
    let applied = said(&serve, 0, &["apply", path, "--yes"]);
    assert!(applied.contains("applied 1000 changes"), "{applied}");
    let started = std::time::Instant::now();
    said(&serve, 0, &["apply", path, "--plan", "--check"]);
    eprintln!("planned 1,000 files in {:?}", started.elapsed());
}
