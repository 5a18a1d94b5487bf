package aiproxy

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

const (
	asAnthropic = "Anthropic-Version: 2023-06-01"
	asGemini    = "X-Goog-Api-Key: sk-ci"
)

// TestModelShapes asks for the list in each protocol's shape.
func TestModelShapes(t *testing.T) {
	g := newGate(t, `{
		"channels": {"echo": {"adaptor": {"adaptor": "echo"}, "models": ["echo", "a/b:c", "w-*"]}},
		"models": {"echo": {"display_name": "Echo \"1\"", "owned_by": "us", "context_tokens": 1000, "max_output_tokens": 100}},
		"groups": {"acme": {}}, "tokens": [{"group": "acme", "name": "ci", "key": "sk-ci"}]
	}`, "")
	for _, c := range []struct{ target, header, want string }{
		{"/v1/models", "", `{"data":[` +
			`{"id":"a/b:c","object":"model","created":0,"owned_by":"aiproxy"},` +
			`{"id":"echo","object":"model","created":0,"owned_by":"us"}],"object":"list"}`},
		{"/v1/models", asAnthropic, `{"data":[` +
			`{"type":"model","id":"a/b:c","display_name":"a/b:c","created_at":"1970-01-01T00:00:00Z"},` +
			`{"type":"model","id":"echo","display_name":"Echo \"1\"","created_at":"1970-01-01T00:00:00Z","max_input_tokens":1000,"max_tokens":100}],` +
			`"first_id":"a/b:c","has_more":false,"last_id":"echo"}`},
		{"/v1/models", asGemini, `{"models":[` +
			`{"name":"models/a/b:c","baseModelId":"a/b:c","version":"1","displayName":"a/b:c","supportedGenerationMethods":["generateContent","countTokens","embedContent"]},` +
			`{"name":"models/echo","baseModelId":"echo","version":"1","displayName":"Echo \"1\"","inputTokenLimit":1000,"outputTokenLimit":100,` +
			`"supportedGenerationMethods":["generateContent","countTokens","embedContent"]}]}`},
		{"/v1/models/a/b:c", "", `{"id":"a/b:c","object":"model","created":0,"owned_by":"aiproxy"}`},
		{"/v1/models/a%2Fb%3Ac", "", `{"id":"a/b:c","object":"model","created":0,"owned_by":"aiproxy"}`},
		{"/v1/models/w-1", "", `{"id":"w-1","object":"model","created":0,"owned_by":"aiproxy"}`},
		{"/v1/models/a/b:c", asAnthropic, `{"type":"model","id":"a/b:c","display_name":"a/b:c","created_at":"1970-01-01T00:00:00Z"}`},
		{"/v1beta/models/a/b:c", asGemini, `{"name":"models/a/b:c","baseModelId":"a/b:c","version":"1","displayName":"a/b:c","supportedGenerationMethods":["generateContent","countTokens","embedContent"]}`},
	} {
		headers := []string{ci}
		if c.header != "" {
			headers = append(headers, c.header)
		}
		w := g.ask("GET", c.target, "", headers...)
		if diff := cmp.Diff(c.want, w.Body.String()); w.Code != 200 || diff != "" {
			t.Errorf("%s %s: %d, -want +got:\n%s", c.target, c.header, w.Code, diff)
		}
		whole(t, c.target, w)
	}
}

