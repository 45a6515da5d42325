//! The load balancer.

use super::program::{Program, find};
use anyhow::Result;
use rustix::process::{Signal, geteuid};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::net::TcpStream;

/// See the module. It passes on as `deploy/nginx/proxy.conf` says, which every configuration of ours includes.
#[derive(Debug)]
pub(crate) struct Nginx {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    fronts: Vec<SocketAddr>,
    folder: PathBuf,
    deploy: PathBuf,
    program: Option<Program>,
}

impl Nginx {
    /// Starts it before these.
    ///
    /// # Errors
    /// If it is missing or does not start.
    pub(super) async fn new(
        address: SocketAddr,
        fronts: Vec<SocketAddr>,
        folder: &Path,
        deploy: &Path,
    ) -> Result<Self> {
        let mut nginx = Self { address, fronts, folder: folder.to_owned(), deploy: deploy.to_owned(), program: None };
        nginx.start(None).await?;
        Ok(nginx)
    }

    /// Starts it again, with another time after which it ends what is silent.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn start(&mut self, idle: Option<Duration>) -> Result<()> {
        let configuration = self.folder.join("nginx.conf");
        fs::write(&configuration, self.configuration(idle)?)?;
        let mut command = Command::new(find("nginx")?);
        command.args(["-e", "stderr", "-p"]).arg(&self.folder).arg("-c").arg(&configuration);
        let mut program = Program::start("nginx", &mut command, &self.folder)?;
        let address = self.address;
        program.ready(async || TcpStream::connect(address).await.is_ok()).await?;
        self.program = Some(program);
        Ok(())
    }

    /// Ends it at once, with all that goes through it.
    pub(crate) async fn stop(&mut self) {
        if let Some(mut program) = self.program.take() {
            // Its own word for "at once": a kill would leave its workers behind.
            program.signal(Signal::TERM);
            program.ended(Duration::from_secs(5)).await;
        }
    }

    fn configuration(&self, idle: Option<Duration>) -> Result<String> {
        let (folder, door) = (self.folder.display(), self.address);
        // As root it would give up its rights and then find its own folder closed.
        let user = if geteuid().is_root() { "user root;\n" } else { "" };
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temps = kinds.map(|kind| format!("    {kind}_temp_path {folder}/temp-{kind};\n")).concat();
        let member = |front: &SocketAddr| format!("        server {front} max_fails=0;\n");
        let members: String = self.fronts.iter().map(member).collect();
        let mut passing = fs::read_to_string(self.deploy.join("nginx/proxy.conf"))?;
        if let Some(idle) = idle {
            passing = passing.replace("_timeout 75s;", &format!("_timeout {}s;", idle.as_secs()));
        }
        fs::write(self.folder.join("proxy.conf"), passing)?;
        Ok(format!(
            "{user}daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
    access_log off;
{temps}    include {folder}/proxy.conf;
    upstream trunkline {{
{members}    }}
    server {{
        listen {door} backlog=4096;
        location / {{
            proxy_pass http://trunkline;
        }}
    }}
}}
"
        ))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(program) = &self.program {
            program.signal(Signal::TERM);
            // Its workers end with it; it is killed a moment later.
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
