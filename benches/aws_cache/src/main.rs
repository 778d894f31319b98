//! Reads secrets through AWS's cache for Rust, for `make bench`: `aws_cache warm|cold|absent|throttled URL`.
//!
//! | word | what it does |
//! |---|---|
//! | `warm` | prints the least mean time of one lookup that the cache answers, in microseconds |
//! | `cold` | 64 lookups of one name at the same time; the server counts what arrives |
//! | `absent` | 100 lookups of an absent secret; the server counts |
//! | `throttled` | reads, waits for a line on its input, lets the value expire, reads again and prints the outcome |

use std::error::Error;
use std::hint::black_box;
use std::io::{Write, stdin, stdout};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_secretsmanager_caching::SecretsManagerCachingClient as Cache;

const HELLO: &str = "hello";
const LOOKUPS: u32 = 20_000;
const REPEATS: usize = 5;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, url] = arguments.as_slice() else { return Err("usage: aws_cache WORD URL".into()) };
    match what.as_str() {
        "warm" => writeln!(stdout(), "{}", warm(&cache(url, 300).await?).await?)?,
        "cold" => cold(Arc::new(cache(url, 300).await?)).await?,
        "absent" => absent(&cache(url, 300).await?).await,
        "throttled" => writeln!(stdout(), "{}", throttled(&cache(url, 1).await?).await?)?,
        _ => return Err("usage: aws_cache warm|cold|absent|throttled URL".into()),
    }
    Ok(())
}

async fn cache(url: &str, ttl: u64) -> Outcome<Cache> {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("benchmark", "benchmark", None, None, "benchmark"))
        .endpoint_url(url);
    let size = NonZeroUsize::new(1000).ok_or("no size")?;
    Cache::from_builder(config, size, Duration::from_secs(ttl), false)
        .await
        .map_err(|error| error.to_string().into())
}

async fn read(cache: &Cache, name: &str) -> Outcome<()> {
    let secret = cache.get_secret_value(name, None, None, false).await.map_err(|error| error.to_string())?;
    black_box(secret);
    Ok(())
}

/// The least mean of several runs.
async fn warm(cache: &Cache) -> Outcome<f64> {
    read(cache, HELLO).await?;
    let mut least = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        for _ in 0..LOOKUPS {
            read(cache, HELLO).await?;
        }
        least = least.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(LOOKUPS));
    }
    Ok(least)
}

async fn cold(cache: Arc<Cache>) -> Outcome<()> {
    let readers: Vec<_> = (0..64)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { read(&cache, "slow").await })
        })
        .collect();
    for reader in readers {
        reader.await??;
    }
    Ok(())
}

async fn absent(cache: &Cache) {
    for _ in 0..100 {
        // The server counts; an absent secret is expected.
        let _ = read(cache, "absent").await;
    }
}

async fn throttled(cache: &Cache) -> Outcome<&'static str> {
    read(cache, HELLO).await?;
    writeln!(stdout(), "ready")?;
    stdin().read_line(&mut String::new())?;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    Ok(if read(cache, HELLO).await.is_ok() { "the value" } else { "an error" })
}
