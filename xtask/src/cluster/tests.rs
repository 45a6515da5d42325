//! What stands in `deploy/` is true: it is read strictly, and held against [`super::topology`] and the server's options.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_yaml_ng::Value;

use super::{free_ports, topology};
use crate::workspace::Workspace;

pub(super) fn text(path: &str) -> String {
    let path = Workspace::find().unwrap().root.join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

// ---- the parts of the compose specification that we use, and nothing else ------------------------------------

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    name: String,
    #[serde(rename = "x-node")]
    _node: Value,
    services: BTreeMap<String, ComposeService>,
    networks: BTreeMap<String, Network>,
    volumes: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ComposeService {
    image: String,
    build: Option<Build>,
    restart: String,
    stop_grace_period: Option<String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    cap_drop: Vec<String>,
    #[serde(default)]
    security_opt: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    depends_on: Option<Value>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    networks: BTreeMap<String, Address>,
    #[serde(default)]
    command: Vec<String>,
    healthcheck: Option<Health>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    context: String,
    dockerfile: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    ipv4_address: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Health {
    test: Vec<String>,
    interval: String,
    timeout: String,
    retries: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    ipam: Ipam,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ipam {
    config: Vec<BTreeMap<String, String>>,
}

fn compose() -> Compose {
    let mut value: Value = serde_yaml_ng::from_str(&text("deploy/compose.yaml")).unwrap();
    value.apply_merge().unwrap();
    serde_yaml_ng::from_value(value).unwrap()
}

fn seconds(text: &str) -> u64 {
    text.strip_suffix('s').and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text} is no time"))
}

fn nodes(compose: &Compose) -> Vec<&ComposeService> {
    compose.services.iter().filter(|(name, _)| name.starts_with("node-")).map(|(_, service)| service).collect()
}

// ---- tests ---------------------------------------------------------------------------------------------------

#[test]
fn the_compose_file_has_what_a_cluster_has_and_every_image_has_a_version() {
    let compose = compose();
    assert_eq!(compose.name, "trunkline");
    let names: Vec<_> = compose.services.keys().map(String::as_str).collect();
    assert_eq!(names, ["nginx", "node-1", "node-2", "node-3", "postgres", "redis"]);
    for (name, service) in &compose.services {
        assert!(service.build.is_some() || service.image.contains(':'), "{name} has no version");
        assert!(!service.image.ends_with(":latest") && service.restart == "unless-stopped", "{name}");
        let limits = service.healthcheck.iter().map(|health| (seconds(&health.interval), seconds(&health.timeout)));
        assert!(limits.clone().all(|(interval, timeout)| interval <= 5 && timeout <= interval), "{name}");
        let tested = service.healthcheck.iter().all(|health| health.retries > 3 && health.test[0] == "CMD");
        assert!(tested, "{name}");
        let declared = |volume: &&String| !volume.starts_with('.');
        for volume in service.volumes.iter().filter(declared) {
            let volume = volume.split(':').next().unwrap();
            assert!(compose.volumes.contains_key(volume), "{name}: {volume} is not declared");
        }
    }
    assert_eq!(compose.services["redis"].command[1..], topology::REDIS.map(str::to_owned));
    assert_eq!(compose.services["nginx"].ports, ["127.0.0.1:8080:8080"]);
}

#[test]
fn nodes_of_the_compose_file_have_the_settings_of_a_cluster() {
    let compose = compose();
    let door = &compose.services["nginx"].networks["default"].ipv4_address;
    for node in nodes(&compose) {
        let given: BTreeMap<_, _> =
            node.environment.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let database = given["TRUNKLINE_DATABASE"].clone();
        let wanted = topology::node("0.0.0.0:3000", &database, "redis://redis:6379", door);
        assert_eq!(given, wanted.into_iter().collect());
        let postgres = &compose.services["postgres"].environment;
        let password = &postgres["POSTGRES_PASSWORD"];
        let (user, name) = (&postgres["POSTGRES_USER"], &postgres["POSTGRES_DB"]);
        assert_eq!(database, format!("postgres://{user}:{password}@postgres:5432/{name}"));
        assert_eq!(node.stop_grace_period.as_deref().map(seconds), Some(topology::STOP_SECONDS));
        assert!(node.read_only && node.cap_drop == ["ALL"] && node.security_opt == ["no-new-privileges:true"]);
        assert!(node.depends_on.as_ref().is_some_and(|on| on.get("postgres").is_some() && on.get("redis").is_some()));
        let build = node.build.as_ref().unwrap();
        let root = Workspace::find().unwrap().root.join("deploy").join(&build.context);
        assert!(root.join(&build.dockerfile).is_file());
    }
}

#[test]
fn nginx_before_the_containers_knows_their_addresses_and_passes_on_as_every_other() {
    let (compose, nginx) = (compose(), text("deploy/nginx/nginx.conf"));
    let subnet = compose.networks["default"].ipam.config[0]["subnet"].trim_end_matches("0/24").to_owned();
    let members: BTreeSet<_> = nginx
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server ")?.split_once(":3000 max_fails=0;"))
        .map(|(address, _)| address.to_owned())
        .collect();
    let addresses: BTreeSet<_> =
        nodes(&compose).iter().map(|node| node.networks["default"].ipv4_address.clone()).collect();
    assert_eq!(members, addresses);
    assert!(addresses.iter().all(|address| address.starts_with(&subnet)), "{subnet}: {addresses:?}");
    for file in &compose.services["nginx"].volumes {
        let file = file.split(':').next().unwrap().trim_start_matches("./");
        assert!(!text(&format!("deploy/{file}")).is_empty());
    }
    let ports = free_ports(4).unwrap();
    assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
    let folder = tempfile::tempdir().unwrap();
    let own = topology::nginx(Path::new("/deploy"), folder.path(), ports[0], &ports[1..], false);
    for part in ["proxy.conf;", "max_fails=0;", "proxy_pass http://trunkline;"] {
        assert!(own.contains(part) && nginx.contains(part), "{part}");
    }
    // Nothing that could be said twice, and differ.
    for directive in ["proxy_set_header", "proxy_next_upstream", "_timeout 7", "ip_hash", "sticky", "hash "] {
        assert!(!own.contains(directive) && !nginx.contains(directive), "{directive}");
    }
}

#[test]
fn every_setting_in_deploy_is_one_of_the_servers() {
    let options = text("server/src/config/options.rs");
    let files = [
        "deploy/compose.yaml",
        "deploy/Dockerfile",
        "deploy/systemd/trunkline@.service",
        "deploy/kubernetes/trunkline.yaml",
    ];
    for file in files {
        let text = text(file);
        let words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
        let names: BTreeSet<_> = words.filter(|word| word.len() > 11 && word.starts_with("TRUNKLINE_")).collect();
        assert!(names.len() > 1, "{file} sets something");
        // Ours, for the password that compose puts into an address.
        for name in names.into_iter().filter(|name| *name != "TRUNKLINE_PASSWORD") {
            assert!(options.contains(&format!("env = \"{name}\"")), "{file}: the server knows no {name}");
        }
    }
}

#[test]
fn everybody_who_stops_a_node_waits_longer_than_it_takes() {
    let main = text("server/src/main.rs");
    assert!(main.contains("END_WITHIN: Duration = Duration::from_secs(9)"), "what follows counts on it");
    const { assert!(topology::STOP_SECONDS > 10) };
    assert!(topology::DRAIN_SECONDS.parse::<u64>().unwrap() <= 6, "the server takes no more");
    let unit = text("deploy/systemd/trunkline@.service");
    assert!(unit.contains(&format!("TimeoutStopSec={}s\n", topology::STOP_SECONDS)));
    let pod = text("deploy/kubernetes/trunkline.yaml");
    let documents: Vec<Value> =
        serde_yaml_ng::Deserializer::from_str(&pod).map(|document| Value::deserialize(document).unwrap()).collect();
    let kinds: Vec<_> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Deployment", "Service", "PodDisruptionBudget", "Ingress"]);
    let pod = &documents[0]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let hook = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > hook + 10);
    for (probe, path) in [("readinessProbe", "/readyz"), ("livenessProbe", "/healthz"), ("startupProbe", "/healthz")] {
        assert_eq!(container[probe]["httpGet"]["path"].as_str(), Some(path));
        assert_eq!(container[probe]["httpGet"]["port"], container["ports"][0]["name"]);
    }
    let drain = container["env"].as_sequence().unwrap().iter().find(|env| env["name"] == "TRUNKLINE_DRAIN_SECONDS");
    assert_eq!(drain.unwrap()["value"].as_str(), Some(topology::DRAIN_SECONDS));
    // The balancer in it does what ours does.
    let (proxy, ingress) = (text("deploy/nginx/proxy.conf"), &documents[3]["metadata"]["annotations"]);
    for name in ["proxy-connect-timeout", "proxy-read-timeout", "proxy-send-timeout", "proxy-next-upstream"] {
        let value = ingress[format!("nginx.ingress.kubernetes.io/{name}").as_str()].as_str().unwrap();
        let unit = if name.ends_with("timeout") { "s" } else { "" };
        let directive = format!("{} {value}{unit};", name.replace('-', "_"));
        assert!(proxy.contains(&directive), "{directive}");
    }
}

#[test]
fn the_image_holds_one_static_binary_and_is_not_root() {
    let image = text("deploy/Dockerfile");
    let last = image.rsplit("\nFROM ").next().unwrap();
    assert!(last.starts_with("scratch\n") && last.contains("\nUSER 65532:65532\n"), "{last}");
    assert!(image.contains("cargo xtask dist --target \"$(uname -m)-unknown-linux-musl\""));
}
