//! A Secrets Manager, a Parameter Store, a Vault and a Google Secret Manager that answer at once, so that a
//! benchmark measures the client. It counts its requests.
//!
//! Prints the port it listens on, and ends when its standard input closes. Every secret holds `world`, a
//! connection a URI, `numbered-7` one with a password and a token of its own; one named `absent` does not
//! exist, one named `slow` takes 50 ms. `GET /calls` returns the number of requests since it was last
//! called, and from `GET /throttle` to the next of these every request is throttled.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = r#"{"ARN":"arn:aws:secretsmanager:eu-central-1:000000000000:secret:airflow/variables/hello-a1b2c3","Name":"airflow/variables/hello","SecretString":"world","VersionId":"5b9c1d1e-2f0a-4a62-9f0d-2f6a7a1f0c11"}"#;
const URI: &str = "postgresql://user:pass@host:5432/db?sslmode=require";
const DESCRIPTION: &str = r#"{"ARN":"arn:aws:secretsmanager:eu-central-1:000000000000:secret:airflow/variables/hello-a1b2c3","Name":"airflow/variables/hello","VersionIdsToStages":{"5b9c1d1e-2f0a-4a62-9f0d-2f6a7a1f0c11":["AWSCURRENT"]}}"#;
const PARAMETER: &str = r#"{"Parameter":{"ARN":"arn:aws:ssm:eu-central-1:000000000000:parameter/airflow/variables/hello","DataType":"text","LastModifiedDate":1763769600.0,"Name":"/airflow/variables/hello","Type":"SecureString","Value":"world","Version":1}}"#;
const VERSION: &str = r#"{"request_id":"2f6a7a1f-0c11-4a62-9f0d-5b9c1d1e2f0a","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":{"value":"world"},"metadata":{"created_time":"2025-11-22T00:00:00.000000000Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":1}},"wrap_info":null,"warnings":null,"auth":null}"#;
const PAYLOAD: &str = r#"{"name":"projects/1/secrets/airflow-variables-hello/versions/1","payload":{"data":"d29ybGQ=","dataCrc32c":"833257806"}}"#;
const NOT_FOUND: &str = r#"{"__type":"ResourceNotFoundException","message":"there is no such secret"}"#;
const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;

/// The counts and settings that the benchmark reads and changes.
#[derive(Default)]
struct State {
    calls: AtomicUsize,
    throttles: AtomicBool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let state = Arc::new(State::default());
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serve(connection, Arc::clone(&state)));
    }
}

async fn serve(mut connection: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut received = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match connection.read(&mut piece).await? {
            0 => return Ok(()),
            count => received.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
        if is_whole(&received) {
            let answer = answer(&String::from_utf8_lossy(&received), &state).await;
            received.clear();
            connection.write_all(answer.as_bytes()).await?;
        }
    }
}

/// Whether the headers and the announced body are complete.
fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let announced = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    body.len() >= announced.unwrap_or(0usize)
}

async fn answer(request: &str, state: &State) -> String {
    if request.starts_with("GET /calls") {
        state.throttles.store(false, Ordering::Relaxed);
        return response("200 OK", &state.calls.swap(0, Ordering::Relaxed).to_string());
    }
    if request.starts_with("GET /throttle") {
        state.throttles.store(true, Ordering::Relaxed);
        return response("200 OK", "");
    }
    state.calls.fetch_add(1, Ordering::Relaxed);
    if state.throttles.load(Ordering::Relaxed) {
        return response("400 Bad Request", THROTTLED);
    }
    secret(request).await
}

async fn secret(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or_default();
    if body.contains("slow") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if body.contains("absent") {
        response("400 Bad Request", NOT_FOUND)
    } else if head.contains("secretsmanager.DescribeSecret") {
        response("200 OK", DESCRIPTION)
    } else if head.starts_with("GET /v1/projects/") {
        json(PAYLOAD)
    } else if head.starts_with("GET /v1/secret/data/") {
        response("200 OK", VERSION)
    } else if head.contains("AmazonSSM.GetParameter") {
        response("200 OK", PARAMETER)
    } else if let Some((_, name)) = body.split_once("connections/numbered-") {
        let number: String = name.chars().take_while(char::is_ascii_digit).collect();
        response("200 OK", &SECRET.replace("world", &numbered(&number)))
    } else if body.contains("connections/") {
        response("200 OK", &SECRET.replace("world", URI))
    } else {
        response("200 OK", SECRET)
    }
}

/// A connection with its own password and token.
fn numbered(number: &str) -> String {
    format!(
        "postgres://user{number}:password-{number}-kX9vQ2mR7tLw@host-{number}.example.com:5432/db\
        ?token=token-{number}-Zp4cY8nB3sHd&sslmode=require"
    )
}

/// A string that the vendor's client accepts as JSON.
fn json(body: &str) -> String {
    response("200 OK", body).replace("application/x-amz-json-1.1", "application/json")
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: \
        {length}\r\n\r\n{body}"
    )
}
