package aiproxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
	"github.com/caddyserver/caddy/v2"
)

func TestActor(t *testing.T) {
	local := &adminCall{r: &http.Request{}}
	if got := local.actor(); got != "admin" {
		t.Errorf("local: %q", got)
	}
	remote := &adminCall{r: &http.Request{TLS: &tls.ConnectionState{
		PeerCertificates: []*x509.Certificate{{RawSubjectPublicKeyInfo: []byte("abc")}},
	}}}
	// The SHA-256 of "abc", from FIPS 180-2.
	const want = "admin sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := remote.actor(); got != want {
		t.Errorf("remote: %q", got)
	}
}

// TestAnswerError: what the API does not know is told to the log alone.
func TestAnswerError(t *testing.T) {
	inside := errors.New("disk /var/lib/secret is full")
	for _, test := range []struct {
		err    error
		status int
		says   string
	}{
		{refuse(409, "taken"), 409, "taken"},
		{&tenancy.FieldError{Field: "name", Message: "wrong"}, 400, "name: wrong"},
		{&configError{errors.New("adaptor: wrong")}, 400, "adaptor: wrong"},
		{store.ErrNotFound, 404, "not found"},
		{store.ErrExists, 409, "already exists"},
		{store.ErrConflict, 412, "changed"},
		{inside, 500, "the log says why"},
	} {
		var got caddy.APIError
		if !errors.As(answerError(test.err), &got) || got.HTTPStatus != test.status || !strings.Contains(got.Message, test.says) {
			t.Errorf("%v: got %d %q", test.err, got.HTTPStatus, got.Message)
		}
		if test.err == inside && (got.Err != inside || strings.Contains(got.Message, "secret")) {
			t.Errorf("%v: got %v, %q", test.err, got.Err, got.Message)
		}
	}
	if err := answerError(nil); err != nil {
		t.Errorf("nil: %v", err)
	}
}

// TestAdminBrokenRows: a row that cannot be loaded, such as one of an adaptor
// that this build has not, is shown with the reason, and can be mended or
// deleted; the others serve.
func TestAdminBrokenRows(t *testing.T) {
	w := newWorld(t, "")
	w.call("POST", "/aiproxy/channels", `{"name":"good","adaptor":"echo","models":["good"]}`).want(201)
	_, key := w.group("beta")
	v, err := activeView()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	change := store.Change{Actor: "test", Action: "create", Kind: "channel"}
	for name, row := range map[string]store.Channel{
		"gone":   {Config: json.RawMessage(`{"adaptor":{"adaptor":"gone"},"models":["m"]}`)},
		"spoilt": {Config: json.RawMessage(`{"adaptor":{"adaptor":"echo"},"models":["m"]}`), Keys: []byte("not sealed")},
	} {
		row.Name = name
		if _, err := v.state.store.PutChannel(ctx, row, 0, change); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.state.store.PutModel(ctx, store.Model{Name: "odd", Config: json.RawMessage(`7`)}, 0, change); err != nil {
		t.Fatal(err)
	}
	v.leave()
	// A new start reads them.
	if err := errors.Join(w.run(nil), w.load("")); err != nil {
		t.Fatal(err)
	}
	w.ask(key, "good").want(200)
	for name, why := range map[string]string{"gone": "unknown module", "spoilt": "sealed"} {
		if state := w.call("GET", "/aiproxy/channels/"+name, "").want(200).text("state"); !strings.Contains(state, "cannot be loaded") || !strings.Contains(state, why) {
			t.Errorf("%s: state %q", name, state)
		}
	}
	w.call("PATCH", "/aiproxy/channels/gone", `{"weight":2}`).want(400).says("adaptor")
	if got := w.call("PATCH", "/aiproxy/channels/gone", `{"adaptor":"echo"}`).want(200); got.text("state") != "active" {
		t.Errorf("mended: %s", got.body)
	}
	w.ask(key, "m").want(200)
	w.call("PATCH", "/aiproxy/channels/spoilt", `{"keys":["new"]}`).want(200)
	w.call("DELETE", "/aiproxy/channels/spoilt", "").want(204)
	w.call("GET", "/aiproxy/models/odd", "").want(200)
	w.call("PATCH", "/aiproxy/models/odd", `{"owned_by":"me"}`).want(200)
	w.call("DELETE", "/aiproxy/models/odd", "").want(204)
}
