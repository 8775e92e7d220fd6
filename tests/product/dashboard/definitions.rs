//! Creating, editing and steering experiments on the page.

use std::process::Command;

use abtest_tests::binaries::tests;
use abtest_tests::reader::{Reader, Screen};
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use super::{HOSTILE, link, reader, reader_with, record};

const DEFINITION: &str = "/experiments/button%20color/definition";

/// Creates a definition for "button color".
fn create(serve: &Serve, more: Value) {
    let mut body = json!({"variants": [{"name": "control"}, {"name": "green"}], "traffic": 40,
                          "goals": [{"name": "signup", "role": "primary"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    put(serve, DEFINITION, &body);
}

fn put(serve: &Serve, path: &str, body: &Value) {
    send(serve, "PUT", path, ("if-none-match", "*"), body);
}

fn patch(serve: &Serve, path: &str, body: &Value) {
    send(serve, "PATCH", path, ("if-match", "*"), body);
}

fn send(serve: &Serve, method: &str, path: &str, condition: (&str, &str), body: &Value) {
    let headers = [("x-api-key", &*serve.key), ("content-type", "application/json"), condition];
    let answer = serve.request(method, path, &headers, body.to_string().as_bytes());
    assert!(answer.status < 300, "{}", answer.text);
}

fn definition(serve: &Serve) -> Value {
    serve.get(DEFINITION).json()
}

/// Complaints other than the refusals of dry runs, which the browser logs.
fn complaints(reader: &Reader) -> Vec<String> {
    let mut all = reader.complaints();
    all.retain(|text| !["409", "412", "422"].iter().any(|status| text.contains(status)));
    all
}

#[test]
fn the_pure_parts_of_the_editor_keep_their_promises() {
    let output = Command::new("node")
        .args(["--test", "definition.test.mjs"])
        .current_dir(tests().join("browser"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn an_experiment_is_created_in_a_form_that_the_server_checks_while_it_is_typed() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({}));
    let reader = reader(&screen, &serve);
    reader.click("#new");
    reader.fill("[name=name]", "price");
    reader.fill("[name=traffic]", "140");
    reader.see_text(".effects", "traffic must be a percentage from 0 to 100");
    reader.see("[name=traffic][aria-invalid]");
    reader.see("#save:disabled");
    assert_eq!(reader.violations(), [""; 0]);
    reader.fill("[name=traffic]", "12.5");
    reader.fill("[name='variants[1].name']", "cheap");
    reader.press(&["Tab"]);
    reader.fill("[name='weights.cheap']", "3");
    reader.click("#add-goal");
    reader.fill("[name='goals[1].name']", "purchase");
    reader.fill("[name=targeting]", r#"{"country": "DE"}"#);
    // The JSON follows the form, and the form the JSON.
    let json: Value = reader.ask("JSON.parse(document.querySelector('[name=json]').value)");
    assert_eq!(json["weights"], json!({"control": 1, "cheap": 3}));
    let mut edited = json.clone();
    edited["owner"] = "shop".into();
    reader.fill("[name=json]", &edited.to_string());
    assert_eq!(reader.ask("document.querySelector('[name=owner]').value"), "shop");
    reader.click("#save:enabled");
    reader.see_text("#definition", "draft");
    let stored = serve.get("/experiments/price/definition").json();
    assert_eq!(stored["variants"], json!([{"name": "control"}, {"name": "cheap"}]));
    assert_eq!((&stored["traffic"], &stored["owner"]), (&json!(12.5), &json!("shop")));
    assert_eq!(stored["targeting"], json!({"country": "DE"}));
    assert_eq!(stored["goals"][1]["name"], "purchase");
    assert_eq!(complaints(&reader), [""; 0]);
}

#[test]
fn an_experiment_that_counts_already_is_defined_with_its_variants_and_goals() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    record(&serve, "button color", &[("red", 200, &[("signup", 20)]), ("blue", 200, &[])]);
    let reader = reader(&screen, &serve);
    reader.go(&link("button color"));
    reader.click("#define");
    reader.click("#save:enabled");
    reader.see("#definition");
    let stored = definition(&serve);
    let variants: Vec<&str> = stored["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert!(variants.contains(&"red") && variants.contains(&"blue"), "{variants:?}");
    assert_eq!(stored["goals"][0]["name"], "signup");
    reader.see_text(".title", "400 participants");
}

#[test]
fn each_step_says_what_visitors_will_see_and_asks_once() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({}));
    for (uuid, variant) in ["control", "green"].iter().enumerate() {
        assert_eq!(serve.track("button color", variant, "participate", &uuid.to_string()), 200);
    }
    let reader = reader(&screen, &serve);
    reader.go(&link("button color"));
    let step = |step: &str, field: Option<(&str, &str)>, seen: &str| {
        reader.click(&format!("#step-{step}"));
        if let Some((name, value)) = field {
            reader.fill(&format!("dialog [name='{name}']"), value);
        }
        reader.see_text("dialog .effects li", seen);
        assert_eq!(reader.violations(), [""; 0], "{step}");
        reader.picture(&format!("step-{step}"));
        reader.fill("dialog [name=why]", &format!("because of {step}"));
        reader.click("dialog .ends button:not(.close):enabled");
        reader.miss("dialog");
    };
    step("start", None, "40% of all visitors take part and see control, green.");
    reader.see_text("#definition .status", "running");
    step("traffic", Some(("traffic", "10")), "30% of all visitors no longer take part.");
    step("weights", Some(("weight green", "3")), "of the participants see another variant");
    step("pause", None, "All visitors see the fallback");
    reader.see_text("#definition .status", "paused");
    step("resume", None, "Participants see their variants again.");
    reader.click("#step-stop");
    reader.choose("dialog [name=winner]", "green");
    reader.see_text("dialog .effects li", "All visitors see green from now on.");
    reader.fill("dialog [name=why]", "It sells more.");
    reader.click("dialog .ends .danger:enabled");
    reader.see_text("#definition", "The winner is green.");
    let stored = definition(&serve);
    assert_eq!((&stored["status"], &stored["winner"]), (&json!("completed"), &json!("green")));
    reader.click("#decision summary");
    reader.see_text("#decision table", "control");
    assert_eq!(reader.violations(), [""; 0]);
    assert_eq!(stored["weights"]["green"], 3);
    step("archive", None, "The winner, green, is withdrawn.");

    // Archived experiments are listed if they are asked for.
    reader.go("#/");
    reader.see_text("main", "No events yet");
    reader.go("#/?status=archived");
    reader.see_text("ol.rows", "archived");
    reader.go(&link("button color"));
    step("restore", None, "");
    reader.see_text("#definition .status", "completed");

    reader.click("#history");
    reader.see_text(".history li:first-child", "Restored as completed.");
    let history = reader.texts(".history li").concat();
    for sentence in [
        "Created as a draft with the variants control, green.",
        "Started.",
        "Changed the traffic from 40% to 10%.",
        "Changed the weights from control 1, green 1 to control 1, green 3.",
        "Paused.",
        "Resumed.",
        "Stopped. The winner is green.",
        "Reason: It sells more.",
        "dashboard (edit)",
    ] {
        assert!(history.contains(sentence), "{sentence}: {history}");
    }
    assert_eq!(reader.violations(), [""; 0]);
    assert_eq!(complaints(&reader), [""; 0]);
}

#[test]
fn the_second_of_two_editors_sees_what_changed_and_keeps_the_typed_text() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({"status": "running"}));
    let (first, second) = (reader(&screen, &serve), reader(&screen, &serve));
    let edit = format!("{}/edit", link("button color"));
    for editor in [&first, &second] {
        editor.go(&edit);
        editor.see("#editor");
    }
    second.fill("[name=owner]", "the second");
    second.fill("[name=hypothesis]", "Mine.");
    first.fill("[name=description]", "What the first wrote.");
    first.fill("[name=hypothesis]", "Theirs.");
    first.click("#save:enabled");
    first.see_text("#definition", "What the first wrote.");
    second.see_text("#meanwhile", "Set the description to “What the first wrote.”.");
    second.see_text("#meanwhile", "You changed hypothesis too. Your text stays.");
    let value = |name: &str| second.ask(&format!("document.querySelector('[name={name}]').value"));
    assert_eq!(value("owner"), "the second");
    assert_eq!(value("hypothesis"), "Mine.");
    assert_eq!(value("description"), "What the first wrote.");
    assert_eq!(second.violations(), [""; 0]);
    second.picture("two-editors");
    second.click("#save:enabled");
    second.see_text("#definition", "owner the second");
    let stored = definition(&serve);
    assert_eq!(stored["description"], "What the first wrote.");
    assert_eq!((&stored["owner"], &stored["hypothesis"]), (&json!("the second"), &json!("Mine.")));

    // The same in the dialog of a step.
    second.click("#step-traffic");
    second.fill("dialog [name=traffic]", "20");
    second.see_text("dialog .effects li", "20% of all visitors no longer take part");
    patch(&serve, DEFINITION, &json!({"weights": {"green": 2}}));
    second.click("dialog .ends button:not(.close):enabled");
    second.see_text("dialog #meanwhile", "Changed the weights");
    assert_eq!(second.ask("document.querySelector('dialog [name=traffic]').value"), "20");
    second.click("dialog .ends button:not(.close):enabled");
    second.miss("dialog");
    second.see_text("#definition", "20% of visitors");
}

#[test]
fn a_change_that_visitors_notice_is_confirmed_before_it_is_saved() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({"status": "running"}));
    let reader = reader(&screen, &serve);
    reader.go(&format!("{}/edit", link("button color")));
    reader.fill("[name=traffic]", "15");
    reader.see_text(".effects", "25% of all visitors no longer take part.");
    reader.click("#save:enabled");
    reader.see_text("dialog", "Some counted visitors see the fallback");
    assert_eq!(definition(&serve)["traffic"], 40);
    reader.click("dialog .close");
    reader.miss("dialog");
    reader.click("#save:enabled");
    reader.click("dialog .main");
    reader.see_text("#definition", "15% of visitors");
    // What is fixed after the start is refused at its field.
    reader.click("#edit");
    reader.choose("[name=control]", "green");
    reader.see_text(".effects", "control cannot change");
    reader.see("#save:disabled");
}

