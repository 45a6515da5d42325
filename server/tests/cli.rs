//! The binary from outside: what it says of itself, what it refuses, and what it keeps to itself.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::process::{Command, Output, Stdio};
use support::child::trunkline;
use support::eventually;
use support::server::Database;

/// Runs to the end.
fn run(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it says when it refuses to start with these settings.
fn refusal(settings: &[&str]) -> String {
    let database = Database::new();
    let output = run(trunkline().args(["--listen", "127.0.0.1:0", "--database", &database.url()]).args(settings));
    assert!(!output.status.success(), "{settings:?} was taken");
    let said = text(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn help_explains_every_setting_with_its_variable() {
    let output = run(trunkline().arg("--help"));
    assert!(output.status.success());
    let help = text(&output.stdout);
    let settings = [
        "config",
        "listen",
        "public-url",
        "allowed-origins",
        "trusted-proxies",
        "database",
        "durability",
        "bus",
        "bus-prefix",
        "routing",
        "registration",
        "sends-per-second",
        "session-days",
        "drain-seconds",
        "log",
        "log-json",
        "otlp",
    ];
    for setting in settings {
        let flag = format!("--{setting}");
        let variable = format!("TRUNKLINE_{}", setting.to_uppercase().replace('-', "_"));
        assert!(help.contains(&flag), "{flag} is missing");
        assert!(help.contains(&variable), "{variable} is missing");
    }
    for command in ["serve", "export", "import", "backup", "new-epoch"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command} is missing");
    }
    for known in help.lines().filter_map(|line| line.trim().strip_prefix("--")) {
        let name: String = known.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '-').collect();
        assert!(settings.contains(&name.as_str()), "--{name} is new: name it in this test");
    }
}

#[test]
fn nonsense_is_refused_with_a_sentence_that_says_what_to_do() {
    for (settings, wanted) in [
        (&["--bus", "redis:/nowhere"][..], "such as redis://127.0.0.1:6379"),
        (&["--bus", "kafka://localhost"], "such as redis://127.0.0.1:6379"),
        (&["--bus", "redis://local host:port"], "bus"),
        (&["--routing", "carrier-pigeon"], "broadcast, directed"),
        (&["--durability", "hope"], "fsync, os"),
        (&["--registration", "maybe"], "open, invite, closed"),
        (&["--public-url", "chat.example.org"], "such as https://chat.example.org"),
        (&["--session-days", "0"], "1 to 365"),
        (&["--drain-seconds", "60"], "at most 6"),
        (&["--bus-prefix", "a b"], "1 to 64"),
        (&["--log", "=loud="], "log"),
        (&["--config", "/nowhere/at/all.toml"], "can not be read"),
        (&["--telepathy"], "--telepathy"),
    ] {
        let said = refusal(settings);
        assert!(said.contains(wanted), "{settings:?}: {said}");
    }
}

#[test]
fn a_database_that_is_none_is_refused() {
    let output = run(trunkline().args(["--listen", "127.0.0.1:0", "--database", "mysql://user:secret@host/db"]));
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("sqlite:") && !said.contains("secret"), "{said}");
    let output = run(trunkline().args(["--database", "postgres://user:secret@127.0.0.1:1/db?connect_timeout=1"]));
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("postgres://127.0.0.1:1/db") && !said.contains("secret"), "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are my notes, not a database, and shall stay as they are").expect("written");
    let output =
        run(trunkline().args(["--listen", "127.0.0.1:0", "--database", &format!("sqlite:{}", file.display())]));
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("can not be opened"), "{}", text(&output.stderr));
    let notes = std::fs::read_to_string(&file).expect("still there");
    assert!(notes.starts_with("these are my notes"), "{notes}");
}

#[test]
fn an_address_in_use_is_refused_and_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let database = Database::new();
    let output = run(trunkline().args(["--database", &database.url()]).env("TRUNKLINE_LISTEN", &address));
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains(&address) && said.contains("something else"), "{said}");
}

