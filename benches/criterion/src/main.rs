//! Times the hot paths: `cargo run --release --target-dir target --manifest-path
//! benches/criterion/Cargo.toml -- --bench`.

use _native::error::Result;
use criterion::Criterion;

#[path = "../../paths.rs"]
mod paths;

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    for mut path in paths::hot_paths()? {
        criterion.bench_function(path.name, |bencher| bencher.iter(|| (path.walk)()));
    }
    criterion.final_summary();
    Ok(())
}
