//! Times the hot paths: `cargo bench --no-default-features --features memory`.

use _native::error::Result;
use criterion::Criterion;

mod paths;

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    for mut path in paths::hot_paths()? {
        criterion.bench_function(path.name, |bencher| bencher.iter(|| (path.walk)()));
    }
    criterion.final_summary();
    Ok(())
}
