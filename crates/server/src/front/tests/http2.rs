//! HTTP/2 by prior knowledge, with hyper's client.

use super::*;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

async fn connect(server: &Server) -> (SendRequest<Full<Bytes>>, tokio::task::JoinHandle<hyper::Result<()>>) {
    let io = TokioIo::new(server.client().await.0);
    let (client, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    (client, tokio::task::spawn_local(connection))
}

fn request(method: &str, path: &str, body: &'static [u8]) -> http::Request<Full<Bytes>> {
    let uri = format!("http://b.example{path}");
    http::Request::builder().method(method).uri(uri).body(Full::new(Bytes::from_static(body))).unwrap()
}

#[test]
fn the_same_handler_answers() {
    local(async {
        let mut server = Server::start();
        let (mut client, _connection) = connect(&server).await;
        let answer = client.send_request(request("POST", "/echo?", b"body")).await.unwrap();
        assert_eq!(server.asked().await, "POST /echo? b.example");
        assert_eq!(answer.headers()["content-length"], "5");
        let answer = client.send_request(request("POST", "/echo", b"body")).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "body");
        let answer = client.send_request(request("GET", "/none", b"")).await.unwrap();
        assert_eq!(answer.status(), 204);
        assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
        let answer = client.send_request(request("HEAD", "/", b"")).await.unwrap();
        assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
    });
}

#[test]
fn streams_flow_end_and_are_reset() {
    local(async {
        for (last, whole) in [(Piece::End, true), (Piece::Abort, false)] {
            let mut server = Server::start();
            let (mut client, _connection) = connect(&server).await;
            let mut answer = client.send_request(request("GET", "/stream", b"")).await.unwrap();
            server.asked().await;
            for text in ["one", "two"] {
                server.data(text);
                let frame = answer.body_mut().frame().await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), text);
            }
            server.data("three");
            server.data("four");
            server.feed.send(last).unwrap();
            let rest = answer.into_body().collect().await;
            assert_eq!(rest.is_ok(), whole);
            if let Ok(rest) = rest {
                assert_eq!(rest.to_bytes(), "threefour");
            }
            assert_eq!(server.events.recv().await, Some(Event::Over(Over::Finished, 15)));
        }
    });
}

#[test]
fn a_stream_that_is_reset_drops_handler_and_source() {
    local(async {
        let mut server = Server::start();
        let (mut client, _connection) = connect(&server).await;
        let waiting = tokio::task::spawn_local(client.send_request(request("GET", "/wait", b"")));
        server.asked().await;
        waiting.abort();
        assert_eq!(server.events.recv().await, Some(Event::Dropped));
        let mut answer = client.send_request(request("GET", "/stream", b"")).await.unwrap();
        server.asked().await;
        server.data("one");
        answer.body_mut().frame().await.unwrap().unwrap();
        drop(answer);
        assert_eq!(server.events.recv().await, Some(Event::Over(Over::ClientGone, 3)));
    });
}

#[test]
fn stopping_lets_streams_finish() {
    local(async {
        let mut server = Server::start();
        let (mut client, connection) = connect(&server).await;
        let mut answer = client.send_request(request("GET", "/stream", b"")).await.unwrap();
        server.asked().await;
        server.data("one");
        answer.body_mut().frame().await.unwrap().unwrap();
        server.drain.start(60_000);
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        server.data("two");
        server.feed.send(Piece::End).unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "two");
        connection.await.unwrap().unwrap();
        server.drain.drained().await;
    });
}
