#!/bin/sh
# make.sh [MIRROR]: makes stand-ins for the base images of deploy/, under their names, where no registry can be reached: from Debian's
# packages and rust-lang.org's toolchain, as root, with debootstrap and buildah. CONTAINERS_STORAGE_CONF says where images are kept.
# They are for trials. Then build with `--pull=never`.
set -eu
mirror=${1:-http://deb.debian.org}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root" "$mirror/debian"
for suite in 'debian bookworm' 'debian bookworm-updates' 'debian-security bookworm-security'; do
    echo "deb $mirror/$suite main"
done > "$work/root/etc/apt/sources.list"
rm -rf "$work"/root/var/lib/apt/lists/* "$work"/root/var/cache/apt/archives/*.deb
# Whom this machine believes beyond Debian's list: a proxy of its own may stand between it and the mirrors.
for own in /usr/local/share/ca-certificates/*.crt; do
    test ! -e "$own" || cp "$own" "$work/root/usr/local/share/ca-certificates/"
done
env -u TMPDIR chroot "$work/root" update-ca-certificates
cp "$here/Containerfile" "$here/postgres.sh" "$work/"

for image in debian:bookworm-slim rust:1.95-bookworm postgres:15-bookworm redis:7-bookworm; do
    buildah bud --layers --isolation chroot --format docker --pull=never --file "$work/Containerfile" \
        --target "${image%%:*}" --tag "docker.io/library/$image" "$work"
done