#[test]
fn a_read_key_shows_nothing_that_its_reader_may_not_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("read-key");
    std::fs::write(&file, "a-key-that-reads-and-changes-nothing").unwrap();
    let mut serve = Serve::start(&["--read-key-file", file.to_str().unwrap()]);
    create(&serve, json!({"status": "running"}));
    record(&serve, "not defined", &[("a", 10, &[])]);
    serve.key = "a-key-that-reads-and-changes-nothing".to_owned();
    let screen = Screen::start();
    let reader = reader(&screen, &serve);
    assert!(reader.texts("#new").is_empty());
    reader.go(&link("button color"));
    reader.see_text("#definition", "running");
    assert_eq!(
        reader.texts("#definition .button, #definition button"),
        ["Explain a unit", "History"]
    );
    assert!(reader.texts("#delete").is_empty());
    reader.go(&link("not defined"));
    reader.see_text("h1", "not defined");
    assert!(reader.texts("#define, #delete").is_empty());
    reader.go("#/layers");
    reader.see_text("h1", "Layers");
    assert!(reader.texts("#new-layer, #settings, .layer form").is_empty());
    // A link to the editor shows the results instead.
    reader.go(&format!("{}/edit", link("button color")));
    reader.see("#definition");
    reader.go("#/new");
    reader.see("ol.rows");
    assert_eq!(reader.complaints(), [""; 0]);
}

