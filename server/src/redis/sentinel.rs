//! Asks Sentinel who is the primary.
//!
//! All that are named are asked at once, and the answer of the latest failover counts: one that was cut off
//! together with the old primary still names that. Whoever connects asks the server itself as well (`ROLE`).

use super::dial::{self, Limits};
use super::url::Login;
use super::{Endpoint, Servers};
use futures_util::future::join_all;
use redis::{ErrorKind, RedisError, RedisResult};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

/// What one of them may take. The others are waited for no longer either.
const ONE: Duration = Duration::from_millis(350);

pub(super) async fn primary(
    servers: &Servers,
    sentinels: &[Endpoint],
    service: &str,
    login: &Login,
) -> RedisResult<Endpoint> {
    let asked = join_all(sentinels.iter().map(|sentinel| async move {
        timeout(ONE, ask(servers, sentinel, service, login)).await.unwrap_or_else(|_| Err(dial::too_late()))
    }));
    let mut newest: Option<(u64, Endpoint)> = None;
    let mut failed: Option<RedisError> = None;
    for answer in asked.await {
        match answer {
            Ok((epoch, endpoint)) if newest.as_ref().is_none_or(|(known, _)| *known < epoch) => {
                newest = Some((epoch, endpoint));
            }
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
    }
    let nobody = || RedisError::from((ErrorKind::EmptySentinelList, "no Sentinel was named"));
    newest.map(|(_, endpoint)| endpoint).ok_or_else(|| failed.unwrap_or_else(nobody))
}

/// The number of the last failover, and where the primary is since.
async fn ask(servers: &Servers, at: &Endpoint, service: &str, login: &Login) -> RedisResult<(u64, Endpoint)> {
    let session = servers.dial_as(at, login, 0, Limits { connect: ONE, answer: ONE }, None).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("MASTER").arg(service);
    let answer: HashMap<String, String> = question.query_async(&mut session.connection.clone()).await?;
    let understood = || {
        let port = answer.get("port")?.parse().ok()?;
        let host = answer.get("ip").filter(|host| !host.is_empty())?.as_str().into();
        let epoch = answer.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
        Some((epoch, Endpoint::Tcp { host, port }))
    };
    understood().ok_or_else(|| (ErrorKind::UnexpectedReturnType, "Sentinel does not say where the primary is").into())
}
