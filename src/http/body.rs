//! Reading the body of an answer, up to a limit.

use reqwest::Response;

use crate::http::TransportError;
use crate::http::send::TransportKind;

/// The largest body that is read, in bytes. A secret has 64 KiB at most, a page of names a few hundred, and a
/// batch of twenty AWS secrets less than 8 MiB, even if each byte is escaped as six. A larger answer does not
/// come from a store, and would fill the memory.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// The most memory that is reserved because of a `Content-Length`.
const RESERVED: usize = 64 * 1024;

/// The whole body of `response`, if it has at most [`LARGEST_BODY`] bytes; a larger one is not read to its
/// end.
///
/// A connection that breaks within the body is reported as broken, and a server that stops sending as silent.
pub async fn read_body(response: &mut Response) -> Result<Vec<u8>, TransportError> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if announced > LARGEST_BODY {
        return Err(too_large());
    }
    // The announced length is foreign input, so only so much is reserved ahead.
    let mut body = Vec::with_capacity(announced.min(RESERVED));
    while let Some(piece) = response.chunk().await.map_err(TransportError::from)? {
        if body.len() + piece.len() > LARGEST_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn too_large() -> TransportError {
    let text = format!("it has more than {} MiB", LARGEST_BODY / (1024 * 1024));
    TransportError::new(TransportKind::TooLarge, text)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;
    use crate::http::{
        ClientSettings, NoAnswerHints, ProxySettings, Roots, build_client, client_config, send,
    };

    /// Answers one request with `head`, then with pieces of 64 KiB until they are no longer read or there are
    /// `pieces` of them. Returns how many bytes were sent.
    fn server(head: &'static str, pieces: usize) -> (String, JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let sending = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            assert!(connection.read(&mut [0; 4096]).unwrap() > 0);
            connection.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes()).unwrap();
            let piece = vec![b'x'; 65_536];
            (0..pieces).take_while(|_| connection.write_all(&piece).is_ok()).count() * piece.len()
        });
        (address, sending)
    }

    async fn body(address: &str) -> Result<Vec<u8>, TransportError> {
        let settings = ClientSettings {
            connect_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(30),
            proxies: ProxySettings::NONE,
        };
        let client = build_client(&settings, &client_config(&Roots::Empty).unwrap()).unwrap();
        let request = client.get(address).build().unwrap();
        read_body(&mut send(&client, request, true).await.unwrap()).await
    }

    #[tokio::test]
    async fn an_endless_body_is_read_up_to_the_limit() {
        let (address, sending) = server("connection: close", usize::MAX);
        let error = body(&address).await.unwrap_err();
        assert_eq!((error.kind(), error.is_temporary()), (TransportKind::TooLarge, false));
        // The runtime only closes the connection while it is driven.
        let sent = tokio::task::spawn_blocking(|| sending.join().unwrap()).await.unwrap();
        // The rest is in the buffers of the two sockets.
        assert!((LARGEST_BODY..2 * LARGEST_BODY).contains(&sent), "{sent}");
    }

    #[tokio::test]
    async fn a_body_that_is_announced_too_large_is_not_read() {
        let (address, _sending) = server("content-length: 16777217", 0);
        assert_eq!(body(&address).await.unwrap_err().kind(), TransportKind::TooLarge);
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_an_answer() {
        let (address, sending) = server("content-length: 16777216", 256);
        assert_eq!(body(&address).await.unwrap().len(), LARGEST_BODY);
        assert_eq!(sending.join().unwrap(), LARGEST_BODY);
    }

    #[test]
    fn an_operator_is_told_where_to_look() {
        let hints = NoAnswerHints { timeout: "", certificate: "", dns: "", connect: "", request: "" };
        let error = too_large().to_error("reading the secret", &hints);
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Malformed, false));
        insta::assert_snapshot!(error, @"reading the secret: the answer is too large: it has more than 16 \
        MiB. Check that the configured address is the store's, and proxies: something else may have \
        answered");
    }
}
