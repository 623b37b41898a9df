# Sourced: what the scripts that build for WebAssembly share. Expects $CACHE, a folder outside the tree.

WASM=wasm32-unknown-unknown

have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# A Mac has no timeout.
within() {
  if have timeout; then timeout "$@"; else shift; "$@"; fi
}

apt_install() {
  have apt-get || { echo "missing: $* (no apt-get here: install them by hand)" >&2; return 1; }
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "$@"
}

# Whether the toolchain that cargo uses here has the target's standard library, now or after asking rustup for it.
# That rustup could not is remembered for this compiler: it may take minutes to find out.
wasm_std() {
  local sysroot refused="$CACHE/no-$WASM" version
  have rustc && sysroot=$(rustc --print sysroot) || return 1
  # The folder alone says nothing.
  if compgen -G "$sysroot/lib/rustlib/$WASM/lib/libcore-*.rlib" >/dev/null; then return; fi
  version=$(rustc --version)
  if ! have rustup || [ "$(cat "$refused" 2>/dev/null)" = "$version" ]; then return 1; fi
  if within 180 rustup target add "$WASM" >&2; then rm -f "$refused"; return; fi
  echo "$version" >"$refused"
  return 1
}

# Debian's compiler with the sources of the standard library, and its linker.
debian_wasm() { [ -x /usr/bin/cargo ] && [ -d /usr/lib/rustlib/src/rust ] && [ -x /usr/bin/wasm-ld-22 ]; }
DEBIAN_WASM=(rustc-web cargo-web rust-web-src lld-22)

# wasm_cargo TARGET_DIR COMMAND…: cargo for WebAssembly. Where rustup cannot add the target, Debian's toolchain builds
# the standard library too, in a target directory of its own: the two compilers would keep rebuilding each other's crates.
# $WASM_TARGET_DIR is then the directory that it used.
wasm_cargo() {
  WASM_TARGET_DIR=$1
  shift
  if wasm_std; then
    CARGO_TARGET_DIR=$WASM_TARGET_DIR cargo "$1" --locked --target "$WASM" "${@:2}"
    return
  fi
  echo "rustup cannot add $WASM here: using Debian's toolchain and building std" >&2
  if ! debian_wasm; then
    if [ "$(id -u)" != 0 ] && [ -z "${CI:-}" ]; then
      echo "run: rustup target add $WASM   or, on Debian: sudo apt-get install ${DEBIAN_WASM[*]}" >&2
      return 1
    fi
    apt_install "${DEBIAN_WASM[@]}" >&2
  fi
  WASM_TARGET_DIR=$WASM_TARGET_DIR-debian
  env PATH="/usr/bin:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=/usr/bin/wasm-ld-22 CARGO_TARGET_DIR="$WASM_TARGET_DIR" \
    /usr/bin/cargo "$1" --locked --target "$WASM" "${@:2}"
}
