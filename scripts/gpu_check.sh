#!/bin/sh
# Temper @VERSION@'s check of a GPU: an archive behind a script. It is unpacked into a temporary
# folder, which is removed at the end. Try --help.
set -eu

refuse() {
  echo "error: $1" >&2
  exit 1
}

case "$(uname -sm)" in
"Linux x86_64") ;;
*) refuse "this is for Linux on x86-64, not for $(uname -sm)" ;;
esac

# The first program that can unpack .xz.
unxz='import lzma, shutil, sys
shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)'
if command -v xz >/dev/null; then
  unpack() { xz -dc; }
elif command -v python3 >/dev/null && python3 -c 'import lzma' 2>/dev/null; then
  unpack() { python3 -c "$unxz"; }
elif command -v busybox >/dev/null; then
  unpack() { busybox unxz; }
else
  refuse "nothing here unpacks .xz: install xz-utils (Debian, Ubuntu) or xz"
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/temper-gpu-check.XXXXXX")
trap 'rm -rf "$folder"' EXIT
tail -n +@LINES@ "$0" | unpack | tar -xof - -C "$folder" ||
  refuse "cannot unpack into $folder: is the disk full?"

# No permission is needed beyond the user's own: it runs tests, and programs that know the machine.
DENO_DIR="$folder/cache" DENO_NO_UPDATE_CHECK=1
export DENO_DIR DENO_NO_UPDATE_CHECK
"$folder/deno" run --quiet --no-config --no-lock --no-check -A "$folder/app/@MAIN@" "$@" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null || :' INT TERM HUP
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child" || code=$?; done
exit "$code"
