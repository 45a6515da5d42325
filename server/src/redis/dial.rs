//! One connection to one server: TCP, TLS or a Unix socket, logged in.

use super::url::Login;
use super::{Endpoint, Servers};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{
    AsyncConnectionConfig, ErrorKind, FromRedisValue, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError,
    RedisResult, Value,
};
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until it is there, logged in.
    pub connect: Duration,
    /// Until an answer is there.
    pub answer: Duration,
}

/// Is given what comes without being asked for. It runs in the task that reads the socket, so it must not block.
pub type Hear = Box<dyn Fn(PushInfo) + Send + Sync>;

/// A live connection. Dropping it closes it.
#[derive(Debug)]
pub struct Session {
    /// To send commands.
    pub connection: MultiplexedConnection,
    /// Cancelled when the connection has ended.
    pub ended: CancellationToken,
    _driver: AbortOnDropHandle<()>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Servers {
    /// Connects to one of the servers. With `hear`, it can subscribe.
    ///
    /// # Errors
    /// Unreachable, or not let in, or not in time.
    pub async fn dial(&self, to: &Endpoint, limits: Limits, hear: Option<Hear>) -> RedisResult<Session> {
        self.dial_as(to, &self.0.url.login, self.0.url.database, limits, hear).await
    }

    pub(super) async fn dial_as(
        &self,
        to: &Endpoint,
        login: &Login,
        database: i64,
        limits: Limits,
        hear: Option<Hear>,
    ) -> RedisResult<Session> {
        let mut settings = RedisConnectionInfo::default().set_db(database).set_skip_set_lib_name();
        if let Some(user) = &login.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(password);
        }
        let mut config = AsyncConnectionConfig::new().set_response_timeout(Some(limits.answer));
        if let Some(hear) = hear {
            // RESP3 lets a connection that hears its channels answer commands too.
            settings = settings.set_protocol(ProtocolVersion::RESP3);
            config = config.set_push_sender(move |push: PushInfo| -> Result<(), Infallible> {
                hear(push);
                Ok(())
            });
        }
        let connected = timeout(limits.connect, async {
            let stream = self.stream(to).await?;
            MultiplexedConnection::new_with_config(&settings, stream, config).await
        });
        let (connection, driver) = connected.await.unwrap_or_else(|_| Err(too_late()))?;
        let ended = CancellationToken::new();
        // However the driver ends, it drops the guard.
        let guard = ended.clone().drop_guard();
        let driver = tokio::spawn(async move {
            let _guard = guard;
            driver.await;
        });
        Ok(Session { connection, ended, _driver: AbortOnDropHandle::new(driver) })
    }

    async fn stream(&self, to: &Endpoint) -> RedisResult<Box<dyn Stream>> {
        let (host, port) = match to {
            Endpoint::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            Endpoint::Tcp { host, port } => (host, *port),
        };
        let tcp = TcpStream::connect((&**host, port)).await?;
        tune(&tcp)?;
        let Some(tls) = &self.0.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(host.to_string()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, tcp).await?))
    }
}

/// Small envelopes leave at once, and a peer that vanished is noticed in seconds.
fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(5)).with_interval(Duration::from_secs(2));
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(8)))?;
    Ok(())
}

/// Asks a server whether it is a primary, which is also a sign of life. One that was a primary and is a replica now
/// takes commands as if nothing had happened: what is published there reaches nobody who went with the new one.
///
/// # Errors
/// If it is none, or does not answer.
pub async fn check_primary(connection: &MultiplexedConnection) -> RedisResult<()> {
    let answer: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection.clone()).await?;
    let role = answer.into_iter().next().map(String::from_redis_value).transpose()?;
    if role.as_deref() == Some("master") {
        return Ok(());
    }
    Err((ErrorKind::Client, "the server is a read-only replica").into())
}

/// What is said of something that did not come in time.
pub(super) fn too_late() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}
