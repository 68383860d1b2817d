//! Taking connections: what axum's own loop does, with limits on the head of a request.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use scanledger_api::limit::{HEAD_BYTES, HEAD_FIELDS, HEAD_TIME};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;

/// Answers requests until `stopped`, and then those that are under way.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    serve_within(HEAD_TIME, listener, router, stopped).await
}

async fn serve_within(
    head_time: Duration,
    mut listener: TcpListener,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let builder = builder(head_time);
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            // Waits out errors of its own, such as too many open files.
            accepted = Listener::accept(&mut listener) => accepted,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        let service = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(Body::new)
        });
        let service = TowerToHyperService::new(service);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended early: {error}");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

fn builder(head_time: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Without a timer, time limits are not kept.
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_headers(HEAD_FIELDS)
        .max_buf_size(HEAD_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(head_time)
        .max_header_list_size(HEAD_BYTES as u32)
        // For sockets over HTTP/2 (RFC 8441).
        .enable_connect_protocol();
    builder
}

#[cfg(test)]
mod tests {
    use super::serve_within;
    use axum::Router;
    use axum::routing::get;
    use scanledger_api::limit::{HEAD_BYTES, HEAD_FIELDS};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;
    use tokio::task::JoinHandle;

    const HEAD_TIME: Duration = Duration::from_millis(300);
    const PATIENCE: Duration = Duration::from_secs(20);

    struct Server {
        address: std::net::SocketAddr,
        stop: watch::Sender<bool>,
        task: JoinHandle<std::io::Result<()>>,
    }

    async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let slow = get(async || {
            tokio::time::sleep(2 * HEAD_TIME).await;
            "slow"
        });
        let router = Router::new().route("/", get(async || "ok")).route("/slow", slow);
        let (stop, stopped) = watch::channel(false);
        Server { address, stop, task: tokio::spawn(serve_within(HEAD_TIME, listener, router, stopped)) }
    }

    impl Server {
        /// What comes back for these bytes until the server closes the connection.
        async fn send(&self, bytes: &[u8]) -> String {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let mut answer = Vec::new();
            // A server that refuses may end the connection before it has read everything.
            let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
            assert!(read.is_ok(), "the connection was left open");
            String::from_utf8(answer).unwrap()
        }

        async fn status(&self, fields: &str) -> String {
            let request = format!("GET / HTTP/1.1\r\n{fields}\r\n");
            self.send(request.as_bytes()).await.chars().skip("HTTP/1.1 ".len()).take(3).collect()
        }
    }

    #[tokio::test]
    async fn a_head_has_so_many_fields() {
        let server = start().await;
        let fields = |count: usize| (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
        assert_eq!(server.status(&fields(HEAD_FIELDS)).await, "200");
        assert_eq!(server.status(&fields(HEAD_FIELDS + 1)).await, "431");
    }

    #[tokio::test]
    async fn a_head_has_so_many_bytes() {
        let server = start().await;
        let field = |bytes: usize| format!("x: {}\r\n", "x".repeat(bytes));
        assert_eq!(server.status(&field(HEAD_BYTES - 1_000)).await, "200");
        assert_eq!(server.status(&field(HEAD_BYTES)).await, "431");
    }

    #[tokio::test]
    async fn who_sends_a_head_too_slowly_is_cut_off() {
        let server = start().await;
        assert_eq!(server.send(b"GET / HTTP/1.1\r\nHost: x\r\n").await, "");
    }

    #[tokio::test]
    async fn an_answer_may_take_longer_than_a_head() {
        let server = start().await;
        let answer = server.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow"), "{answer}");
    }

    #[tokio::test]
    async fn requests_under_way_are_answered_after_a_stop() {
        let server = start().await;
        let under_way = server.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
        let stop = async {
            tokio::time::sleep(HEAD_TIME / 2).await;
            server.stop.send_replace(true);
        };
        let (answer, ()) = tokio::join!(under_way, stop);
        assert!(answer.ends_with("slow"), "{answer}");
        tokio::time::timeout(PATIENCE, server.task).await.unwrap().unwrap().unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}
