package protocol_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

var (
	anthropicHeader = http.Header{"Anthropic-Version": {"2023-06-01"}, "X-Api-Key": {"sk-1"}}
	googleHeader    = http.Header{"X-Goog-Api-Key": {"sk-1"}}
)

func TestRecognise(t *testing.T) {
	const (
		post = http.MethodPost
		get  = http.MethodGet
	)
	for _, test := range []struct {
		method, path, query string
		header              http.Header
		want                protocol.Call
	}{
		{post, "/v1/chat/completions", "", nil, protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate, Version: "v1"}},
		{post, "/v1/chat/completions", "key=x", anthropicHeader, protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate, Version: "v1"}},
		{post, "/v1/embeddings", "", nil, protocol.Call{Protocol: protocol.Chat, Operation: protocol.Embed, Version: "v1"}},
		{post, "/v1/responses", "", nil, protocol.Call{Protocol: protocol.Responses, Operation: protocol.Generate, Version: "v1"}},
		{post, "/v1/messages", "beta=true", nil, protocol.Call{Protocol: protocol.Messages, Operation: protocol.Generate, Version: "v1"}},
		{post, "/v1/messages/count_tokens", "beta=true", nil, protocol.Call{Protocol: protocol.Messages, Operation: protocol.CountTokens, Version: "v1"}},

		{get, "/v1/models", "", nil, protocol.Call{Protocol: protocol.Chat, Operation: protocol.ListModels, Version: "v1"}},
		{get, "/v1/models", "limit=1", anthropicHeader, protocol.Call{Protocol: protocol.Messages, Operation: protocol.ListModels, Version: "v1"}},
		{get, "/v1/models", "", googleHeader, protocol.Call{Protocol: protocol.Gemini, Operation: protocol.ListModels, Version: "v1"}},
		{get, "/v1/models", "pageSize=2&key=sk-1", nil, protocol.Call{Protocol: protocol.Gemini, Operation: protocol.ListModels, Version: "v1"}},
		{get, "/v1/models", "monkey=1", nil, protocol.Call{Protocol: protocol.Chat, Operation: protocol.ListModels, Version: "v1"}},
		{get, "/v1beta/models", "", nil, protocol.Call{Protocol: protocol.Gemini, Operation: protocol.ListModels, Version: "v1beta"}},
		{"HEAD", "/v1beta/models", "", nil, protocol.Call{Protocol: protocol.Gemini, Operation: protocol.ListModels, Version: "v1beta"}},
		{get, "/v1/models/gpt-5", "", nil, protocol.Call{Protocol: protocol.Chat, Operation: protocol.GetModel, Model: "gpt-5", Version: "v1"}},
		{get, "/v1/models/meta/llama:free", "", anthropicHeader, protocol.Call{Protocol: protocol.Messages, Operation: protocol.GetModel, Model: "meta/llama:free", Version: "v1"}},
		{get, "/v1beta/models/gemini-2.5-flash", "", nil, protocol.Call{Protocol: protocol.Gemini, Operation: protocol.GetModel, Model: "gemini-2.5-flash", Version: "v1beta"}},

		{post, "/v1beta/models/gemini-2.5-flash:generateContent", "", nil,
			protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate, Model: "gemini-2.5-flash", Version: "v1beta"}},
		{post, "/v1/models/meta/llama:free:generateContent", "", nil,
			protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate, Model: "meta/llama:free", Version: "v1"}},
		{post, "/v1beta/models/m:streamGenerateContent", "alt=sse", nil,
			protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate, Model: "m", Stream: true, Version: "v1beta"}},
		{post, "/v1beta/models/m:streamGenerateContent", "key=a&%24alt=ss%65", nil,
			protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate, Model: "m", Stream: true, Version: "v1beta"}},
		{post, "/v1beta/models/m:streamGenerateContent", "", nil,
			protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate, Model: "m", Stream: true, Array: true, Version: "v1beta"}},
		{post, "/v1beta/models/m:streamGenerateContent", "alt=json", nil,
			protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate, Model: "m", Stream: true, Array: true, Version: "v1beta"}},
		{post, "/v1/models/m:countTokens", "", nil, protocol.Call{Protocol: protocol.Gemini, Operation: protocol.CountTokens, Model: "m", Version: "v1"}},
		{post, "/v1beta/models/m:embedContent", "", nil, protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Embed, Model: "m", Version: "v1beta"}},
		{post, "/v1beta/models/m:batchEmbedContents", "", nil, protocol.Call{Protocol: protocol.Gemini, Operation: protocol.BatchEmbed, Model: "m", Version: "v1beta"}},
		{post, "/v1beta/tunedModels/mine:generateContent", "", nil,
			protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate, Model: "tunedModels/mine", Version: "v1beta"}},

		{get, "/v1/aiproxy/me", "", nil, protocol.Call{Protocol: protocol.Chat, Operation: protocol.Me, Version: "v1"}},
		{get, "/v1/aiproxy/ready", "", nil, protocol.Call{Protocol: protocol.Chat, Operation: protocol.Ready, Version: "v1"}},
		{"HEAD", "/v1/aiproxy/live", "", nil, protocol.Call{Protocol: protocol.Chat, Operation: protocol.Live, Version: "v1"}},
	} {
		call, ours, err := protocol.Recognise(test.method, test.path, test.query, test.header)
		if err != nil || !ours {
			t.Errorf("%s %s: ours %t, error %v", test.method, test.path, ours, err)
			continue
		}
		if diff := cmp.Diff(test.want, call); diff != "" {
			t.Errorf("%s %s?%s: -want +got:\n%s", test.method, test.path, test.query, diff)
		}
	}
}