#[test]
fn what_was_counted_and_not_declared_is_named() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({}));
    record(
        &serve,
        "button color",
        &[("control", 9, &[("signup", 3)]), (HOSTILE, 5, &[("paid", 1)])],
    );
    let reader = reader(&screen, &serve);
    reader.go(&link("button color"));
    reader.see_text("#undeclared", &format!("variant {HOSTILE}, goal paid."));
    assert_eq!(complaints(&reader), [""; 0]);
}

#[test]
fn a_schedule_is_written_in_the_readers_time() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({}));
    let reader = reader(&screen, &serve);
    reader.go(&format!("{}/edit", link("button color")));
    reader.fill("[name='schedule.start']", "2099-03-01T09:30");
    reader.click("#add-step");
    reader.fill("[name='schedule.ramp[0].at']", "2099-03-02T09:30");
    reader.fill("[name='schedule.ramp[0].traffic']", "75");
    let expected = reader.ask("new Date('2099-03-01T09:30').toISOString().slice(0, 19) + 'Z'");
    reader.click("#save:enabled");
    reader.see_text("#definition .schedule", "Traffic becomes 75%");
    let schedule = definition(&serve)["schedule"].clone();
    assert_eq!(schedule["start"], expected);
    assert_eq!(schedule["ramp"][0]["traffic"], 75);
    // A step in the past is refused at its field.
    reader.click("#edit");
    reader.fill("[name='schedule.start']", "2001-01-01T00:00");
    reader.see_text(".effects", "schedule.start");
    reader.see("#save:disabled");
}