// TestModelsSeen is what a token sees of the list and of single models: no
// more than it may call, and all of that.
func TestModelsSeen(t *testing.T) {
	g := newGate(t, "", "")
	for key, want := range map[string][]string{
		"sk-ci":     {"alias", "chat-only", "echo", "vendor/fixed:free"},
		"sk-both":   {"alias", "chat-only", "echo", "hidden", "vendor/fixed:free"},
		"sk-narrow": {"vendor/fixed:free"},
	} {
		var list struct{ Data []struct{ ID string } }
		w := g.ask("GET", "/v1/models", "", "Authorization: Bearer "+key)
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, m := range list.Data {
			got = append(got, m.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", key, diff)
		}
		for _, name := range []string{"alias", "chat-only", "echo", "hidden", "vendor/fixed:free", "wild-1", "wild-2", "stopped", "keyless", "unserved", "none"} {
			may := slices.Contains(want, name) || name == "wild-1" || name == "wild-2" && key != "sk-narrow"
			for path, p := range map[string]protocol.Protocol{"/v1/models/": protocol.Chat, "/v1beta/models/": protocol.Gemini} {
				w := g.ask("GET", path+name, "", "Authorization: Bearer "+key)
				if may && w.Code == 200 {
					continue
				}
				if may {
					t.Errorf("%s %s%s: got %d", key, path, name, w.Code)
					continue
				}
				wantError(t, key+" "+path+name, w, p, protocol.KindModelNotFound, name)
			}
		}
	}
}

// many is a gate with the models m00 to m24.
func many(t *testing.T) *gate {
	names := make([]string, 25)
	for i := range names {
		names[i] = fmt.Sprintf(`"m%02d"`, i)
	}
	return newGate(t, `{
		"channels": {"echo": {"adaptor": {"adaptor": "echo"}, "models": [`+strings.Join(names, ",")+`]}},
		"groups": {"acme": {}}, "tokens": [{"group": "acme", "name": "ci", "key": "sk-ci"}]
	}`, "")
}

func TestAnthropicPages(t *testing.T) {
	g := many(t)
	for _, c := range []struct {
		query       string
		first, last string
		n           int
		more        bool
	}{
		{"", "m00", "m19", 20, true},
		{"limit=1", "m00", "m00", 1, true},
		{"limit=24", "m00", "m23", 24, true},
		{"limit=25", "m00", "m24", 25, false},
		{"limit=1000", "m00", "m24", 25, false},
		{"limit=1001", "m00", "m24", 25, false},
		{"limit=999999999999", "m00", "m24", 25, false},
		{"limit=2&after_id=m22", "m23", "m24", 2, false},
		{"limit=2&after_id=m21", "m22", "m23", 2, true},
		{"after_id=m24", "", "", 0, false},
		{"limit=2&before_id=m02", "m00", "m01", 2, false},
		{"limit=2&before_id=m03", "m01", "m02", 2, true},
		{"limit=5&before_id=m02", "m00", "m01", 2, false},
		{"before_id=m00", "", "", 0, false},
		{"limit=3&after_id=m01&before_id=m20", "m02", "m04", 3, true},
	} {
		w := g.ask("GET", "/v1/models?"+c.query, "", ci, asAnthropic)
		var page struct {
			Data    []anthropicModel
			HasMore *bool   `json:"has_more"`
			FirstID *string `json:"first_id"`
			LastID  *string `json:"last_id"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || page.HasMore == nil {
			t.Errorf("%s: %d %s: %v", c.query, w.Code, w.Body, err)
			continue
		}
		first, last := "", ""
		if page.FirstID != nil && page.LastID != nil {
			first, last = *page.FirstID, *page.LastID
		}
		if first != c.first || last != c.last || len(page.Data) != c.n || *page.HasMore != c.more {
			t.Errorf("%s: got %q to %q, %d, more %t; expected %q to %q, %d, %t", c.query, first, last, len(page.Data), *page.HasMore, c.first, c.last, c.n, c.more)
		}
		if c.n > 0 && (page.Data[0].ID != c.first || page.Data[c.n-1].ID != c.last) {
			t.Errorf("%s: holds %q to %q", c.query, page.Data[0].ID, page.Data[c.n-1].ID)
		}
		if !strings.Contains(w.Body.String(), `"data":[`) {
			t.Errorf("%s: the data is no list: %s", c.query, w.Body)
		}
	}
	for query, says := range map[string]string{
		"limit=0": "limit", "limit=-1": "limit", "limit=x": "limit", "limit=1.5": "limit", "limit=99999999999999999999": "limit",
		"after_id=none": "after_id", "before_id=M00": "before_id", "after_id=m*": "after_id",
	} {
		wantError(t, query, g.ask("GET", "/v1/models?"+query, "", ci, asAnthropic), protocol.Messages, protocol.KindInvalid, says)
	}
}

func TestGeminiPages(t *testing.T) {
	g := many(t)
	for _, size := range []int{1, 2, 24, 25, 26, 1000, 5000} {
		var got []string
		token, pages := "", 0
		for {
			q := url.Values{"pageSize": {fmt.Sprint(size)}}
			if token != "" {
				q.Set("pageToken", token)
			}
			w := g.ask("GET", "/v1beta/models?"+q.Encode(), "", ci)
			list := geminiPage(t, w)
			for _, m := range list.Models {
				got = append(got, m.Name)
			}
			pages++
			if token = list.Next; token == "" || pages > 25 {
				break
			}
		}
		if len(got) != 25 || !slices.IsSorted(got) || len(slices.Compact(got)) != 25 || pages != (25+size-1)/size {
			t.Errorf("pages of %d: %d of them with %v", size, pages, got)
		}
	}
	if list := geminiPage(t, g.ask("GET", "/v1beta/models", "", ci)); len(list.Models) != 25 || list.Next != "" {
		t.Errorf("without a size: %d models, next %q", len(list.Models), list.Next)
	}
	if list := geminiPage(t, g.ask("GET", "/v1beta/models?pageToken=m24", "", ci)); len(list.Models) != 0 || list.Next != "" {
		t.Errorf("after the last: %d models, next %q", len(list.Models), list.Next)
	}
	for query, says := range map[string]string{"pageSize=-1": "pageSize", "pageSize=x": "pageSize", "pageToken=none": "pageToken"} {
		wantError(t, query, g.ask("GET", "/v1beta/models?"+query, "", ci), protocol.Gemini, protocol.KindInvalid, says)
	}
	// An unset number is 0 in Google's protocols, and means the default.
	if list := geminiPage(t, g.ask("GET", "/v1beta/models?pageSize=0", "", ci)); len(list.Models) != 25 {
		t.Errorf("pageSize=0: %d models", len(list.Models))
	}
}

type geminiList struct {
	Models []geminiModel
	Next   string `json:"nextPageToken"`
}

func geminiPage(t *testing.T, w *httptest.ResponseRecorder) (list geminiList) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != 200 || !strings.Contains(w.Body.String(), `"models":[`) {
		t.Fatalf("got %d %s: %v", w.Code, w.Body, err)
	}
	return list
}

// TestEmptyLists are lists all the same.
func TestEmptyLists(t *testing.T) {
	g := newGate(t, `{"groups": {"acme": {}}, "tokens": [{"group": "acme", "name": "ci", "key": "sk-ci"}]}`, "")
	for header, want := range map[string]string{
		"X-Api-Key: sk-ci": `{"data":[],"object":"list"}`,
		asAnthropic:        `{"data":[],"first_id":null,"has_more":false,"last_id":null}`,
		asGemini:           `{"models":[]}`,
	} {
		if w := g.ask("GET", "/v1/models", "", ci, header); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: got %d %s, expected %s", header, w.Code, w.Body, want)
		}
	}
}