func TestRecogniseOthers(t *testing.T) {
	for _, path := range []string{"", "/", "/index.html", "/v1", "/v1beta", "/v10/models", "/v1alpha/models", "//v1/models", "/api/v1/models", "v1/models"} {
		if call, ours, err := protocol.Recognise("POST", path, "key=1", nil); ours || err != nil || call != (protocol.Call{}) {
			t.Errorf("%q: %+v, ours %t, error %v; expected the next handler's", path, call, ours, err)
		}
	}
}

func TestRecogniseRefuses(t *testing.T) {
	for _, test := range []struct {
		call   string
		header http.Header
		p      protocol.Protocol
		kind   protocol.Kind
		says   string // a part of the message, or Allow
	}{
		{"GET /v1/chat/completions", nil, protocol.Chat, protocol.KindMethod, "POST"},
		{"OPTIONS /v1/messages", nil, protocol.Messages, protocol.KindMethod, "POST"},
		{"DELETE /v1/models/gpt-5", nil, protocol.Chat, protocol.KindMethod, "GET, HEAD"},
		{"POST /v1/models", googleHeader, protocol.Gemini, protocol.KindMethod, "GET, HEAD"},
		{"POST /v1/models/gpt-5", nil, protocol.Chat, protocol.KindMethod, "GET, HEAD"},
		{"GET /v1beta/models/m:generateContent", nil, protocol.Gemini, protocol.KindMethod, "POST"},
		{"POST /v1/aiproxy/ready", nil, protocol.Chat, protocol.KindMethod, "GET, HEAD"},

		{"POST /v1/completions", nil, protocol.Chat, protocol.KindNotBuilt, "legacy completions"},
		{"POST /v1/images/generations", nil, protocol.Chat, protocol.KindNotBuilt, "images"},
		{"POST /v1/audio/speech", nil, protocol.Chat, protocol.KindNotBuilt, "audio"},
		{"POST /v1/rerank", nil, protocol.Chat, protocol.KindNotBuilt, "rerank"},
		{"POST /v1/moderations", nil, protocol.Chat, protocol.KindNotBuilt, "moderations"},
		{"GET /v1/realtime", nil, protocol.Chat, protocol.KindNotBuilt, "realtime"},
		{"GET /v1/videos/video_1/content", nil, protocol.Chat, protocol.KindNotBuilt, "video"},
		{"GET /v1/chat/completions/chatcmpl_1", nil, protocol.Chat, protocol.KindNotBuilt, "stored chat completions"},
		{"GET /v1/responses/resp_1", nil, protocol.Responses, protocol.KindNotBuilt, "stored responses"},
		{"POST /v1/responses/resp_1/cancel", nil, protocol.Responses, protocol.KindNotBuilt, "stored responses"},
		{"POST /v1/responses/compact", nil, protocol.Responses, protocol.KindNotBuilt, "compaction"},
		{"POST /v1/responses/input_tokens", nil, protocol.Responses, protocol.KindNotBuilt, "token counts"},
		{"POST /v1/messages/batches", nil, protocol.Messages, protocol.KindNotBuilt, "batches of messages"},
		{"GET /v1/messages/batches/b1/results", nil, protocol.Messages, protocol.KindNotBuilt, "batches of messages"},
		{"POST /v1/files", nil, protocol.Chat, protocol.KindNotBuilt, "files"},
		{"POST /v1/files", anthropicHeader, protocol.Messages, protocol.KindNotBuilt, "files"},
		{"POST /v1beta/files", nil, protocol.Gemini, protocol.KindNotBuilt, "files"},
		{"POST /v1beta/cachedContents", nil, protocol.Gemini, protocol.KindNotBuilt, "cached contents"},
		{"GET /v1beta/operations/o1", nil, protocol.Gemini, protocol.KindNotBuilt, "operations"},
		{"GET /v1beta/tunedModels", nil, protocol.Gemini, protocol.KindNotBuilt, "tuned models"},
		{"POST /v1beta/models/imagen:predict", nil, protocol.Gemini, protocol.KindNotBuilt, "predictions"},
		{"POST /v1beta/models/veo:predictLongRunning", nil, protocol.Gemini, protocol.KindNotBuilt, "long-running"},
		{"POST /v1/models/m:batchGenerateContent", nil, protocol.Gemini, protocol.KindNotBuilt, "batch jobs"},
		{"POST /v1beta/models/m:asyncBatchEmbedContent", nil, protocol.Gemini, protocol.KindNotBuilt, "embeddings"},

		{"POST /v1/", nil, protocol.Chat, protocol.KindNotFound, "unknown path"},
		{"POST /v1/nothing", nil, protocol.Chat, protocol.KindNotFound, "unknown path"},
		{"POST /v1/nothing", anthropicHeader, protocol.Messages, protocol.KindNotFound, "unknown path"},
		{"POST /v1/nothing", googleHeader, protocol.Gemini, protocol.KindNotFound, "unknown path"},
		{"POST /v1/messages/nothing", nil, protocol.Chat, protocol.KindNotFound, "unknown path"},
		{"GET /v1/aiproxy/nothing", nil, protocol.Chat, protocol.KindNotFound, "unknown path"},
		{"POST /v1beta/nothing", nil, protocol.Gemini, protocol.KindNotFound, "unknown path"},
		{"POST /v1beta/openai/chat/completions", nil, protocol.Chat, protocol.KindNotFound, "under /v1 "},
		{"POST /v1/chat/completions/", nil, protocol.Chat, protocol.KindNotFound, "unknown path"},
		{"POST /v1//chat/completions", nil, protocol.Chat, protocol.KindNotFound, "unknown path"},
		{"POST /v1/images//generations", nil, protocol.Chat, protocol.KindNotFound, "unknown path"},
		{"GET /v1/models/", nil, protocol.Chat, protocol.KindNotFound, "unknown path"},
		{"POST /v1beta/models/m:nothing", nil, protocol.Gemini, protocol.KindNotFound, `unknown action "nothing"`},
		{"POST /v1beta/models/:generateContent", nil, protocol.Gemini, protocol.KindNotFound, "unknown action"},

		{"POST /v1beta/models/m:streamGenerateContent?alt=proto", nil, protocol.Gemini, protocol.KindInvalid, "expected sse or json"},
		{"POST /v1beta/models/m:streamGenerateContent?alt=sse&alt=json", nil, protocol.Gemini, protocol.KindInvalid, "more than once"},
		{"POST /v1beta/models/m:streamGenerateContent?alt=sse&$alt=sse", nil, protocol.Gemini, protocol.KindInvalid, "more than once"},
	} {
		method, target, _ := strings.Cut(test.call, " ")
		path, query, _ := strings.Cut(target, "?")
		call, ours, err := protocol.Recognise(method, path, query, test.header)
		if !ours || err == nil {
			t.Errorf("%s: ours %t, error %v", test.call, ours, err)
			continue
		}
		if call.Protocol != test.p || err.Kind != test.kind || !strings.Contains(err.Message+"|"+err.Allow, test.says) {
			t.Errorf("%s: %s, %s, %q, Allow %q; expected %s, %s, %q", test.call, call.Protocol, err.Kind, err.Message, err.Allow, test.p, test.kind, test.says)
		}
	}
}

func FuzzRecognise(f *testing.F) {
	for _, seed := range []string{"/v1/chat/completions", "/v1beta/models/a/b:c:generateContent", "/v1//", "/v1/models/:", "/v1/messages/batches/x", "/v1beta/openai"} {
		f.Add("POST", seed, "alt=sse&key=%zz&%61lt=1")
	}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		call, ours, err := protocol.Recognise(method, path, query, nil)
		under := strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v1beta/")
		if ours != under {
			t.Fatalf("ours is %t", ours)
		}
		if ours && call.Protocol == protocol.None {
			t.Fatal("no protocol to answer in")
		}
		if ours && err == nil && call.Operation == protocol.OperationNone {
			t.Fatal("neither an operation nor an error")
		}
		if err != nil && err.Kind == protocol.KindMethod && err.Allow == "" {
			t.Fatal("405 without Allow")
		}
	})
}