#[test]
fn overrides_segments_labels_and_tags_are_typed_as_lines() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({}));
    let reader = reader(&screen, &serve);
    reader.go(&format!("{}/edit", link("button color")));
    reader.fill("[name=overrides]", "qa-1 = red");
    reader.see_text(".effects", "overrides");
    reader.see("[name=overrides][aria-invalid]");
    reader.see("#save:disabled");
    reader.fill("[name=overrides]", "qa-1 = green\nqa-2 = control");
    reader.fill("[name=segments]", "country = DE, AT");
    reader.fill("[name=labels]", "ticket = https://example.org/?id=7");
    reader.fill("[name=tags]", "checkout, spring");
    assert_eq!(reader.violations(), [""; 0]);
    reader.click("#save:enabled");
    reader.see("#definition");
    let stored = definition(&serve);
    assert_eq!(stored["overrides"], json!({"qa-1": "green", "qa-2": "control"}));
    assert_eq!(stored["segments"], json!({"country": ["DE", "AT"]}));
    assert_eq!(stored["labels"], json!({"ticket": "https://example.org/?id=7"}));
    assert_eq!(stored["tags"], json!(["checkout", "spring"]));
    // The next person sees the lines again.
    reader.click("#edit");
    reader.see("#editor");
    let value = reader.ask("document.querySelector('[name=overrides]').value");
    assert_eq!(value, "qa-1 = green\nqa-2 = control");
    assert_eq!(complaints(&reader), [""; 0]);
}

#[test]
fn layers_are_described_and_deleted_and_the_settings_change() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    patch(&serve, "/settings", &json!({"layers": [{"name": "checkout"}, {"name": "old"}]}));
    create(&serve, json!({"layer": "checkout"}));
    let reader = reader(&screen, &serve);
    reader.go("#/layers");
    reader.fill("[name='description of checkout']", "Everything about paying.");
    reader.click(".layer:has([name='description of checkout']) button:not(.danger)");
    reader.see_text("#status", "Saved the layer checkout.");
    reader.see_text(".layer > p", "Everything about paying.");
    let remove = |layer: &str| {
        reader.click(&format!(".layer:has([name='description of {layer}']) .danger"));
        reader.see_text("dialog", "only a layer without experiments");
        assert_eq!(reader.violations(), [""; 0]);
        reader.click("dialog .danger");
        reader.miss("dialog");
    };
    remove("old");
    reader.see_text("#status", "Deleted the layer old.");
    remove("checkout");
    reader.see_text(".layer .wrong", "its experiments are button color");
    let layers = serve.get("/settings").json()["layers"].clone();
    assert_eq!(layers.as_array().unwrap().len(), 1);
    assert_eq!(layers[0]["description"], "Everything about paying.");

    reader.choose("#settings [name=accept]", "declared");
    reader.fill("#settings [name=defaults]", r#"{"owner": "shop"}"#);
    // Another person adds a layer meanwhile: what is typed stays, and so does the layer.
    patch(&serve, "/settings", &json!({"layers": [{"name": "checkout"}, {"name": "other"}]}));
    reader.see("[name='description of other']");
    reader.click("#settings .main");
    reader.see_text("#status", "Saved the settings.");
    let settings = serve.get("/settings").json();
    assert_eq!(
        (&settings["accept"], &settings["defaults"]),
        (&json!("declared"), &json!({"owner": "shop"}))
    );
    assert_eq!(settings["layers"].as_array().unwrap().len(), 2);
}

#[test]
fn layers_are_bars_with_their_owners() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({}));
    let reader = reader(&screen, &serve);
    reader.go("#/layers");
    reader.fill("#new-layer [name=name]", "checkout");
    reader.click("#new-layer button");
    reader.see_text(".layer", "100% free");
    for (name, traffic) in [("one", 30), ("two", 20)] {
        let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "layer": "checkout",
                          "traffic": traffic, "status": "running"});
        put(&serve, &format!("/experiments/{name}/definition"), &body);
    }
    reader.see_text(".layer", "50% free");
    assert_eq!(reader.attributes(".slots rect", "width"), [Some("30%".into()), Some("20%".into())]);
    reader.see_text(".layer li", "two 20%");
    assert_eq!(reader.violations(), [""; 0]);
    // A layer that is full lists its holders.
    reader.go("#/new");
    reader.fill("[name=name]", "three");
    reader.choose("[name=layer]", "checkout");
    reader.choose("[name=status]", "running");
    reader.fill("[name=traffic]", "60");
    reader.see_text(".effects", "one");
    reader.see("#save:disabled");
}

