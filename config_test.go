package aiproxy

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddyserver/caddy/v2"
)

// TestConfigErrors holds the words with which a wrong config is refused.
func TestConfigErrors(t *testing.T) {
	t.Setenv("AIPROXY_TEST_EMPTY", "")
	keys := strings.Repeat(`"k",`, 64) + `"k"`
	for _, c := range []struct{ app, want string }{
		{`{"chanels": {}}`, `decoding module config: aiproxy: json: unknown field "chanels"`},
		{`{"channels": []}`, `decoding module config: aiproxy: json: cannot unmarshal array into Go struct field App.channels of type map[string]*aiproxy.ChannelConfig`},
		{`{"store": {"driver": "none"}}`, `loading store: loading module 'none': unknown module: aiproxy.stores.none`},
		{`{"store": {}}`, `loading store: module name not specified with key 'driver' in map[]`},
		{`{"store": {"driver": "sqlite", "file": "x"}}`, `loading store: loading module 'sqlite': decoding module config: aiproxy.stores.sqlite: json: unknown field "file"`},
		{`{"secret": "short"}`, `secret: it has 5 characters; at least 32 are required`},
		{`{"secret": "{env.AIPROXY_TEST_EMPTY}"}`, `secret: evaluated placeholder {env.AIPROXY_TEST_EMPTY} is empty`},
		{`{"secret": "{env.AIPROXY_TEST_UNSET}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`, `secret: evaluated placeholder {env.AIPROXY_TEST_UNSET} is empty`},

		// All that is not built is listed at once.
		{`{"models": {"b": {"price": {"input": "1"}, "rpm": 1, "tpm": -1, "fallback": ["a"]}, "a": {"rpm": 1}}, "groups": {"g": {"balance": "1"}}}`,
			"model a: rpm is not built yet\nmodel b: price is not built yet\nmodel b: rpm is not built yet\n" +
				"model b: tpm is not built yet\nmodel b: fallback is not built yet\ngroup g: balance is not built yet"},

		{`{"channels": {"c": null}}`, `channel c: empty`},
		{`{"channels": {"": {"adaptor": {"adaptor": "echo"}, "models": ["m"]}}}`, `channel "": a name has from 1 to 64 characters`},
		{`{"channels": {"` + strings.Repeat("c", 65) + `": {}}}`, `channel "` + strings.Repeat("c", 65) + `": a name has from 1 to 64 characters`},
		{`{"channels": {"a/b": {}}}`, `channel "a/b": "/" cannot be in a name; expected letters, digits, '.', '_' and '-'`},
		{`{"channels": {"..": {}}}`, `channel "..": ".." is no name`},
		{`{"channels": {"c": {}}}`, `channel c: adaptor: required`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "none"}, "models": ["m"]}}}`, `channel c: adaptor: loading module 'none': unknown module: aiproxy.adaptors.none`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo", "dely": 1}, "models": ["m"]}}}`,
			`channel c: adaptor: loading module 'echo': decoding module config: aiproxy.adaptors.echo: json: unknown field "dely"`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}}}}`, `channel c: models: at least one model, or a map, is required`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "models": [""]}}}`, `channel c: models: "": a model's name is empty`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "models": ["a b"]}}}`, `channel c: models: "a b": the model's name "a b" holds the character ' '`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "map": {"a*": "b"}}}}`, `channel c: map: "a*" to "b": two names without * are required`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "map": {"a": ""}}}}`, `channel c: map: "a" to "": two names without * are required`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "models": ["m"], "weight": -1}}}`, `channel c: weight: -1 is not between 1 and 1000000`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "models": ["m"], "weight": 1000001}}}`, `channel c: weight: 1000001 is not between 1 and 1000000`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "keys": [` + keys + `]}}}`, `channel c: keys: at most 64 are taken`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "models": ["m"], "status": "on"}}}`, `channel c: status: "on" is neither enabled nor disabled`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "models": ["m"], "protocols": ["openai"]}}}`,
			`channel c: protocols: "openai" is none of chat, responses, messages, gemini`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "anthropic"}, "models": ["m"], "protocols": ["chat"]}}}`,
			`channel c: protocols: the adaptor does not speak chat`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "base_url": "api.openai.com/v1"}}}`,
			`channel c: base_url: "api.openai.com/v1": expected http:// or https:// and a host`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "base_url": "ftp://a/v1"}}}`,
			`channel c: base_url: "ftp://a/v1": expected http:// or https:// and a host`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "base_url": "https:///v1"}}}`,
			`channel c: base_url: "https:///v1": expected http:// or https:// and a host`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "base_url": "https://me:hidden@a/v1"}}}`,
			`channel c: base_url: "https://me:xxxxx@a/v1": a user, a query or a fragment cannot be in it`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "base_url": "https://a/v1?key=1"}}}`,
			`channel c: base_url: "https://a/v1?key=1": a user, a query or a fragment cannot be in it`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "base_url": "https://a:b:c/%zz"}}}`, `channel c: base_url: not a URL`},
		{`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "transport": {"protocol": "none"}}}}`,
			`channel c: transport: loading module 'none': unknown module: http.reverse_proxy.transport.none`},

		{`{"models": {"a*": {}}}`, `model a*: "a*" is no name of a model`},
		{`{"models": {"": {}}}`, `model : "" is no name of a model`},
		{`{"models": {"m": {"status": "gone"}}}`, `model m: status: "gone" is neither enabled nor disabled`},
		{`{"models": {"m": {"context_tokens": -1}}}`, `model m: a number of tokens is negative`},

		{`{"groups": {"a b": {}}}`, `group "a b": name: the name "a b" holds other characters than A-Z a-z 0-9 . _ -`},
		{`{"groups": {"g": {"status": "gone"}}}`, `group "g": status: it is "gone", expected "enabled" or "disabled"`},
		{`{"groups": {"g": {"sets": [""]}}}`, `group "g": sets: a name is empty`},

		{`{"tokens": [null]}`, `tokens: position 0 is empty`},
		{`{"tokens": [{"group": "g", "name": "t"}]}`, `token "t" of group "g": key: it is empty`},
		{`{"tokens": [{"group": "g", "name": "t", "key": "{env.AIPROXY_TEST_EMPTY}"}]}`, `token g t: key: evaluated placeholder {env.AIPROXY_TEST_EMPTY} is empty`},
		{`{"tokens": [{"group": "g", "name": "t", "key": "` + strings.Repeat("k", 513) + `"}]}`, `token "t" of group "g": key: it has 513 bytes, at most 512 are allowed`},
		{`{"tokens": [{"name": "t", "key": "k"}]}`, `token "t" of group "": group: a name is empty`},
		{`{"tokens": [{"group": "g", "key": "k"}]}`, `token "" of group "g": name: a name is empty`},
		{`{"tokens": [{"group": "g", "name": "t", "key": "k"}, {"group": "g", "name": "t", "key": "l"}]}`, `token "t" of group "g" is declared twice`},
		{`{"tokens": [{"group": "g", "name": "t", "key": "hidden"}, {"group": "h", "name": "u", "key": "hidden"}]}`,
			`token "t" of group "g" and token "u" of group "h" have the same key`},
		{`{"tokens": [{"group": "g", "name": "t", "key": "k", "expires_at": "tomorrow"}]}`,
			`token g t: expires_at: "tomorrow" is neither a time such as 2027-01-31T12:00:00Z nor a date`},
		{`{"tokens": [{"group": "g", "name": "t", "key": "k", "subnets": ["10.0.0.0/33"]}]}`,
			`token "t" of group "g": subnets: "10.0.0.0/33" is neither a subnet such as 10.0.0.0/8 nor an address`},
		{`{"tokens": [{"group": "g", "name": "t", "key": "k", "status": "x"}]}`, `token "t" of group "g": status: it is "x", expected "enabled" or "disabled"`},

		{`{"retry": {"attempts": 21}}`, `retry: attempts: 21 is not between 1 and 20`},
		{`{"retry": {"attempts": -1}}`, `retry: attempts: -1 is not between 1 and 20`},
		{`{"retry": {"idle": -1}}`, `retry: a duration is negative`},
		{`{"retry": {"total": "soon"}}`, `decoding module config: aiproxy: time: invalid duration "soon"`},
		{`{"limits": {"body": -1}}`, `limits: a limit is below 1`},
		{`{"limits": {"upload": -1}}`, `limits: a limit is below 1`},
		{`{"limits": {"body": 10, "memory": 9}}`, `limits: memory: 9 bytes do not hold one body of 10`},
		{`{"limits": {"memory": -1}}`, `limits: memory: -1 bytes do not hold one body of 33554432`},
		{`{"limits": {"body": 1073741825, "memory": 1073741825}}`, `limits: body, event and answer can be at most 1 GiB`},
		{`{"limits": {"event": 1073741825}}`, `limits: body, event and answer can be at most 1 GiB`},
	} {
		err := caddy.Validate(gateConfig(t, t.TempDir(), c.app))
		if err == nil {
			t.Errorf("%s is taken; expected %s", c.app, c.want)
			continue
		}
		got := err.Error()
		for _, prefix := range []string{"loading aiproxy app module: ", "provision aiproxy: ", "aiproxy: invalid configuration: "} {
			got = strings.TrimPrefix(got, prefix)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.app, diff)
		}
		if strings.Contains(got, "hidden") {
			t.Errorf("the error shows a secret: %s", got)
		}
	}
}

// TestConfigTaken is at the edges of what is taken.
func TestConfigTaken(t *testing.T) {
	for _, app := range []string{
		`{}`,
		`{"models": {"m": null}, "groups": {"g": null}}`,
		`{"channels": {}, "models": {}, "groups": {}, "tokens": [], "retry": null, "limits": null}`,
		`{"channels": {"` + strings.Repeat("c", 64) + `": {"adaptor": {"adaptor": "echo"}, "models": ["m"], "weight": 1000000}}}`,
		`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["*"], "keys": [` + strings.Repeat(`"k",`, 63) + `"k"]}}}`,
		`{"channels": {"c": {"adaptor": {"adaptor": "echo"}, "map": {"a": "b"}}}}`,
		`{"channels": {"c": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "base_url": "http://[::1]:8080/v1///"}}}`,
		`{"limits": {"body": 1, "event": 1, "answer": 1, "memory": 1, "upload": 1}}`,
		`{"retry": {"attempts": 20, "first_token": "1ns", "idle": "1h", "total": 1}}`,
		// A token may belong to a group that is made at run time.
		`{"tokens": [{"group": "later", "name": "t", "key": "k", "expires_at": "2999-12-31"}]}`,
	} {
		if err := caddy.Validate(gateConfig(t, t.TempDir(), app)); err != nil {
			t.Errorf("%s: %v", app, err)
		}
	}
}

// TestHandlerErrors are those of the handler's own settings.
func TestHandlerErrors(t *testing.T) {
	g := newGate(t, `{}`, "")
	for handler, want := range map[string]string{
		`"plugins": [{"plugin": "cache"}]`: "plugins are not built yet",
		`"pings": 1`:                       `unknown field "pings"`,
		`"ping": "soon"`:                   `invalid duration "soon"`,
	} {
		_, err := g.app.ctx.LoadModuleByID("http.handlers.aiproxy", []byte("{"+handler+"}"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, expected %s", handler, err, want)
		}
	}
}

// TestValidateTouchesNothing: a config is judged without a file made or an
// address dialled.
func TestValidateTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	for _, store := range []string{
		`{"driver": "sqlite"}`,
		fmt.Sprintf(`{"driver": "sqlite", "path": %q}`, filepath.Join(dir, "deep", "er", "a.db")),
	} {
		config := gateConfig(t, filepath.Join(dir, "caddy"), `{"store": `+store+`, "secret": "", "bootstrap": true,
			"channels": {
				"a": {"adaptor": {"adaptor": "openai"}, "base_url": "http://192.0.2.1:1/v1", "keys": ["k"], "models": ["m"]},
				"b": {"adaptor": {"adaptor": "anthropic"}, "base_url": "https://nowhere.invalid/v1", "keys": ["k"], "models": ["m"],
					"transport": {"protocol": "http", "dial_timeout": "1s"}},
				"c": {"adaptor": {"adaptor": "gemini"}, "models": ["m"], "keys": ["k"]}
			},
			"groups": {"g": {}}, "tokens": [{"group": "g", "name": "t", "key": "k"}]}`)
		if err := caddy.Validate(config); err != nil {
			t.Fatal(err)
		}
	}
	var made []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if path != dir {
			made = append(made, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil || len(made) > 0 {
		t.Errorf("validating made %v, %v", made, err)
	}
	if len(states.entries) != 0 {
		t.Errorf("%d states are open", len(states.entries))
	}
}
