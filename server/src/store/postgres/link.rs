//! A connection that is made again for ever. While there is none, whoever asks is told so after a moment.

use super::fault::EngineError;
use super::history::Opened;
use super::session::{Role, Session};
use super::settings::Settings;
use crate::store::Durability;
use crate::store::fault::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tokio_util::task::AbortOnDropHandle;

/// How long a caller waits for a connection that is being made: longer than a server takes that was restarted in peace
/// to let somebody in, and short enough that senders hear soon that they have to wait.
const WAIT: Duration = Duration::from_secs(1);
/// How long a statement may take that was sent; the server ends it a second earlier. A connection that is silent for
/// longer is given up: the network may have lost it without telling.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a caller waits for its turn, when thousands of devices come back at once.
const TURN_WITHIN: Duration = Duration::from_secs(10);
/// Statements on their way at once. The server works on one after the other; so many, that it never waits for the network,
/// and so few, that none of them waits long enough to be taken for lost.
const IN_FLIGHT: usize = 16;
/// The pauses between attempts to connect.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// See the module. Dropping it closes the connection.
pub(super) struct Link {
    opened: Arc<Opened>,
    session: watch::Receiver<Option<Arc<Session>>>,
    turns: Semaphore,
    _keeper: AbortOnDropHandle<()>,
}

impl Link {
    /// Keeps a connection of this role, to the history that was opened.
    pub(super) fn start(settings: Arc<Settings>, opened: Arc<Opened>, role: Role, durability: Durability) -> Self {
        let (tell, session) = watch::channel(None);
        let keeper = AbortOnDropHandle::new(tokio::spawn(keep(settings, opened.clone(), role, durability, tell)));
        Self { opened, session, turns: Semaphore::new(IN_FLIGHT), _keeper: keeper }
    }

    /// Whether there is a connection; changes can be waited for.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Arc<Session>>> {
        self.session.clone()
    }

    /// Whether there is a connection with room for another statement.
    pub(super) fn is_free(&self) -> bool {
        self.turns.available_permits() > 0 && self.session.borrow().is_some()
    }

    /// Runs one statement, which is one transaction, and collects its rows.
    pub(super) async fn query(&self, sql: &'static str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
        let turn = timeout(TURN_WITHIN, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(EngineError::Silent.into()) };
        let session = self.session().await?;
        match timeout(ANSWER_WITHIN, session.query(sql, params)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                session.broken.cancel();
                Err(EngineError::Silent.into())
            }
        }
    }

    async fn session(&self) -> Result<Arc<Session>, Fault> {
        self.opened.check()?;
        let mut session = self.session.clone();
        let there = timeout(WAIT, session.wait_for(Option::is_some)).await;
        let there = there.ok().and_then(Result::ok).and_then(|session| session.clone());
        // It may have been found meanwhile, also by another connection.
        self.opened.check()?;
        there.ok_or_else(|| EngineError::Away.into())
    }
}

async fn keep(
    settings: Arc<Settings>,
    opened: Arc<Opened>,
    role: Role,
    durability: Durability,
    tell: watch::Sender<Option<Arc<Session>>>,
) {
    let (first, longest) = PAUSE;
    let mut pause = first;
    loop {
        match Session::open(&settings, role, durability).await {
            Ok((session, driver)) => {
                let (session, since) = (Arc::new(session), tokio::time::Instant::now());
                let serve = async {
                    match timeout(ANSWER_WITHIN, opened.continues(&session)).await {
                        Ok(Ok(true)) => {}
                        // For good: nobody is given a connection any more, and the node ends.
                        Ok(Ok(false)) => std::future::pending().await,
                        Ok(Err(_)) | Err(_) => return,
                    }
                    tell.send_replace(Some(session.clone()));
                    session.broken.cancelled().await;
                };
                let why = tokio::select! {
                    why = driver => why,
                    () = serve => EngineError::Silent,
                };
                tell.send_replace(None);
                tracing::warn!(error = %why, role = ?role, "lost a connection to the database; making another");
                if since.elapsed() > longest {
                    pause = first;
                }
            }
            Err(fault) => {
                let error = fault.during("connect to the database");
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(error = %error, source, role = ?role, "the database can not be used; trying again");
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
