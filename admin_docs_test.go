package aiproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documentedAPI is the documentation of the admin API.
const documentedAPI = "docs/admin-api.md"

// example is a command of the documentation, with the answer where one follows.
var example = regexp.MustCompile("(?s)```sh\n(curl .*?)\n```\n(?:```json\n(.*?)```\n)?")

// words splits a command as a shell does.
var words = regexp.MustCompile(`'[^']*'|[^\s'\\]+`)

// documentedID stands for the ID of a token.
const documentedID = "tok_0123456789abcdefghij"

// volatile finds what differs from run to run, and steady is what the
// documentation has in its place.
var (
	volatile = regexp.MustCompile(`"(id|key|created_at|updated_at|time|latency_ms)":("[^"]*"|\d+)`)
	steady   = map[string]string{
		"id":         `"` + documentedID + `"`,
		"key":        `"sk-0123456789ABCDEFGHIJabcdefghij0123456789ABC"`,
		"created_at": `"2026-01-31T12:00:00Z"`,
		"updated_at": `"2026-01-31T12:00:00Z"`,
		"time":       `"2026-01-31T12:00:00Z"`,
		"latency_ms": `1`,
	}
)

// steadied returns an answer as the documentation has it.
func steadied(answer []byte) string {
	return volatile.ReplaceAllStringFunc(string(answer), func(member string) string {
		name, value, _ := strings.Cut(strings.TrimPrefix(member, `"`), `":`)
		if name == "id" && !strings.HasPrefix(value, `"`) { // an audit row's
			return member
		}
		return `"` + name + `":` + steady[name]
	})
}

// TestAdminDocs runs the documented examples in their order. With -update it
// writes the answers anew.
func TestAdminDocs(t *testing.T) {
	raw, err := os.ReadFile(documentedAPI)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	routes := adminRoutes()
	run := map[string]bool{}
	w := newWorld(t, `{"channels":{"echo":{"adaptor":{"adaptor":"echo"},"models":["echo"]}}}`)
	id := documentedID
	var out strings.Builder
	end := 0
	for _, at := range example.FindAllStringSubmatchIndex(text, -1) {
		command := text[at[2]:at[3]]
		method, path, body, headers := parseCurl(t, command)
		got := w.call(method, strings.ReplaceAll(path, documentedID, id), body, headers...)
		if made, ok := strings.CutPrefix(got.header.Get("Location"), "/aiproxy/tokens/"); ok {
			id = made
		}
		pathOnly, _, _ := strings.Cut(path, "?")
		route, _, _ := matchRoute(routes, method, strings.TrimPrefix(pathOnly, adminPrefix))
		if route == nil {
			t.Fatalf("%s: there is no such route", command)
		}
		run[route.method+" "+route.pattern] = true
		if at[4] < 0 {
			got.want(route.status)
			continue
		}
		if refused := got.doc()["error"] != nil; !refused {
			got.want(route.status)
		}
		answer := steadied(got.body)
		if *update {
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, []byte(strings.TrimSpace(answer)), "", "  "); err != nil {
				t.Fatal(err)
			}
			out.WriteString(text[end:at[4]] + pretty.String() + "\n")
			end = at[5]
			continue
		}
		var have, want any
		if err := errors.Join(json.Unmarshal([]byte(answer), &have), json.Unmarshal([]byte(text[at[4]:at[5]]), &want)); err != nil {
			t.Errorf("%s: %v", command, err)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-documented +got):\n%s", command, diff)
		}
	}
	for _, r := range routes {
		mention := "`" + r.method + " " + adminPrefix + strings.ReplaceAll(r.pattern, "...}", "}") + "`"
		if !strings.Contains(text, mention) {
			t.Errorf("%s is not documented", mention)
		}
		if r.status != 501 && !run[r.method+" "+r.pattern] {
			t.Errorf("%s has no example", mention)
		}
	}
	if *update {
		out.WriteString(text[end:])
		if err := os.WriteFile(documentedAPI, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// parseCurl reads a command.
func parseCurl(t *testing.T, command string) (method, path, body string, headers []string) {
	t.Helper()
	method = "GET"
	args := words.FindAllString(command, -1)[1:]
	for i := 0; i < len(args); i++ {
		value := func() string {
			i++
			return strings.Trim(args[i], "'")
		}
		switch arg := strings.Trim(args[i], "'"); arg {
		case "-i":
		case "-X":
			method = value()
		case "-H":
			headers = append(headers, value())
		case "-d":
			body = value()
		default:
			var ok bool
			if path, ok = strings.CutPrefix(arg, "localhost:2019"); !ok {
				t.Fatalf("%s: what is %q?", command, arg)
			}
		}
	}
	return method, path, body, headers
}
