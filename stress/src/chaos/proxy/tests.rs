//! The proxy is what all else is judged by: each of its faults does what it says.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

const SOON: Duration = Duration::from_secs(5);

/// A client and a server, joined by a proxy.
struct Line {
    proxy: Proxy,
    listener: TcpListener,
    client: TcpStream,
    server: TcpStream,
}

impl Line {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let client = TcpStream::connect(proxy.address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let mut line = Self { proxy, listener, client, server };
        line.says(b"hello").await;
        line
    }

    async fn says(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
        assert_eq!(hears(&mut self.server, bytes.len()).await, bytes);
        self.server.write_all(bytes).await.unwrap();
        assert_eq!(hears(&mut self.client, bytes.len()).await, bytes);
    }
}

async fn hears(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut heard = vec![0; count];
    timeout(SOON, stream.read_exact(&mut heard)).await.unwrap().unwrap();
    heard
}

async fn hears_nothing(stream: &mut TcpStream) {
    let heard = timeout(Duration::from_millis(150), stream.read_u8()).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// Whether the next thing is an RST.
async fn is_reset(stream: &mut TcpStream) -> bool {
    let heard = timeout(SOON, stream.read_u8()).await.unwrap();
    heard.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn delay_and_jitter_keep_the_order_and_take_their_time() {
    let mut line = Line::new().await;
    let delay = Duration::from_millis(60);
    line.proxy.link().set(|weather| (weather.delay, weather.jitter) = (delay, delay));
    let begun = Instant::now();
    for number in 0..20_u8 {
        line.client.write_all(&[number]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(hears(&mut line.server, 20).await, (0..20).collect::<Vec<_>>());
    assert!(begun.elapsed() >= delay);
}

#[tokio::test]
async fn a_limited_rate_and_slices_change_no_byte() {
    let mut line = Line::new().await;
    let text: Vec<u8> = (0..20_000_u32).map(|number| number as u8).collect();
    line.proxy.link().set(|weather| weather.rate = Some(100_000));
    let begun = Instant::now();
    line.client.write_all(&text).await.unwrap();
    assert_eq!(hears(&mut line.server, text.len()).await, text);
    assert!(begun.elapsed() >= Duration::from_millis(180));
    line.proxy.link().clear();
    line.proxy.link().set(|weather| weather.slice = Some(1));
    line.says(&text[..4_000]).await;
}

#[tokio::test]
async fn what_is_held_arrives_later_and_what_is_swallowed_never() {
    let mut line = Line::new().await;
    line.proxy.link().set(|weather| weather.down = Carry::Hold);
    line.server.write_all(b"later").await.unwrap();
    hears_nothing(&mut line.client).await;
    line.proxy.link().clear();
    assert_eq!(hears(&mut line.client, 5).await, b"later");

    line.proxy.link().set(|weather| weather.down = Carry::Swallow);
    line.server.write_all(b"never").await.unwrap();
    hears_nothing(&mut line.client).await;
    line.client.write_all(b"up").await.unwrap();
    assert_eq!(hears(&mut line.server, 2).await, b"up");
    // Something is missing, so the connection is of no use any more, and nobody is told.
    line.proxy.link().clear();
    line.server.write_all(b"more").await.unwrap();
    hears_nothing(&mut line.client).await;
}

#[tokio::test]
async fn a_reset_and_a_refusal_reach_both_sides() {
    let mut line = Line::new().await;
    line.proxy.link().cut(Cut::Reset);
    assert!(is_reset(&mut line.client).await && is_reset(&mut line.server).await);
    line.proxy.link().set(|weather| weather.refuse = true);
    let mut refused = TcpStream::connect(line.proxy.address).await.unwrap();
    assert!(is_reset(&mut refused).await);
    line.proxy.link().clear();
    let mut client = TcpStream::connect(line.proxy.address).await.unwrap();
    let (mut server, _) = line.listener.accept().await.unwrap();
    client.write_all(b"again").await.unwrap();
    assert_eq!(hears(&mut server, 5).await, b"again");
}

#[tokio::test]
async fn half_of_a_connection_can_be_closed() {
    let mut line = Line::new().await;
    line.proxy.link().cut(Cut::HalfClose(Side::Client));
    let mut byte = [0];
    assert_eq!(timeout(SOON, line.client.read(&mut byte)).await.unwrap().unwrap(), 0);
    line.client.write_all(b"still").await.unwrap();
    assert_eq!(hears(&mut line.server, 5).await, b"still");
}

#[tokio::test]
async fn a_half_open_connection_is_gone_on_one_side_and_silent_on_the_other() {
    for gone in [Side::Client, Side::Server] {
        let mut line = Line::new().await;
        line.proxy.link().cut(Cut::HalfOpen(gone));
        let (lost, left) = match gone {
            Side::Client => (&mut line.client, &mut line.server),
            Side::Server => (&mut line.server, &mut line.client),
        };
        assert!(is_reset(lost).await);
        left.write_all(b"is anybody there?").await.unwrap();
        hears_nothing(left).await;
    }
}

#[tokio::test]
async fn an_end_is_passed_on_and_so_is_what_was_said_before() {
    let mut line = Line::new().await;
    line.client.write_all(b"bye").await.unwrap();
    line.client.shutdown().await.unwrap();
    assert_eq!(hears(&mut line.server, 3).await, b"bye");
    let mut byte = [0];
    assert_eq!(timeout(SOON, line.server.read(&mut byte)).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn each_who_connects_has_a_link_of_their_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let numbers = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let who: Who = Arc::new(move |_| Some(numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
    let proxy = Proxy::start_for(listener.local_addr().unwrap(), 2, who, false).await.unwrap();
    let mut first = TcpStream::connect(proxy.address).await.unwrap();
    let _there = listener.accept().await.unwrap();
    let mut second = TcpStream::connect(proxy.address).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.links[0].cut(Cut::Reset);
    assert!(is_reset(&mut first).await);
    second.write_all(b"well").await.unwrap();
    assert_eq!(hears(&mut server, 4).await, b"well");
}
