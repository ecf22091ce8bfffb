#!/bin/sh
# rules.sh FOLDER [SOURCE]: puts the rules of the OWASP Core Rule Set into FOLDER, which is not there yet. SOURCE is a Git repository
# that has the tag: the project's own, or a mirror of it.
#
# Of this version every byte is known: the tag's commit, and a SHA-256 over the files, since Git's own sums are SHA-1. 4.25.1, of the
# line that is mended longest, wants ModSecurity 3.0.16, and Debian 12 has 3.0.9.
set -eu
folder=${1%/}
source=${2:-https://github.com/coreruleset/coreruleset}
tag=v4.28.0
commit=55b09f5acfd16413e7b31041100711ceb7adc89c
sum=7b23f86550190b71f386658cdbd26aea1cb96b21fc840d1b0686c2ed1f4afdf5

test ! -e "$folder" || { echo "$folder is there already" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git init --quiet "$work"
git -C "$work" fetch --quiet --depth 1 "$source" "refs/tags/$tag"
found=$(git -C "$work" rev-parse 'FETCH_HEAD^{commit}')
test "$found" = "$commit" || { echo "$tag is $found, not $commit" >&2; exit 1; }
git -C "$work" -c core.autocrlf=false checkout --quiet FETCH_HEAD -- rules
rm "$work"/rules/*.example
# The order of names is the C locale's, whoever runs this.
found=$(cd "$work/rules" && LC_ALL=C sh -c 'sha256sum -- *' | sha256sum | cut -d ' ' -f 1)
test "$found" = "$sum" || { echo "the rules of $tag are not those that were looked at: $found" >&2; exit 1; }
# Whole or not at all: what an interruption leaves has another name.
rm -rf "$folder.new"
mkdir -p "$folder.new"
cp "$work"/rules/* "$folder.new/"
chmod 0755 "$folder.new"
chmod 0644 "$folder.new"/*
mv "$folder.new" "$folder"
