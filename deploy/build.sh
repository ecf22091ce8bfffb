#!/bin/sh
# build.sh [CARGO ARGUMENTS]: `cargo build --locked` in the checkout's root, so that one commit and one toolchain give one binary
# wherever the checkout, the registry's crates and the target folder are: their paths stand in no byte of it. It sets what
# decides about that, over what the environment says. Used by deploy/Containerfile and `cargo xtask reproduce`.
set -eu
root=$(pwd -P)
crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
target=${CARGO_TARGET_DIR:-$root/target}
case "$root$crates$target" in
    *[[:space:]]*) echo "build.sh: a folder's name has a blank, which compilers' flags cannot have" >&2; exit 1 ;;
esac

# Of two that fit, rustc and gcc take the last: the target folder may be in the root.
maps="$crates=/crates $root=/exchequer $target=/target"
separator=$(printf '\037')
rust= c=
for map in $maps; do
    rust="$rust${rust:+$separator}--remap-path-prefix=$map"
    c="$c${c:+ }-ffile-prefix-map=$map"
done
# A build id is a hash of what is linked, debug information included; the digest of the program says as much.
rust="$rust${separator}-Clink-arg=-Wl,--build-id=none"

export CARGO_ENCODED_RUSTFLAGS="$rust" CFLAGS="$c" CXXFLAGS="$c"
export CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
exec cargo build --locked "$@"
