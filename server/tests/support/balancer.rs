//! A balancer before nodes: the real program, with the configuration that stands in `deploy/`, on ports of the test's own.

use super::redis::free_port;
use super::{SOON, eventually};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Which program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    /// With `deploy/nginx/nginx.conf`.
    Nginx,
    /// With `deploy/caddy/Caddyfile`.
    Caddy,
}

/// See the module. Ended with the test.
pub(crate) struct Balancer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("deploy").join(path)
}

/// The text with each of these replaced. A test would try something else than what stands there if one were missing.
fn replaced(path: &str, replacements: &[(&str, String)]) -> String {
    let text = std::fs::read_to_string(deploy(path)).expect(path);
    replacements.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{path} holds {old}");
        text.replace(old, new)
    })
}

impl Balancer {
    /// Starts it before these three nodes, and waits until it passes on.
    pub(crate) async fn start(program: Program, nodes: [SocketAddr; 3]) -> Self {
        let (folder, port) = (TempDir::new().expect("a temporary folder"), free_port());
        let mut command = match program {
            Program::Nginx => nginx(folder.path(), port, nodes),
            Program::Caddy => caddy(folder.path(), port, nodes),
        };
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().unwrap_or_else(|error| {
            panic!(
                "this test needs the program {program:?}: install the package of that name in small letters: {error}"
            )
        });
        let balancer = Self { process, port, _folder: folder };
        eventually("it passes on", SOON, async || {
            let answer = reqwest::get(balancer.url("/readyz")).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        balancer
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // By its own signal first, or its workers would stay.
        let _ = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.process.id())]).status();
        let _ = self.process.wait();
    }
}

fn nginx(folder: &Path, port: u16, [first, second, third]: [SocketAddr; 3]) -> Command {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temps = kinds.map(|kind| format!("    {kind}_temp_path temp-{kind};\n")).concat();
    let text = replaced(
        "nginx/nginx.conf",
        &[
            ("172.30.0.11:3000", first.to_string()),
            ("172.30.0.12:3000", second.to_string()),
            ("172.30.0.13:3000", third.to_string()),
            ("listen 8080", format!("listen 127.0.0.1:{port}")),
            (
                "include proxy.conf",
                format!("access_log off;\n{temps}    include {}", deploy("nginx/proxy.conf").display()),
            ),
        ],
    );
    // As root it would give up its rights, and then find this folder closed.
    let is_root = std::fs::read_dir("/root").is_ok();
    let own = if is_root { "user root;\n" } else { "" };
    std::fs::write(folder.join("nginx.conf"), format!("{own}daemon off;\npid nginx.pid;\n{text}")).expect("written");
    // Debian keeps it off everybody's PATH.
    let known = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).is_file());
    let mut command = Command::new(known.unwrap_or("nginx"));
    command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(folder);
    command
}

fn caddy(folder: &Path, port: u16, [first, second, third]: [SocketAddr; 3]) -> Command {
    let text = replaced(
        "caddy/Caddyfile",
        &[
            ("chat.example.org {", format!("http://127.0.0.1:{port} {{")),
            ("127.0.0.1:3001", first.to_string()),
            ("127.0.0.1:3002", second.to_string()),
            ("127.0.0.1:3003", third.to_string()),
        ],
    );
    // The port for orders to it would be the same for all.
    std::fs::write(folder.join("Caddyfile"), format!("{{\n\tadmin off\n}}\n{text}")).expect("written");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"]);
    command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder).env("HOME", folder);
    command
}
