#!/usr/bin/env bash
# Runs a command with its temporary files in memory, where there is room: tests make many thousands of small SQLite
# transactions, and would mostly wait for the disk. Usage: tests/in_memory.sh COMMAND…
set -u
room_kb="$(df -k --output=avail /dev/shm 2>/dev/null | tail -1)"
if [ -n "${TMPDIR:-}" ] || [ "${room_kb:-0}" -lt 8388608 ]; then
  exec "$@"
fi
TMPDIR="$(mktemp -d /dev/shm/cafe24-tests-XXXXXX)"
export TMPDIR
chmod 755 "$TMPDIR" # PostgreSQL runs as another user
trap 'rm -rf "$TMPDIR"' EXIT
"$@"
