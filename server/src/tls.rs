//! TLS to the servers that a node depends on: one stack (rustls with ring) for all of them.
//!
//! The server's certificate is always checked, its name included; there is no switch that turns this off. Files are
//! read once, when the node starts, so that a wrong path is a sentence at the start and not an outage later. A
//! certificate that was renewed on the disk is used from the next start on.

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Whom to believe and who to be. Nothing said means the certificates that the system trusts, and no certificate of
/// our own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates (PEM) of the authorities that are believed, instead of those of the system.
    pub ca: Option<PathBuf>,
    /// Our own certificate (PEM), with those that lead from it to its authority.
    pub certificate: Option<PathBuf>,
    /// The key of our own certificate (PEM).
    pub key: Option<PathBuf>,
}

/// Why TLS could not be set up. Never shows what is in a file.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Not there, not readable, or not PEM.
    #[error("the file {} can not be read as PEM", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A file without what it should hold.
    #[error("the file {} holds no certificate", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// A certificate without a key, or a key without a certificate.
    #[error("a certificate of our own needs both a certificate and a key")]
    Incomplete,
    /// The system trusts nobody, or does not say whom.
    #[error("the certificates that the system trusts can not be read; name a file with those to trust")]
    System(#[source] Option<rustls_native_certs::Error>),
    /// What the files hold does not fit together.
    #[error("the certificates can not be used")]
    Unusable(#[source] rustls::Error),
}

/// The cryptography of everything in this process.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What a client needs to connect. Reads files, so it blocks for a moment: for the start.
///
/// # Errors
/// [`TlsError`], which names the file.
pub fn client(files: &TlsFiles) -> Result<ClientConfig, TlsError> {
    let roots = match &files.ca {
        Some(path) => from_file(path)?,
        None => from_system()?,
    };
    let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = versions.map_err(TlsError::Unusable)?.with_root_certificates(roots);
    match (&files.certificate, &files.key) {
        (None, None) => Ok(config.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let key =
                PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::File { path: key.clone(), source })?;
            config.with_client_auth_cert(chain, key).map_err(TlsError::Unusable)
        }
        _ => Err(TlsError::Incomplete),
    }
}

fn from_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(TlsError::Unusable)?;
    }
    Ok(roots)
}

fn from_system() -> Result<RootCertStore, TlsError> {
    let mut found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some that can not be read leave the others good.
    let (good, _bad) = roots.add_parsable_certificates(found.certs);
    if good == 0 {
        return Err(TlsError::System(found.errors.pop()));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::File { path: path.to_owned(), source };
    let read = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let chain = read.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if chain.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned() });
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name_at_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
        std::fs::write(&empty, "no certificate").expect("written");
        for path in [missing, empty] {
            let files = TlsFiles { ca: Some(path.clone()), ..TlsFiles::default() };
            let error = client(&files).expect_err("no authority");
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let path = folder.path().join("certificate.pem");
        std::fs::write(&path, made.cert.pem()).expect("written");
        let files = TlsFiles { ca: Some(path.clone()), certificate: Some(path.clone()), key: None };
        let error = client(&files).expect_err("half of it");
        assert!(matches!(error, TlsError::Incomplete) && error.source().is_none());
        let key = folder.path().join("key.pem");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        client(&TlsFiles { key: Some(key), ..files }).expect("both of them");
    }
}
