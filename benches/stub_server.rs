//! A server that answers every POST at once with the same secret, so that a benchmark measures the client.
//!
//! Prints the port it listens on, and ends when its standard input closes.

use std::io::{Read, Write};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BODY: &str = r#"{"ARN":"arn:aws:secretsmanager:eu-central-1:000000000000:secret:airflow/variables/hello-a1b2c3","Name":"airflow/variables/hello","SecretString":"world","VersionId":"5b9c1d1e-2f0a-4a62-9f0d-2f6a7a1f0c11"}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serve(connection));
    }
}

async fn serve(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut received = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match connection.read(&mut piece).await? {
            0 => return Ok(()),
            count => received.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
        if is_whole(&received) {
            received.clear();
            connection.write_all(answer.as_bytes()).await?;
        }
    }
}

/// Whether the headers and as much body as they announce are there.
fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let announced = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    body.len() >= announced.unwrap_or(0usize)
}