#[test]
fn a_setting_in_the_file_that_is_none_is_refused_and_one_that_is_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trunkline.toml");
    std::fs::write(&file, "rooting = 'directed'\n").expect("written");
    let said = refusal(&["--config", &file.display().to_string()]);
    assert!(said.contains("rooting"), "{said}");
    std::fs::write(&file, "bus = 'nowhere'\n").expect("written");
    let said = refusal(&["--config", &file.display().to_string()]);
    assert!(said.contains("such as redis://127.0.0.1:6379"), "{said}");
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trunkline.toml");
    // Each says nonsense of its own, so that the refusal shows whom it read.
    std::fs::write(&file, "database = 'file:x'\n").expect("written");
    let refused = |flag: Option<&str>, variable: Option<&str>| {
        let mut command = trunkline();
        command.arg("--config").arg(&file);
        command.args(flag.iter().flat_map(|flag| ["--database", flag]));
        command.envs(variable.map(|variable| ("TRUNKLINE_DATABASE", variable)));
        text(&run(&mut command).stderr)
    };
    assert!(refused(None, None).contains("file:…"));
    assert!(refused(None, Some("variable:x")).contains("variable:…"));
    assert!(refused(Some("flag:x"), Some("variable:x")).contains("flag:…"));
}

#[test]
fn a_new_history_needs_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite:{}", folder.path().join("nothing.db").display());
    let output = run(trunkline().args(["new-epoch", "--database", &database]));
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("there is no file"), "{}", text(&output.stderr));
    assert!(!folder.path().join("nothing.db").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_copied_and_moved_by_commands() {
    let (from, to, folder) = (Database::new(), Database::new(), tempfile::tempdir().expect("a folder"));
    let server = support::server::TestServer::start_with(&from, Default::default()).await;
    server.register("ann").await;
    let file = |name: &str| folder.path().join(name).display().to_string();
    let done = |database: &str, words: &[&str]| {
        let output = run(trunkline().args(words).args(["--database", database]));
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    };
    // While the node runs.
    let (copied, said) = done(&from.url(), &["backup", &file("copy.db")]);
    assert!(copied && said.contains("copy.db"), "{said}");
    let (exported, said) = done(&from.url(), &["export", &file("all.jsonl")]);
    assert!(exported && said.contains("2 rows"), "{said}");
    let (imported, said) = done(&from.url(), &["import", &file("all.jsonl")]);
    assert!(!imported && said.contains("stop all nodes first"), "{said}");
    let (again, said) = done(&from.url(), &["export", &file("all.jsonl")]);
    assert!(!again && said.contains("exists already"), "{said}");
    let (imported, said) = done(&to.url(), &["import", &file("all.jsonl")]);
    assert!(imported && said.contains("2 rows"), "{said}");
    let (imported, said) = done(&to.url(), &["import", &file("all.jsonl")]);
    assert!(!imported && said.contains("not empty"), "{said}");
    let moved = support::server::TestServer::start_with(&to, Default::default()).await;
    moved.log_in("ann").await;
    moved.stop().await;
    let (_, said) = done(&format!("sqlite:{}", file("copy.db")), &["export", &file("copy.jsonl")]);
    assert!(said.contains("2 rows"), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn a_password_is_in_no_output() {
    let database = Database::new();
    let mut process = trunkline()
        .args(["--listen", "127.0.0.1:0", "--database", &database.url(), "--log", "trace"])
        // Nobody listens there, so that every complaint about it is in the logs too.
        .env("TRUNKLINE_BUS", "redis://trunk:open-sesame@127.0.0.1:9")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let (out, err) = (process.stdout.take().expect("a pipe"), process.stderr.take().expect("a pipe"));
    let collected = [collect(out), collect(err)];
    eventually("a complaint about the bus", support::SOON, async || {
        let said: String = collected.iter().map(|said| said.lock().expect("no panic").clone()).collect();
        (said.contains("is not connected") && said.contains("Trunkline is at")).then_some(())
    })
    .await;
    process.kill().expect("killed");
    process.wait().expect("ended");
    for said in &collected {
        let said = said.lock().expect("no panic");
        assert!(!said.contains("open-sesame"), "{said}");
    }
    let help = run(trunkline().arg("--help").env("TRUNKLINE_BUS", "redis://trunk:open-sesame@127.0.0.1:9"));
    assert!(!text(&help.stdout).contains("open-sesame"));
    let help = run(trunkline().arg("--help").env("TRUNKLINE_DATABASE", "postgres://trunk:open-sesame@127.0.0.1/x"));
    assert!(!text(&help.stdout).contains("open-sesame"));
    // The other nodes are told where this one can be heard, and nothing more.
    let lock = std::fs::read_to_string(database.lock_path()).expect("a lock");
    assert!(lock.contains("127.0.0.1:9") && !lock.contains("open-sesame") && !lock.contains("trunk:"), "{lock}");
}

/// Gathers what comes, as it comes.
fn collect(mut from: impl std::io::Read + Send + 'static) -> std::sync::Arc<std::sync::Mutex<String>> {
    let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let into = said.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().expect("no panic").push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
    said
}
