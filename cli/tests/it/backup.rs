//! `paramedic backup` and `paramedic audit`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value;

use crate::{
    program::{run, stderr, stdout},
    serving::Server,
};

const CREATE: [&str; 5] = ["patches", "create", "--set", "spark.executor.memory=2g", "--json"];

fn create(server: &Server, workflow: &str) -> String {
    let scope = format!("workflow={workflow}");
    let made = server.json(&[&CREATE[..], &["--scope", &scope]].concat());
    made["id"].as_str().unwrap().to_owned()
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_copy_taken_while_serving_restores() {
    let server = Server::start();
    let before: Vec<_> = (0..3).map(|number| create(&server, &format!("before-{number}"))).collect();
    let (data, copy) = (server.path("data"), server.path("copy"));
    let backup = ["backup", "--data-dir", data.to_str().unwrap(), copy.to_str().unwrap()];
    let copied = AtomicBool::new(false);
    let during = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut made = Vec::new();
            while !copied.load(Ordering::SeqCst) || made.is_empty() {
                made.push(create(&server, &format!("during-{}", made.len())));
            }
            made
        });
        let output = run(&backup);
        copied.store(true, Ordering::SeqCst);
        assert!(output.status.success(), "{}", stderr(&output));
        writer.join().unwrap()
    });
    create(&server, "after");
    let again = run(&backup);
    assert_eq!(again.status.code(), Some(2), "a copy is never written over");

    let (directory, process) = server.into_parts();
    drop(process);
    let restored = Server::start_in(directory, "copy");
    let mut found = ids(&restored.json(&["patches", "list", "--limit", "500", "--json"]));
    found.reverse();
    assert_eq!(found[..3], before, "what was there before the copy");
    let (later, made) = (&found[3..], &during[..found.len() - 3]);
    assert_eq!(later, made, "of one moment: what was made during it up to there, in order, and nothing later");
    create(&restored, "restored");
}

#[test]
fn a_backup_of_nothing_says_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let output = run(&["backup", "--data-dir", folder.path().to_str().unwrap(), copy.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("pg_dump") && !copy.exists(), "{}", stderr(&output));
}

#[test]
fn the_audit_log_tells_who_changed_what() {
    let server = Server::start();
    let id = create(&server, "w");
    server.json(&["patches", "pause", &id, "--reason", "looks wrong", "--json"]);
    let freeze = server.json(&["patches", "freeze", "--everything", "--json"]);
    let text = stdout(&server.ask(&["audit", "--since", "1h"]));
    assert!(text.contains("looks wrong") && text.contains(freeze["id"].as_str().unwrap()), "{text}");
    let of_patch = server.json(&["audit", "--kind", "patch", "--subject", &id, "--json"]);
    let changes = of_patch["items"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!((&changes[0]["change"], &changes[0]["before"]["status"]), (&"pause".into(), &"active".into()));
    assert_eq!(server.json(&["audit", "--actor", "nobody", "--json"])["items"].as_array().unwrap().len(), 0);
}
