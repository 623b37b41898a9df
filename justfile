# What one types while working here; `.ci/run` is what must hold before a change lands.

set shell := ["bash", "-euo", "pipefail", "-c"]

_default:
    @just --list

# Format, lint, house rules, dependency law
check:
    .ci/run fmt law clippy check

# The README's test command
test *args:
    cargo test --workspace --locked {{args}}

# The scenario files against the built binary: all, or those whose name holds the argument
scenarios name="":
    WHARF_SCENARIO={{name}} cargo test --locked -p wharf --test scenarios -- --nocapture

# The scenario files against the Worker, built anew
worker name="":
    scripts/worker-packages
    scripts/worker-build
    WHARF_SCENARIO={{name}} WHARF_WORKER=1 cargo test --locked -p wharf-testkit --test worker -- --nocapture

# wire and core for WebAssembly
wasm:
    .ci/run wasm

# Every fuzz target, or the named ones, for so many seconds each
fuzz seconds="60" *targets:
    scripts/fuzz {{seconds}} {{targets}}

# Measurements; see bench/README.md
bench *args:
    cargo run --release --locked -p wharf-bench -- {{args}}

# The gateway, from source
run *args:
    cargo run --locked -p wharf -- {{args}}

# The vendors' own SDKs against the built binary
sdk *args:
    cargo build --locked -p wharf
    scripts/sdk-test {{args}}

# Licences, bans and sources of dependencies; `just deny advisories` needs GitHub
deny *checks="bans licenses sources":
    cargo deny --locked check {{checks}}

# Write anew what is generated from the code: provider table, configuration reference, schema
gen:
    cargo run --quiet --locked -p xtask -- gen

# Everything, as CI does it
ci *steps:
    .ci/run {{steps}}
