package aiproxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddyserver/caddy/v2"
)

// TestDeclaredChannels are as routing has them, with all defaults.
func TestDeclaredChannels(t *testing.T) {
	t.Setenv("AIPROXY_TEST_KEY", "from the environment")
	t.Setenv("AIPROXY_TEST_HOST", "api.example.com")
	g := newGate(t, `{"channels": {
		"plain": {"adaptor": {"adaptor": "openai"}, "models": ["m"], "keys": ["a", "", "{env.AIPROXY_TEST_UNSET}", "{env.AIPROXY_TEST_KEY}"]},
		"whole": {"adaptor": {"adaptor": "anthropic"}, "map": {"m": "n"}, "keys": ["k"], "base_url": "https://{env.AIPROXY_TEST_HOST}/v1//",
			"protocols": ["messages"], "priority": -3, "weight": 7, "sets": ["b", "a"], "transport": {"protocol": "http"}},
		"none": {"adaptor": {"adaptor": "gemini"}, "models": ["m"]},
		"unset": {"adaptor": {"adaptor": "gemini"}, "models": ["m"], "keys": ["{env.AIPROXY_TEST_UNSET}", ""]},
		"off": {"adaptor": {"adaptor": "echo"}, "models": ["m"], "status": "disabled"},
		"echo": {"adaptor": {"adaptor": "echo"}, "models": ["m"], "status": "enabled"}
	}}`, "")
	type seen struct {
		BaseURL, Inactive string
		Keys              []string
		Positions         []int
		Protocols         []protocol.Protocol
		Priority, Weight  int
		Sets              []string
	}
	got := map[string]seen{}
	for _, ch := range g.app.declared.channels {
		s := seen{Inactive: ch.Inactive, Protocols: ch.Protocols, Priority: ch.Priority, Weight: ch.Weight, Sets: ch.Sets}
		if ch.BaseURL != nil {
			s.BaseURL = ch.BaseURL.String()
		}
		for _, k := range ch.Keys {
			s.Keys, s.Positions = append(s.Keys, k.Value), append(s.Positions, k.Position)
		}
		if ch.Source != sourceConfig {
			t.Errorf("%s comes from %q", ch.Name, ch.Source)
		}
		got[ch.Name] = s
	}
	sets := []string{routing.DefaultSet}
	openAI := []protocol.Protocol{protocol.Chat, protocol.Responses}
	all := []protocol.Protocol{protocol.Chat, protocol.Responses, protocol.Messages, protocol.Gemini}
	const google = "https://generativelanguage.googleapis.com/v1beta"
	want := map[string]seen{
		"plain": {"https://api.openai.com/v1", "", []string{"a", "from the environment"}, []int{1, 4}, openAI, 0, 1, sets},
		"whole": {"https://api.example.com/v1", "", []string{"k"}, []int{1}, []protocol.Protocol{protocol.Messages}, -3, 7, []string{"b", "a"}},
		"none":  {google, "no key", []string{""}, []int{0}, []protocol.Protocol{protocol.Gemini}, 0, 1, sets},
		"unset": {google, "its keys are empty", []string{""}, []int{0}, []protocol.Protocol{protocol.Gemini}, 0, 1, sets},
		"off":   {"", "disabled", []string{""}, []int{0}, all, 0, 1, sets},
		"echo":  {"", "", []string{""}, []int{0}, all, 0, 1, sets},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestStoredChannelIsTakenAsItIs: whoever may make channels at run time may
// neither name files nor read the environment.
func TestStoredChannelIsTakenAsItIs(t *testing.T) {
	t.Setenv("AIPROXY_TEST_KEY", "of the machine")
	g, err := loadStored("c", []byte(`{"adaptor":{"adaptor":"openai"},"models":["m"],"base_url":"https://a.example/v1"}`), []string{"{env.AIPROXY_TEST_KEY}"})
	if err != nil {
		t.Fatal(err)
	}
	if key := g.channel.Keys[0].Value; key != "{env.AIPROXY_TEST_KEY}" {
		t.Errorf("the key became %q", key)
	}
	g.leave()
	for config, want := range map[string]string{
		`{"adaptor":{"adaptor":"openai"},"models":["m"],"base_url":"https://{env.AIPROXY_TEST_KEY}/v1"}`: "base_url",
		`{"adaptor":{"adaptor":"openai"},"models":["m"],"transport":{"protocol":"http"}}`:                "can be set in Caddy's config only",
		`{"adaptor":{"adaptor":"openai","organization":"{env.AIPROXY_TEST_KEY}"},"models":["m"]}`:        "a placeholder can stand in Caddy's config only",
		`{"adaptor":{"adaptor":"openai","{env.X}":"1"},"models":["m"]}`:                                  "a placeholder can stand in Caddy's config only",
		`{"adaptor":{"adaptor":"openai","\u007benv.X}":"1"},"models":["m"]}`:                             "a placeholder can stand in Caddy's config only",
		`{"adaptor":{"adaptor":"openai"},"models":["m"],"modles":[]}`:                                    "unknown field",
		`{"adaptor":{"adaptor":"openai"},"models":["m"]`:                                                 "unexpected EOF",
		`{}`: "adaptor: required",
	} {
		if g, err := loadStored("c", []byte(config), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v; expected %s", config, g, err, want)
		} else if strings.Contains(err.Error(), "of the machine") {
			t.Errorf("%s: the environment is told: %v", config, err)
		}
	}
}

// TestNotSent marks what never reached an upstream, so that it can go to
// another without being done twice, and nothing else.
func TestNotSent(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cutting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	defer cutting.Close()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	for name, transport := range map[string]string{"ours": "", "Caddy's": `, "transport": {"protocol": "http"}`} {
		var cfg ChannelConfig
		if err := caddy.StrictUnmarshalJSON([]byte(`{"adaptor": {"adaptor": "openai"}, "models": ["m"]`+transport+`}`), &cfg); err != nil {
			t.Fatal(err)
		}
		ch, err := loadChannel(ctx, "c", &cfg, sourceConfig, caddy.NewReplacer())
		if err != nil {
			t.Fatal(err)
		}
		for url, want := range map[string]bool{
			"http://" + closed.Addr().String(): true, "http://nowhere.invalid": true, cutting.URL: false,
		} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			// Caddy's transport looks for what its server puts there.
			repl := caddy.NewReplacer()
			r = r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, repl))
			resp, err := ch.Transport.RoundTrip(r)
			if err == nil {
				resp.Body.Close()
				t.Errorf("%s: %s answers", name, url)
			} else if errors.Is(err, adaptors.ErrNotSent) != want {
				t.Errorf("%s: %s: not sent is %t: %v", name, url, !want, err)
			}
		}
	}
}

func TestAdaptorName(t *testing.T) {
	for raw, want := range map[string]string{`{"adaptor":"echo"}`: "echo", `{}`: "", `[]`: "", ``: "", `{"adaptor":1}`: ""} {
		if got := adaptorName([]byte(raw)); got != want {
			t.Errorf("%s: got %q", raw, got)
		}
	}
}
