//! Certificates for one test: an authority, a server's and a client's, in a folder of their own.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::path::PathBuf;
use tempfile::TempDir;

/// See the module.
pub(crate) struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// A server's for `localhost` and `127.0.0.1`, and a client's.
    pub(crate) fn make() -> Self {
        let made = Self { folder: TempDir::new().expect("a temporary folder") };
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Names that differ: one that vouches for its own name is taken for an authority.
        authority.distinguished_name.push(DnType::CommonName, "an authority of a test");
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(authority, key).expect("an authority");
        std::fs::write(made.path("ca.pem"), authority.pem()).expect("written");
        for name in ["server", "client"] {
            let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
            let key = KeyPair::generate().expect("a key");
            let mut parameters = CertificateParams::new(names).expect("parameters");
            parameters.distinguished_name.push(DnType::CommonName, name);
            let certificate = parameters.signed_by(&key, &authority).expect("a certificate");
            std::fs::write(made.path(&format!("{name}.pem")), certificate.pem()).expect("written");
            std::fs::write(made.path(&format!("{name}.key")), key.serialize_pem()).expect("written");
        }
        made
    }

    /// `ca.pem`, `server.pem`, `server.key`, `client.pem` or `client.key`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}
