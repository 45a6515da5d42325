//! TLS to PostgreSQL, on a real server that takes nothing else: whom a node believes, and what it says of whom it does not.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use support::certificates::Certificates;
use support::postgres::PostgresServer;
use support::redis::free_port;
use support::server::{Database, TestServer};
use trunkline_server::config::Options;

/// A server with a certificate for `localhost` and `127.0.0.1`. It also listens where its certificate is not for.
struct Secure {
    server: PostgresServer,
    certificates: Certificates,
    port: u16,
}

impl Secure {
    /// One that lets in whom this line of `pg_hba.conf` says, besides those at its socket.
    fn start(rule: &str) -> Self {
        let (mut server, certificates, port) = (PostgresServer::start(&[]), Certificates::make(), free_port());
        server.stop();
        for name in ["server.pem", "server.key", "ca.pem"] {
            server.put(name, &std::fs::read_to_string(certificates.path(name)).expect("a certificate"));
        }
        server.put("data/pg_hba.conf", &format!("local all all trust\n{rule}\n"));
        let at = server.folder().display().to_string();
        server.set(&[
            "fsync=off",
            "listen_addresses=127.0.0.1,127.0.0.2",
            &format!("port={port}"),
            "ssl=on",
            &format!("ssl_cert_file={at}/server.pem"),
            &format!("ssl_key_file={at}/server.key"),
            &format!("ssl_ca_file={at}/ca.pem"),
        ]);
        server.start_again();
        Self { server, certificates, port }
    }

    /// A node that reaches a database of its own there; or the sentence with which it does not start. And how many of its
    /// connections are encrypted, of how many.
    async fn node(&self, host: &str, query: &str) -> Result<(usize, usize), String> {
        let local = self.server.database();
        let name = local.rsplit('/').next().expect("a name").split('?').next().expect("a name");
        let url = format!("postgres://chat:open-sesame@{host}:{}/{name}?{query}", self.port);
        let options = Options { database: Some(url), ..Options::default() };
        let node = match TestServer::try_start_with(&Database::new(), options).await {
            Ok(node) => node,
            Err(refused) => {
                let sentence = format!("{refused:#}");
                assert!(!sentence.contains("open-sesame"), "{sentence}");
                return Err(sentence);
            }
        };
        node.register("ann").await;
        let connections = self.server.sql(
            "postgres",
            &format!("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = '{name}'"),
        );
        node.stop().await;
        Ok((connections.lines().filter(|ssl| *ssl == "t").count(), connections.lines().count()))
    }

    fn file(&self, name: &str) -> String {
        self.certificates.text(name)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_server_that_was_named_is_believed() {
    let secure = Secure::start("hostssl all all 127.0.0.0/8 trust");
    let stranger = Certificates::make();
    let (ca, other) = (secure.file("ca.pem"), stranger.text("ca.pem"));
    for query in [
        format!("sslmode=verify-full&sslrootcert={ca}"),
        format!("sslmode=verify-ca&sslrootcert={ca}"),
        format!("sslmode=require&sslrootcert={ca}"),
        format!("sslrootcert={ca}"),
        // These believe anyone, as the document says.
        "sslmode=require".to_owned(),
        "sslmode=prefer".to_owned(),
        String::new(),
    ] {
        let (encrypted, all) = secure.node("localhost", &query).await.unwrap_or_else(|said| panic!("{query}: {said}"));
        assert!(encrypted == all && all > 1, "{query}: {encrypted} of {all} connections");
    }
    for (host, query) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}")),
        ("localhost", format!("sslmode=require&sslrootcert={other}")),
        // Nobody whom the system trusts.
        ("localhost", "sslmode=verify-full".to_owned()),
        // Its certificate is for another name.
        ("127.0.0.2", format!("sslmode=verify-full&sslrootcert={ca}")),
        ("127.0.0.2", format!("sslmode=verify-ca&sslrootcert={ca}")),
    ] {
        let said = secure.node(host, &query).await.expect_err(&query);
        assert!(said.contains("certificate"), "{host} {query}: {said}");
    }
    secure.node("127.0.0.2", "sslmode=require").await.expect("there it is, for whoever does not look");
    let said = secure.node("localhost", "sslmode=disable").await.expect_err("only TLS is let in");
    assert!(said.contains("no encryption"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_for_our_certificate_is_shown_it() {
    let secure = Secure::start("hostssl all all 127.0.0.0/8 trust clientcert=verify-ca");
    let (ca, certificate, key) = (secure.file("ca.pem"), secure.file("client.pem"), secure.file("client.key"));
    let said = secure.node("localhost", &format!("sslrootcert={ca}")).await.expect_err("nothing is shown");
    assert!(said.contains("certificate"), "{said}");
    let query = format!("sslrootcert={ca}&sslcert={certificate}&sslkey={key}");
    let (encrypted, all) = secure.node("localhost", &query).await.expect("a node");
    assert!(encrypted == all && all > 1, "{encrypted} of {all} connections");
    let half = secure.node("localhost", &format!("sslrootcert={ca}&sslcert={certificate}")).await;
    assert!(half.expect_err("a key is missing").contains("key"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_wants_tls_does_not_do_without() {
    let mut plain = Secure::start("host all all 127.0.0.0/8 trust");
    plain.server.stop();
    plain.server.set(&["fsync=off", "listen_addresses=127.0.0.1", &format!("port={}", plain.port)]);
    plain.server.start_again();
    for query in ["sslmode=disable", "sslmode=prefer", ""] {
        let (encrypted, all) = plain.node("localhost", query).await.expect("a node");
        assert!(encrypted == 0 && all > 1, "{query}: {encrypted} of {all} connections");
    }
    let ca = plain.file("ca.pem");
    for query in ["sslmode=require".to_owned(), format!("sslmode=verify-full&sslrootcert={ca}")] {
        let said = plain.node("localhost", &query).await.expect_err(&query);
        assert!(said.contains("TLS"), "{query}: {said}");
    }
}