#[test]
fn the_views_of_definitions_fit_each_screen_and_are_accessible() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    patch(&serve, "/settings", &json!({"layers": [{"name": "checkout"}]}));
    create(
        &serve,
        json!({"status": "running", "layer": "checkout", "description": HOSTILE, "owner": "shop",
               "schedule": {"start": null, "stop": "2099-01-01T00:00:00Z",
                            "ramp": [{"at": "2098-01-01T00:00:00Z", "traffic": 50}]}}),
    );
    let one = link("button color");
    let views = [
        ("new", "#/new".to_owned(), "New experiment"),
        ("defined", one.clone(), "Traffic becomes 50%"),
        ("edit", format!("{one}/edit"), "Edit button color"),
        ("history", format!("{one}/history"), "Created and started"),
        ("explain", format!("{one}/explain"), "Explain a unit of button color"),
        ("layers", "#/layers".to_owned(), "60% free"),
        ("listed", "#/".to_owned(), "40% of visitors"),
    ];
    for scheme in ["light", "dark"] {
        for width in [390, 1024, 1920] {
            let reader = reader_with(&screen, &serve, json!({"width": width, "scheme": scheme}));
            for (name, hash, seen) in &views {
                reader.go(hash);
                reader.see_text("main", seen);
                let place = format!("{name} at {width}, {scheme}");
                reader.picture(&format!("{name}-{width}-{scheme}"));
                assert!(reader.overflow() <= 0, "{place}");
                assert_eq!(reader.violations(), [""; 0], "{place}");
                assert_eq!(complaints(&reader), [""; 0], "{place}");
            }
        }
    }
}

#[test]
fn the_page_explains_what_a_unit_gets_and_what_would_have_to_change() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({"status": "running", "traffic": 100, "targeting": {"country": "DE"}}));
    let reader = reader(&screen, &serve);
    reader.go(&link("button color"));
    reader.click("#explain-unit");
    reader.fill("[name=unit]", "visitor-1");
    reader.fill("[name=attributes]", "country=AT\nage=30");
    reader.click("#explain button");
    reader.see_text("#explained", "reason: targeting");
    reader.see_text("#explained", "It is not an exposure");
    reader.see_text("#explained", "For the unit to take part: ");
    reader.see_text(".history li:last-child", "The attributes do not match the targeting");
    reader.see_text(".history li:last-child", "this step decided");
    assert_eq!(reader.violations(), [""; 0]);

    reader.fill("[name=attributes]", "country=DE");
    reader.click("#explain button");
    let told = serve.get("/experiments/button%20color/explain?unit=visitor-1&attribute.country=DE");
    let told = told.json();
    reader.see_text("#explained", "It counts as an exposure");
    reader.see_text("#explained strong", told["variant"].as_str().unwrap());
    let steps = told["steps"].as_array().unwrap();
    let findings = reader.texts(".history li p:last-child");
    assert_eq!(
        findings,
        steps.iter().map(|step| step["finding"].as_str().unwrap()).collect::<Vec<_>>()
    );
    let last = &steps[steps.len() - 1];
    reader.see_text(".history li:last-child", &format!("bucket {} of 10,000", last["bucket"]));
    reader.fill("[name=attributes]", &format!("a={}{}", "[".repeat(20), "]".repeat(20)));
    reader.click("#explain button");
    reader.see_text("#explain [role=alert]", "nested too deeply");
    reader.miss("#explained");
    assert_eq!(serve.count("button color", "participate", "control"), 0);
}

#[test]
fn an_experiment_is_created_and_started_from_the_keyboard() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    create(&serve, json!({}));
    let reader = reader(&screen, &serve);
    let tab_to = |selector: &str| {
        for _ in 0..80 {
            reader.press(&["Tab"]);
            if reader.ask(&format!("document.activeElement.matches({selector:?})")) == true {
                return;
            }
        }
        panic!("no way to {selector} with Tab");
    };
    tab_to("#new");
    reader.press(&["Enter"]);
    reader.see("#editor");
    tab_to("[name=name]");
    reader.type_text("typed");
    reader.see("#save:enabled");
    tab_to("#save");
    reader.press(&["Enter"]);
    reader.see("#step-start");
    tab_to("#step-start");
    reader.press(&["Enter"]);
    reader.see_text("dialog .effects li", "100% of all visitors take part");
    tab_to("dialog .ends button.main");
    reader.press(&["Enter"]);
    reader.see_text("#definition .status", "running");
}
