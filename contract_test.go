package aiproxy

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// TestContractLoads adapts and loads the contract's Caddyfile as it stands. What
// of it is not built is named, setting by setting, and nothing else is wrong
// with it: each line goes from here with the issue that builds it.
func TestContractLoads(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-provider")
	t.Setenv("ACME_CI_TOKEN", "sk-acme-ci")
	golden, err := os.ReadFile("testdata/caddyfile/contract.caddyfiletest")
	if err != nil {
		t.Fatal(err)
	}
	input, _, _ := strings.Cut(string(golden), "\n----------\n")
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), nil)
	if err != nil {
		t.Fatal(err)
	}
	var whole struct {
		Apps struct {
			App json.RawMessage `json:"aiproxy"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(adapted, &whole); err != nil {
		t.Fatal(err)
	}
	load := func(config []byte) error {
		return caddy.Validate(gateConfig(t, t.TempDir(), string(config)))
	}
	unbuilt := []string{
		"model gpt-5: price is not built yet", "model gpt-5: rpm is not built yet", "model gpt-5: tpm is not built yet",
		"model gpt-5: fallback is not built yet", "group acme: balance is not built yet",
	}
	err = load(whole.Apps.App)
	if err == nil || !strings.HasSuffix(err.Error(), strings.Join(unbuilt, "\n")) {
		t.Errorf("the error is %v, expected\n%s", err, strings.Join(unbuilt, "\n"))
	}

	var app map[string]json.RawMessage
	if err := json.Unmarshal(whole.Apps.App, &app); err != nil {
		t.Fatal(err)
	}
	delete(app, "models")
	app["groups"] = json.RawMessage(`{"acme":{"sets":["default"]}}`)
	rest, _ := json.Marshal(app)
	if err := load(rest); err != nil {
		t.Errorf("without what is not built: %v", err)
	}
}
