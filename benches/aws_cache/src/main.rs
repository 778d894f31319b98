//! Reads one secret through AWS's cache for Rust: `aws_cache warm|cold URL`.
//!
//! `warm` prints the least time of one lookup that the cache answers, in microseconds; `cold` makes 64 lookups of one name
//! at the same time, and the server counts what arrives.

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_secretsmanager_caching::SecretsManagerCachingClient as Cache;

const NAME: &str = "airflow/variables/hello";
const LOOKUPS: u32 = 20_000;
const REPEATS: usize = 5;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, url] = arguments.as_slice() else { return Err("usage: aws_cache warm|cold URL".into()) };
    let cache = Arc::new(cache(url).await?);
    match what.as_str() {
        "warm" => writeln!(std::io::stdout(), "{}", warm(&cache).await?)?,
        "cold" => cold(cache).await?,
        _ => return Err("usage: aws_cache warm|cold URL".into()),
    }
    Ok(())
}

async fn cache(url: &str) -> Outcome<Cache> {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("benchmark", "benchmark", None, None, "benchmark"))
        .endpoint_url(url);
    let size = NonZeroUsize::new(1000).ok_or("no size")?;
    Cache::from_builder(config, size, Duration::from_secs(300), false).await.map_err(|error| error.to_string().into())
}

async fn read(cache: &Cache) -> Outcome<()> {
    let secret = cache.get_secret_value(NAME, None, None, false).await.map_err(|error| error.to_string())?;
    black_box(secret);
    Ok(())
}

/// The least mean of several runs.
async fn warm(cache: &Cache) -> Outcome<f64> {
    read(cache).await?;
    let mut least = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        for _ in 0..LOOKUPS {
            read(cache).await?;
        }
        least = least.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(LOOKUPS));
    }
    Ok(least)
}

async fn cold(cache: Arc<Cache>) -> Outcome<()> {
    let readers: Vec<_> = (0..64)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { read(&cache).await })
        })
        .collect();
    for reader in readers {
        reader.await??;
    }
    Ok(())
}
