#!/usr/bin/env bash
# Runs the steps of xcaddy.Dockerfile line by line in a shell, in a copy of
# this tree, and looks at the Caddy that comes out. It uses Go's own caches.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
export TMPDIR=$work # xcaddy leaves a folder there where it is interrupted
server=
finish() {
	if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
	rm -rf "$work"
}
trap finish EXIT

fail() {
	echo "xcaddy: $*" >&2
	exit 1
}

# The tree as git sees it, with what is not committed yet.
copy_tree() {
	mkdir -p "$1"
	git ls-files -z --cached --others --exclude-standard |
		while IFS= read -r -d '' file; do
			if [ -e "$file" ]; then printf '%s\0' "$file"; fi
		done | tar --null -T - -cf - | tar -xf - -C "$1"
}

# The RUN steps of the first stage, continued lines joined.
run_steps() {
	local stage=0 steps=0 line
	while IFS= read -r line; do
		case $line in
		FROM\ *) stage=$((stage + 1)) ;;
		RUN\ *)
			[ "$stage" -eq 1 ] || fail "a RUN outside the first stage cannot be run here: $line"
			steps=$((steps + 1))
			echo "xcaddy: $line"
			(cd "$1" && sh -euc "${line#RUN }") >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "failed: $line"; }
			;;
		esac
	done < <(sed -e ':again' -e '/\\$/{N;s/\\\n//;b again' -e '}' xcaddy.Dockerfile)
	[ "$steps" -gt 0 ] || fail "xcaddy.Dockerfile has no RUN step"
}

copy_tree "$work/src"
run_steps "$work/src"
caddy=$work/src/bin/caddy
(cd "$work/src" && CGO_ENABLED=0 go build -trimpath -o "$work/aiproxy" ./cmd/aiproxy)
guard=()
if [ "$(uname)" = Linux ]; then
	go build -o "$work/nosocket" ./internal/nosocket
	guard=("$work/nosocket")
fi

# Everything below happens in empty folders that only this script knows.
export HOME=$work/home XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config
mkdir -p "$HOME" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$work/cwd"
example=$work/src/Caddyfile.example
cd "$work/cwd"

echo "xcaddy: version"
"$caddy" version | grep -q '^v2\.11\.9' || fail "caddy version says $("$caddy" version)"

echo "xcaddy: list-modules"
"$caddy" list-modules | grep -E '(^|\.)aiproxy(\.|$)' | sort >"$work/modules"
"$work/aiproxy" list-modules | grep -E '(^|\.)aiproxy(\.|$)' | sort | diff - "$work/modules" ||
	fail "xcaddy's modules (>) are not those of cmd/aiproxy (<)"
for module in aiproxy http.handlers.aiproxy admin.api.aiproxy aiproxy.stores.sqlite \
	aiproxy.adaptors.{openai,anthropic,gemini,echo}; do
	grep -qx "$module" "$work/modules" || fail "list-modules has no $module"
done

echo "xcaddy: adapt"
"$caddy" adapt --config "$example" >"$work/adapted.json" 2>"$work/log" || { cat "$work/log" >&2; fail "adapt failed"; }
grep -q '"handler":"aiproxy"' "$work/adapted.json" || fail "adapt has no handler aiproxy"
if grep -q 'warn' "$work/log"; then cat "$work/log" >&2; fail "adapt warns"; fi
printf '{\n\taiproxy {\n\t\tchanel x\n\t}\n}\n' >"$work/wrong"
if "$caddy" adapt --config "$work/wrong" --adapter caddyfile >/dev/null 2>"$work/log"; then
	fail "adapt takes a wrong Caddyfile"
fi
grep -q 'unknown option .*chanel.*wrong:3' "$work/log" || { cat "$work/log" >&2; fail "adapt does not say what is wrong, and where"; }

echo "xcaddy: fmt"
"$caddy" fmt "$example" | diff "$example" - || fail "fmt changes Caddyfile.example"

echo "xcaddy: validate"
if [ "${#guard[@]}" -gt 0 ]; then
	# The guard works: it ends a server with SIGSYS, 31.
	status=0
	{ "${guard[@]}" "$caddy" run --config "$example" >"$work/log" 2>&1; } 2>/dev/null || status=$?
	[ "$status" -eq 159 ] || { cat "$work/log" >&2; fail "a server under nosocket ended with $status"; }
fi
find "$HOME" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$work/cwd" -mindepth 1 -delete
for binary in "$caddy" "$work/aiproxy"; do
	"${guard[@]}" "$binary" validate --config "$example" --adapter caddyfile >"$work/log" 2>&1 ||
		{ cat "$work/log" >&2; fail "validate failed, or opened a socket"; }
	left=$(find "$HOME" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$work/cwd" -mindepth 1)
	[ -z "$left" ] || fail "validate left behind: $left"
done

echo "xcaddy: run"
port=$((20000 + RANDOM % 10000))
# http://, since Caddy would make certificates and have the machine trust them.
sed "s|^:8080 {|http://:$port {\n\tbind 127.0.0.1|; s|^{\$|{\n\tadmin off|" "$example" >"$work/Caddyfile"
"$caddy" run --config "$work/Caddyfile" --adapter caddyfile >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
	line=$(grep '^curl ' "$work/out") && break
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
[ -n "${line:-}" ] || { cat "$work/out" "$work/log" >&2; fail "bootstrap printed no curl line"; }
sh -c "$line -sS --fail-with-body --retry 5 --retry-connrefused" >"$work/answer" ||
	{ cat "$work/answer" "$work/log" >&2; fail "the printed line does not work"; }
grep -q '"chat.completion"' "$work/answer" || fail "the answer is none: $(cat "$work/answer")"
echo "xcaddy: passed"
