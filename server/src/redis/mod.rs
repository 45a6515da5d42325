//! How Redis (or Valkey) is reached, in every form that people run it: one server, Sentinel, or Cluster, with TLS or
//! without. What is said to it is not its business: see [`crate::bus::redis`] and [`crate::presence::redis`].
//!
//! # Layout
//!
//! - [`url`]: the setting
//! - `endpoint`: where one server listens
//! - [`dial`]: one connection to one server
//! - `sentinel`: asks who is the primary
//! - [`slots`]: which server of a Cluster has which names
//!
//! # What it guarantees
//!
//! [`Servers::locate`] says where a key or channel is **now**, as far as those who know can be asked, and answers or
//! fails within half a second. It keeps an answer for a moment, so that many who ask cost as much as one, and forgets it
//! when somebody says that it was wrong ([`Servers::doubt`]).
//!
//! # Why not the clients of the redis crate
//!
//! The crate's clients for Sentinel and Cluster do their own reconnecting, and a subscriber must never depend on
//! another's: the one for Sentinel makes no connection anew, and that for Cluster discards a resubscription that
//! fails, which leaves a node deaf with nobody who knows. What is needed of them is small: a question to Sentinel, and a
//! table of slots. So the crate serves as the protocol on one connection, and whoever holds the connection makes it anew.

pub mod dial;
mod endpoint;
mod sentinel;
pub mod slots;
pub mod url;

pub use endpoint::Endpoint;
pub use url::{RedisUrl, UrlError};

use crate::tls::{self, TlsError};
use redis::{ErrorKind, RedisError, RedisResult};
use slots::SlotMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Form;

/// All that a question to those who know may take.
const ASK: Duration = Duration::from_millis(450);
/// How long nobody asks again after nobody answered.
const AFTER_FAILURE: Duration = Duration::from_millis(200);
/// How old an answer may be for whoever is about to connect. Whoever was misled by it says so, and it is asked again.
const FRESH: Duration = Duration::from_secs(1);

/// Why Redis can not be reached by these settings, whether it runs or not.
#[derive(Debug, Error)]
pub enum ServersError {
    /// The address is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// TLS can not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The servers behind one address. Clones share what they know.
#[derive(Clone)]
pub struct Servers(Arc<Inner>);

struct Inner {
    url: RedisUrl,
    tls: Option<TlsConnector>,
    // Held while somebody asks, which is what makes the others wait for one answer instead of asking too.
    known: Mutex<Known>,
    doubted: AtomicBool,
    /// Wakes whoever keeps connections to all servers.
    doubts: Notify,
}

#[derive(Default)]
struct Known {
    answer: Option<(Instant, Answer)>,
    failed: Option<(Instant, RedisError)>,
}

#[derive(Clone)]
enum Answer {
    Primary(Endpoint),
    Slots(Arc<SlotMap>),
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Servers").field(&self.0.url).finish()
    }
}

impl Servers {
    /// The servers behind an address. Reads the files that TLS needs, and connects to nothing.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(url: RedisUrl) -> Result<Self, TlsError> {
        let tls = url.tls.as_ref().map(tls::client).transpose()?;
        Ok(Self(Arc::new(Inner {
            url,
            tls: tls.map(|config| TlsConnector::from(Arc::new(config))),
            known: Mutex::default(),
            doubted: AtomicBool::new(false),
            doubts: Notify::new(),
        })))
    }

    /// The same for an address that was not read yet.
    ///
    /// # Errors
    /// If it can not be one, or its files can not be read.
    pub fn at(url: &str) -> Result<Self, ServersError> {
        Ok(Self::new(RedisUrl::parse(url)?)?)
    }

    /// Whether names are spread over several servers.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        matches!(self.0.url.form, Form::Cluster(_))
    }

    /// Where the key or channel of this name is.
    ///
    /// # Errors
    /// If nobody who knows it answers in time.
    pub async fn locate(&self, name: &str) -> RedisResult<Endpoint> {
        match self.answer().await? {
            Answer::Primary(endpoint) => Ok(endpoint),
            Answer::Slots(map) => map.owner(slots::slot_of(name)).cloned().ok_or_else(|| {
                RedisError::from((ErrorKind::ClusterConnectionNotFound, "no server of the Cluster has this slot"))
            }),
        }
    }

    /// Which server of the Cluster has what.
    ///
    /// # Errors
    /// If nobody answers in time, or this is no Cluster.
    pub async fn slots(&self) -> RedisResult<Arc<SlotMap>> {
        match self.answer().await? {
            Answer::Slots(map) => Ok(map),
            Answer::Primary(_) => Err((ErrorKind::InvalidClientConfig, "this is no Cluster").into()),
        }
    }

    /// Says that an answer was wrong, or that whom it named can not be reached: the next one is a new one.
    pub fn doubt(&self) {
        self.0.doubted.store(true, Ordering::Release);
        self.0.doubts.notify_waiters();
    }

    /// Wakes all that wait for the next doubt.
    pub(crate) fn doubts(&self) -> &Notify {
        &self.0.doubts
    }

    async fn answer(&self) -> RedisResult<Answer> {
        if let Form::Single(endpoint) = &self.0.url.form {
            return Ok(Answer::Primary(endpoint.clone()));
        }
        let mut known = self.0.known.lock().await;
        if let Some((since, error)) = &known.failed
            && since.elapsed() < AFTER_FAILURE
        {
            return Err(error.clone());
        }
        let doubted = self.0.doubted.swap(false, Ordering::AcqRel);
        match &known.answer {
            Some((since, answer)) if !doubted && since.elapsed() < FRESH => return Ok(answer.clone()),
            _ => {}
        }
        let asked = timeout(ASK, self.ask(&known)).await.unwrap_or_else(|_| Err(dial::too_late()));
        let now = Instant::now();
        *known = match &asked {
            Ok(answer) => Known { answer: Some((now, answer.clone())), failed: None },
            // What was known may still say whom to ask.
            Err(error) => Known { answer: known.answer.take(), failed: Some((now, error.clone())) },
        };
        if asked.is_err() {
            self.0.doubted.store(true, Ordering::Release);
        }
        asked
    }

    async fn ask(&self, known: &Known) -> RedisResult<Answer> {
        match &self.0.url.form {
            Form::Single(endpoint) => Ok(Answer::Primary(endpoint.clone())),
            Form::Sentinel { sentinels, service, login } => {
                sentinel::primary(self, sentinels, service, login).await.map(Answer::Primary)
            }
            Form::Cluster(seeds) => {
                let known = match &known.answer {
                    Some((_, Answer::Slots(map))) => map.servers(),
                    _ => Vec::new(),
                };
                slots::ask(self, &known, seeds).await.map(|map| Answer::Slots(Arc::new(map)))
            }
        }
    }
}
