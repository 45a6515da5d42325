//! A node that serves for one test, and people who call its API.

use crate::support::server::{Login, TestServer};
use reqwest::{Method, RequestBuilder, StatusCode, header, redirect};
use serde_json::Value;
use trunkline_protocol::UserId;
use trunkline_server::web::state::AppState;

/// A node that serves as long as this lives.
pub(crate) struct Site {
    pub(crate) server: TestServer,
    http: reqwest::Client,
}

/// Somebody who calls, by cookie or token.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) id: UserId,
    pub(crate) name: String,
    /// Their login, if they have one.
    pub(crate) login: Option<Login>,
    /// Name and value of the header that says who it is.
    pub(crate) header: (&'static str, String),
    base: String,
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: Value,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self { server: TestServer::start().await, http: reqwest::Client::new() }
    }

    /// One person after another, each with an account and a login.
    pub(crate) async fn people<const N: usize>(&self, names: [&str; N]) -> [Caller; N] {
        let mut people = Vec::new();
        for name in names {
            people.push(self.person(name).await);
        }
        people.try_into().unwrap_or_else(|_| unreachable!("one for each name"))
    }

    pub(crate) async fn person(&self, name: &str) -> Caller {
        let login = self.server.register(name).await;
        let header = ("cookie", login.cookie.clone());
        Caller { id: login.id(), name: name.to_owned(), login: Some(login), header, ..self.stranger() }
    }

    /// The same person by an access token.
    pub(crate) async fn by_token(&self, person: &Caller) -> Caller {
        let token = self.state().accounts.create_token(person.id, "test").await.expect("a token");
        Caller { header: ("authorization", format!("Bearer {}", token.reveal())), ..person.clone() }
    }

    /// What a page asks of the server; whoever asks follows no redirection.
    pub(crate) fn function(&self, method: Method, name: &str) -> RequestBuilder {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        http.request(method, self.server.url(&format!("/api/fn/{name}")))
    }

    /// Nobody in particular.
    pub(crate) fn stranger(&self) -> Caller {
        let (base, http) = (self.server.url("/api/v1"), self.http.clone());
        Caller { id: UserId(0), name: String::new(), login: None, header: ("x-nobody", String::new()), base, http }
    }

    pub(crate) fn state(&self) -> &AppState {
        self.server.state()
    }
}

impl Caller {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let (name, value) = &self.header;
        self.http.request(method, format!("{}{path}", self.base)).header(*name, value)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    /// Sends a text to somebody and returns what was answered.
    pub(crate) async fn say(&self, to: &Caller, text: &str) -> Value {
        let message = serde_json::json!({"to": to.name, "text": text});
        self.post("/messages", message).await.ok(201)
    }

    /// Makes a group with these people in it and returns its id.
    pub(crate) async fn group(&self, members: &[&Caller]) -> u64 {
        let names: Vec<_> = members.iter().map(|member| &member.name).collect();
        let group = self.post("/conversations/group", serde_json::json!({"name": "Us", "members": names})).await;
        group.ok(201)["id"].as_u64().expect("an id")
    }
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// Checks that this is a refusal with this status and code, in the shape that all refusals have.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("/api#{code}"));
        for text in ["title", "detail"] {
            assert!(self.body[text].as_str().is_some_and(|text| !text.is_empty()), "{text} in {}", self.body);
        }
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.expect("a body");
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("JSON") };
    Answer { status, headers, body }
}
