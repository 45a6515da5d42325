//! What the server and the connection to it say when something goes wrong.

use crate::store::fault::Fault;
use thiserror::Error;
use tokio_postgres::error::SqlState;

/// An error of the engine. Of the server's own words it keeps the sentence and its code: the details behind it
/// can quote what is stored.
#[derive(Debug, Error)]
pub(super) enum EngineError {
    /// The server refused.
    #[error("{message} (SQLSTATE {code})")]
    Server {
        /// The server's sentence.
        message: String,
        /// Its code.
        code: String,
        /// Whether another statement might do.
        about_data: bool,
    },
    /// The connection broke, or could not be made.
    #[error("{0}")]
    Connection(String),
    /// Nothing was heard in time.
    #[error("the server does not answer")]
    Silent,
    /// There is no connection now.
    #[error("the server can not be reached")]
    Away,
}

impl EngineError {
    /// Whether `fault` says that the store is not to be used now, rather than that one statement failed.
    pub(super) fn is_outage(fault: &Fault) -> bool {
        match fault {
            Fault::Refused(_) => false,
            Fault::Failed(error) => {
                !matches!(error.downcast_ref::<Self>(), Some(Self::Server { about_data: true, .. }))
            }
        }
    }
}

/// An error and what lies behind it: the driver's own words for a certificate that is not believed end before the reason.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| {
        let cause = cause.to_string();
        // Some repeat theirs.
        if said.ends_with(&cause) { said } else { format!("{said}: {cause}") }
    })
}

impl From<tokio_postgres::Error> for EngineError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(server) = error.as_db_error() else { return Self::Connection(with_causes(&error)) };
        let code = server.code();
        // Class 22: a value that can not be; class 23: a constraint. Neither says anything about the next statement.
        let about_data = code.code().starts_with("22") || code.code().starts_with("23");
        let message = match code {
            &SqlState::QUERY_CANCELED => "the statement took too long".to_owned(),
            _ => server.message().to_owned(),
        };
        Self::Server { message, code: code.code().to_owned(), about_data }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failed(EngineError::from(error).into())
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        Self::Failed(error.into())
    }
}
