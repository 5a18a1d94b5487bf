#!/usr/bin/env bash
# Runs every fuzz target of the module, each for $FUZZTIME (default 5s).
set -euo pipefail
cd "$(dirname "$0")/.."
found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	echo "fuzz $(dirname "$file") $target"
	go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-5s}"
done < <(git ls-files '*_test.go' | grep -v '^e2e/' | xargs grep -oE '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //')
if [ "$found" -eq 0 ]; then
	echo "no fuzz target found" >&2
	exit 1
fi
echo "$found fuzz targets passed"
