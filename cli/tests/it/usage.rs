//! Exit codes of wrong usage and of services that are not there.

use crate::program::{nobody, run, stderr, stdout};

#[test]
fn wrong_usage_exits_with_2_and_says_how_to_mend_it() {
    for (arguments, mend) in [
        (&[][..], "Usage"),
        (&["submit"], "COMMAND"),
        (&["submit", "--server", "nowhere", "--", "true"], "write http://host:port"),
        (&["submit", "--workflow", "", "--", "true"], "must not be empty"),
        (&["submit", "--token-file", "/no/such/file", "--", "true"], "--token-file"),
        (&["patches", "create", "--scope", "workflow=w"], "--set"),
        (&["patches", "create", "--set", "a=b", "--scope", "team=core"], "label.NAME"),
        (&["patches", "create", "--set", "a=b", "--expires-in", "soon"], "7d"),
        (&["failures", "list", "--limit", "0"], "1..=500"),
        (&["failures", "list", "--category", "oops"], "memory_configuration"),
        (&["classify"], "FILE"),
        (&["classify", "--log", "oops", "-"], "driver.stderr"),
        (&["rules", "--rules", "/no/such/folder", "check"], "no such folder"),
        (&["rules", "test", "--min-coverage", "101"], "from 0 to 100"),
        (&["classify", "-", "--container", "executor"], "executor:OOMKilled:137"),
        #[cfg(target_os = "linux")]
        (&["hostagent", "--memory-share", "0.9"], "give 0 to 0.5"),
        #[cfg(target_os = "linux")]
        (&["hostagent", "--server", "nowhere", "--no-bpf", "--listen", "127.0.0.1:0"], "write http://host:port"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(mend), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_service_that_is_not_there_exits_with_3() {
    let nobody = nobody();
    let id = "0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55";
    for arguments in [
        &["failures", "--server", &nobody, "list"][..],
        &["failures", "--server", &nobody, "show", id],
        &["patches", "--server", &nobody, "list"],
        &["patches", "--server", &nobody, "create", "--scope", "workflow=w", "--set", "spark.executor.memory=1g"],
        &["models", "--server", &nobody, "list"],
        &["rules", "inbox", "--server", &nobody],
        &["rules", "draft", "ca978112ca1b", "--server", &nobody],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("paramedic serve"), "{}", stderr(&output));
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let mut commands = vec![
        vec!["submit"],
        vec!["classify"],
        vec!["rules"],
        vec!["rules", "check"],
        vec!["rules", "test"],
        vec!["rules", "list"],
        vec!["rules", "explain"],
        vec!["rules", "backtest"],
        vec!["rules", "new"],
        vec!["rules", "eval"],
        vec!["rules", "schema"],
        vec!["rules", "inbox"],
        vec!["rules", "draft"],
        vec!["failures", "list"],
        vec!["failures", "show"],
        vec!["patches", "list"],
        vec!["patches", "show"],
        vec!["patches", "create"],
        vec!["patches", "revoke"],
        vec!["patches", "pause"],
        vec!["patches", "resume"],
        vec!["patches", "activate"],
        vec!["patches", "renew"],
        vec!["patches", "rollback"],
        vec!["patches", "history"],
        vec!["patches", "explain"],
        vec!["patches", "freeze"],
        vec!["patches", "unfreeze"],
        vec!["patches", "freezes"],
        vec!["models", "list"],
        vec!["models", "show"],
        vec!["models", "promote"],
        vec!["models", "rollback"],
    ];
    if cfg!(feature = "server") {
        commands.extend([vec!["serve"], vec!["train"]]);
    }
    for mut command in commands {
        command.push("--help");
        let output = run(&command);
        assert!(output.status.success());
        assert!(stdout(&output).contains("Example:\n  "), "{command:?}");
    }
}
