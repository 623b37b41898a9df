//! `CONNECT` through an outbound proxy (RFC 9110 §9.3.6). Plain `http` origins need none: see `h1`.

use super::stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wharf_core::host::{Origin, Proxy, TransportError};

/// A proxy's answer to `CONNECT` has nothing to say that would need more.
const MAX_HEAD: usize = 16 * 1024;

/// Asks `proxy`, at the other end of `stream`, for a tunnel to `origin`.
pub(super) async fn tunnel(
    stream: &mut Stream,
    origin: &Origin,
    proxy: &Proxy,
) -> Result<(), TransportError> {
    let request = connect_request(origin, proxy);
    stream.write_all(request.as_bytes()).await.map_err(|_| TransportError::Proxy)?;
    stream.flush().await.map_err(|_| TransportError::Proxy)?;
    let mut head = Vec::with_capacity(1024);
    loop {
        let read = stream.read_buf(&mut head).await.map_err(|_| TransportError::Proxy)?;
        if read == 0 {
            return Err(TransportError::Proxy);
        }
        match opened(&head) {
            Some(true) => return Ok(()),
            None if head.len() < MAX_HEAD => {}
            Some(false) | None => return Err(TransportError::Proxy),
        }
    }
}

fn connect_request(origin: &Origin, proxy: &Proxy) -> String {
    let host = &origin.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    // The port is always written: a `CONNECT` target has no default.
    let target = format!("{host}:{}", origin.port);
    let authorization = proxy
        .authorization
        .as_ref()
        .map(|value| format!("proxy-authorization: {}\r\n", value.expose()))
        .unwrap_or_default();
    format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{authorization}\r\n")
}

/// Whether the tunnel stands; `None` while the head is incomplete.
fn opened(head: &[u8]) -> Option<bool> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(head) {
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(end)) => {
            let status = response.code.unwrap_or_default();
            if !(200..300).contains(&status) {
                tracing::debug!(status, "the proxy refuses a tunnel");
            }
            // Neither TLS nor HTTP/2 lets the server speak first: bytes behind the head can't be the origin's.
            Some((200..300).contains(&status) && end == head.len())
        }
        Err(_) => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_core::host::Scheme;
    use wharf_core::secret::Secret;

    #[test]
    fn the_request_names_the_port_and_carries_the_credential() {
        let origin =
            |host: &str, port| Origin { scheme: Scheme::Https, host: host.into(), port, public: false };
        let mut proxy = Proxy { origin: origin("proxy.test", 3128), authorization: None };
        assert_eq!(
            connect_request(&origin("api.test", 443), &proxy),
            "CONNECT api.test:443 HTTP/1.1\r\nhost: api.test:443\r\n\r\n"
        );
        proxy.authorization = Some(Secret::new("Basic dTpw"));
        assert_eq!(
            connect_request(&origin("::1", 8443), &proxy),
            "CONNECT [::1]:8443 HTTP/1.1\r\nhost: [::1]:8443\r\nproxy-authorization: Basic dTpw\r\n\r\n"
        );
    }

    #[test]
    fn only_a_complete_2xx_head_with_nothing_behind_it_opens_the_tunnel() {
        for (head, expected) in [
            (&b"HTTP/1.1 200 Connection established\r\n\r\n"[..], Some(true)),
            (b"HTTP/1.0 200 OK\r\nproxy-agent: x\r\n\r\n", Some(true)),
            (b"HTTP/1.1 200 OK\r\n", None),
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some(false)),
            (b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0", Some(false)),
            (b"nonsense\r\n\r\n", Some(false)),
        ] {
            assert_eq!(opened(head), expected, "{}", String::from_utf8_lossy(head));
        }
    }
}
