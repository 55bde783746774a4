#!/bin/sh
# Temper @VERSION@: an archive behind a script. It is unpacked once, into the user's cache.
set -euf
# Lists are one thing a line: paths may have blanks.
IFS='
'

cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
case $cache in
"")
  echo "error: set HOME or XDG_CACHE_HOME: Temper unpacks itself into the cache there" >&2
  exit 1
  ;;
/*) ;;
*) cache=$PWD/$cache ;;
esac
# Apart from $cache/temper, which commands may write: whoever may write a folder can rename what is
# in it, and put something else in its place.
programs=$cache/temper-executable
program=$programs/@ID@

refuse() {
  echo "error: cannot start from $programs: $1; set XDG_CACHE_HOME to a folder of your own" >&2
  exit 1
}

# Whether someone else may rename a folder or one above it. Only the sticky bit (/tmp) prevents that
# where everybody may write.
open_to_others() {
  folder=$1 folders=$1
  while [ -n "$folder" ] && [ "$folder" != / ]; do
    folder=${folder%/*}
    folders="$folders$IFS${folder:-/}"
  done
  # shellcheck disable=SC2086
  listing=$(LC_ALL=C ls -ld $folders) || return 0
  case "$IFS$listing" in *"$IFS"d???????w[!tT]*) return 0 ;; esac
  return 1
}

mkdir -p "$cache" || refuse "$cache cannot be made"
[ -d "$programs" ] || mkdir -m 700 "$programs" 2>/dev/null || [ -d "$programs" ] ||
  refuse "it cannot be made"
[ ! -L "$programs" ] || refuse "it is a link"
[ -O "$programs" ] || refuse "it belongs to someone else"
case $(LC_ALL=C ls -ld "$programs") in
d????-??-*) ;;
*) refuse "others may write it" ;;
esac
! open_to_others "$(cd -P "$programs" && pwd)" || refuse "others may write a folder above it"

# Unpacked beside its place and renamed: it is there whole or not at all, also when two start at once.
if [ ! -x "$program/deno" ]; then
  partial=$(mktemp -d "$program.XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if ! tail -n +@LINES@ "$0" | gzip -dc | tar -xof - -C "$partial"; then
    echo "error: cannot unpack into $partial: is the disk full?" >&2
    exit 1
  fi
  chmod 755 "$partial"
  mv "$partial" "$program"
  # Where another process was first, mv has put ours inside of its folder.
  rm -rf "$program/${partial##*/}"
  trap - EXIT INT TERM
fi

DENO_DIR="$program/cache" DENO_NO_UPDATE_CHECK=1
# Where this file is: it must not be changed by a command, see lib/cli/protected_program.ts.
case $0 in
/*) TEMPER_EXECUTABLE=$0 ;;
*) TEMPER_EXECUTABLE=$PWD/$0 ;;
esac
# How hints name this file: by its name alone where the shell finds it so.
TEMPER_PROGRAM=$0
[ "$(command -v "${0##*/}" || :)" != "$0" ] || TEMPER_PROGRAM=${0##*/}
export DENO_DIR DENO_NO_UPDATE_CHECK TEMPER_EXECUTABLE TEMPER_PROGRAM

start() {
  "$program/deno" run --quiet --no-config --no-lock --no-remote --no-prompt "$@"
}

# What every command needs: the environment variables that are documented.
flags='--allow-env=@ENV@
--allow-sys=@SYS@'

# A command gets the permissions that `temper permissions` prints for it. Where that fails, because
# the command line is wrong or asks for help, the program explains it and needs no more; where what
# the command line names is wrong, that is all there is to say.
case "${1-}" in
"" | -* | help) ;;
completion | permissions) flags="$flags
--allow-read" ;;
*)
  # shellcheck disable=SC2086
  needed=$(start --allow-read $flags "$program/app/@MAIN@" permissions "$@" 2>/dev/null) || {
    if [ $? -eq 1 ]; then
      # shellcheck disable=SC2086
      start --allow-read $flags "$program/app/@MAIN@" permissions "$@" || exit
    fi
    needed=
  }
  case "$needed" in --allow-*) flags=$needed ;; esac
  ;;
esac

# V8's flags are set when a process starts, and only where they pass a test: see lib/cli/turbo.ts.
case "$flags" in
*"$IFS"--v8-flags=*)
  TEMPER_TURBO=1
  tested=$(start --allow-read="$program" "--v8-flags=${flags##*--v8-flags=}" \
    "$program/app/lib/doctor/turbo_self_test.ts" 2>/dev/null) || tested=
  [ "$tested" = ok ] || TEMPER_TURBO=0 flags=${flags%--v8-flags=*}
  export TEMPER_TURBO
  ;;
esac

# shellcheck disable=SC2086
exec "$program/deno" run --quiet --no-config --no-lock --no-remote --no-prompt \
  --deny-write="$programs" $flags "$program/app/@MAIN@" "$@"
