//! What a cluster consists of: the same as `deploy/compose.yaml` says, on the ports of one machine.
//!
//! A test holds the two against each other, and both against the server's own options.

use std::path::Path;

/// How long clients have to move when a node stops.
pub(super) const DRAIN_SECONDS: &str = "5";
/// How long a node that was told to stop is waited for: it is gone within ten seconds whatever hangs.
pub(super) const STOP_SECONDS: u64 = 15;

/// The settings of a node, by the names of the server's environment.
pub(super) fn node(listen: &str, database: &str, bus: &str, proxy: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TRUNKLINE_LISTEN", listen.to_owned()),
        ("TRUNKLINE_DATABASE", database.to_owned()),
        ("TRUNKLINE_BUS", bus.to_owned()),
        ("TRUNKLINE_TRUSTED_PROXIES", proxy.to_owned()),
        ("TRUNKLINE_DRAIN_SECONDS", DRAIN_SECONDS.to_owned()),
    ]
}

/// What Redis is started with: it is the doorbell, and keeps nothing.
pub(super) const REDIS: [&str; 4] = ["--save", "", "--appendonly", "no"];

/// nginx' configuration, around the part that every configuration of ours includes.
pub(super) fn nginx(deploy: &Path, folder: &Path, door: u16, nodes: &[u16], is_root: bool) -> String {
    // As root it would give up its rights and then find its own folder closed.
    let user = if is_root { "user root;\n" } else { "" };
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temps = kinds.map(|kind| format!("    {kind}_temp_path {}/temp-{kind};\n", folder.display())).concat();
    let member = |port: &u16| format!("        server 127.0.0.1:{port} max_fails=0;\n");
    let members: String = nodes.iter().map(member).collect();
    format!(
        "{user}daemon off;
pid {}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
    access_log off;
{temps}    include {}/nginx/proxy.conf;
    upstream trunkline {{
{members}    }}
    server {{
        listen 127.0.0.1:{door};
        location / {{
            proxy_pass http://trunkline;
        }}
    }}
}}
",
        folder.display(),
        deploy.display()
    )
}
