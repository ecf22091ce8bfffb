#!/bin/sh
# assemble.sh BINARY FOLDER: lays out the root of the image. The program without its symbols, the libraries that its
# loader asks for, the authorities that browsers trust, and two lines of /etc. Every file has the time of SOURCE_DATE_EPOCH.
set -eu
binary=$1
root=$2
epoch=${SOURCE_DATE_EPOCH:-0}

test ! -e "$root" || { echo "$root is there already" >&2; exit 1; }
mkdir -p "$root/etc/exchequer" "$root/etc/ssl/certs" "$root/var/lib/exchequer" "$root/tmp"
strip --strip-all -o "$root/exchequer" "$binary"
chmod 0755 "$root/exchequer"

# As ldd names them: "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)" and the loader by its path alone.
ldd "$binary" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
echo 'exchequer:x:10001:10001::/var/lib/exchequer:/' > "$root/etc/passwd"
echo 'exchequer:x:10001:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
# Only root may give a folder to somebody else; without that the volume's owner is set where it is mounted.
if [ "$(id -u)" = 0 ]; then
    chown -R 10001:10001 "$root/var/lib/exchequer"
fi
chmod 0700 "$root/var/lib/exchequer"
chmod 1777 "$root/tmp"
find "$root" -exec touch -h -d "@$epoch" {} +
