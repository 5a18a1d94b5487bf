package echo

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// still is an adaptor whose answers do not change from one run to the next.
func still(a Adaptor) *Adaptor {
	a.now = func() time.Time { return time.Unix(1763800000, 0) }
	a.id = func() string { return "0123456789abcdef" }
	return &a
}

// calls are the operations, by the names of the golden files.
var calls = map[string]protocol.Call{
	"chat":               {Protocol: protocol.Chat, Operation: protocol.Generate},
	"chat_embed":         {Protocol: protocol.Chat, Operation: protocol.Embed},
	"responses":          {Protocol: protocol.Responses, Operation: protocol.Generate},
	"messages":           {Protocol: protocol.Messages, Operation: protocol.Generate},
	"messages_count":     {Protocol: protocol.Messages, Operation: protocol.CountTokens},
	"gemini":             {Protocol: protocol.Gemini, Operation: protocol.Generate},
	"gemini_stream":      {Protocol: protocol.Gemini, Operation: protocol.Generate, Stream: true},
	"gemini_array":       {Protocol: protocol.Gemini, Operation: protocol.Generate, Stream: true, Array: true},
	"gemini_count":       {Protocol: protocol.Gemini, Operation: protocol.CountTokens},
	"gemini_embed":       {Protocol: protocol.Gemini, Operation: protocol.Embed},
	"gemini_batch_embed": {Protocol: protocol.Gemini, Operation: protocol.BatchEmbed},
}

func callOf(name, body string) *adaptors.Call {
	c := calls[name]
	return &adaptors.Call{Call: c, Stream: c.Stream, UpstreamModel: "gemini-echo", Body: []byte(body)}
}

// shown is an answer as a golden file has it.
func shown(t *testing.T, resp *http.Response) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", resp.Status)
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(resp.Header[name], ", "))
	}
	body, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if resp.ContentLength >= 0 && err == nil && resp.ContentLength != int64(len(body)) {
		t.Errorf("Content-Length %d of %d bytes", resp.ContentLength, len(body))
	}
	fmt.Fprintf(&b, "\n%s\n", strings.ReplaceAll(string(body), "\r", "\\r"))
	if err != nil {
		fmt.Fprintf(&b, "[%v]\n", err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

const (
	chatTools     = `"tools":[{"type":"custom","custom":{"name":"shell"}},{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]`
	responseTools = `"tools":[{"type":"web_search"},{"type":"function","name":"weather","parameters":{"type":"object"}}]`
	messageTools  = `"tools":[{"name":"weather","input_schema":{"type":"object"}}]`
	geminiTools   = `"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"weather"}]}]`
)

func TestGolden(t *testing.T) {
	tests := []struct {
		name, call, body string
		adaptor          Adaptor
	}{
		{name: "chat", call: "chat", body: `{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello, <world>!"}]}`},
		{name: "chat_parts", call: "chat", body: `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"one"},{"type":"image_url","image_url":{"url":"https://a/b"}},{"type":"text","text":"two"}]}]}`},
		{name: "chat_no_text", call: "chat", body: `{"model":"m","messages":[{"role":"system","content":"Be brief."}]}`},
		{name: "chat_limit", call: "chat", body: `{"model":"m","max_completion_tokens":2,"messages":[{"role":"user","content":"one two three"}]}`},
		{name: "chat_tool", call: "chat", body: `{"model":"m",` + chatTools + `,"tool_choice":"required","messages":[{"role":"user","content":"Rain?"}]}`},
		{name: "chat_stream", call: "chat", body: `{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello, <world>!"}]}`},
		{name: "chat_stream_usage", call: "chat", body: `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello, world!"}]}`},
		{name: "chat_stream_chunks", call: "chat", adaptor: Adaptor{Chunks: 3}, body: `{"model":"m","stream":true,"messages":[{"role":"user","content":"äöüßéè"}]}`},
		{name: "chat_stream_limit", call: "chat", body: `{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"user","content":"one two three"}]}`},
		{name: "chat_stream_tool", call: "chat", body: `{"model":"m","stream":true,` + chatTools + `,"tool_choice":{"type":"function","function":{"name":"weather"}},"messages":[{"role":"user","content":"Rain?"}]}`},
		{name: "chat_stream_event_before", call: "chat", adaptor: Adaptor{Fail: &Fail{Mode: failEvent}}, body: `{"model":"m","stream":true,"messages":[{"role":"user","content":"one two"}]}`},
		{name: "chat_stream_event_after", call: "chat", adaptor: Adaptor{Fail: &Fail{Mode: failEvent, AfterContent: true}}, body: `{"model":"m","stream":true,"messages":[{"role":"user","content":"one two"}]}`},
		{name: "chat_stream_broken", call: "chat", adaptor: Adaptor{Fail: &Fail{Mode: failStream}}, body: `{"model":"m","stream":true,"messages":[{"role":"user","content":"one two"}]}`},
		{name: "chat_broken", call: "chat", adaptor: Adaptor{Fail: &Fail{Mode: failStream}}, body: `{"model":"m","messages":[{"role":"user","content":"one two"}]}`},
		{name: "chat_event", call: "chat", adaptor: Adaptor{Fail: &Fail{Mode: failEvent}}, body: `{"model":"m","messages":[{"role":"user","content":"one two"}]}`},
		{name: "chat_status", call: "chat", adaptor: Adaptor{Fail: &Fail{Mode: failStatus, Status: 429, RetryAfter: 1500000000}}, body: `{}`},
		{name: "chat_invalid", call: "chat", body: `{"model":"m","messages":[]}`},
		{name: "chat_embed", call: "chat_embed", body: `{"model":"e","input":["one","two"],"dimensions":3}`},
		{name: "chat_embed_base64", call: "chat_embed", body: `{"model":"e","input":"one","dimensions":3,"encoding_format":"base64"}`},
		{name: "chat_embed_tokens", call: "chat_embed", body: `{"model":"e","input":[[1,2,3],[4]],"dimensions":2}`},

		{name: "responses", call: "responses", body: `{"model":"m","input":"Hello, world!","instructions":"Be brief.","temperature":0.5,"store":false,"metadata":{"a":"b"}}`},
		{name: "responses_items", call: "responses", body: `{"model":"m","input":[{"role":"developer","content":"d"},{"type":"message","role":"user","content":[{"type":"input_text","text":"one"}]},{"type":"function_call","call_id":"c","name":"weather","arguments":"{\"a\":1}"},{"type":"function_call_output","call_id":"c","output":"rain"}]}`},
		{name: "responses_limit", call: "responses", body: `{"model":"m","max_output_tokens":1,"input":"one two"}`},
		{name: "responses_tool", call: "responses", body: `{"model":"m",` + responseTools + `,"tool_choice":"required","input":"Rain?"}`},
		{name: "responses_stream", call: "responses", body: `{"model":"m","stream":true,"input":"Hello, world!"}`},
		{name: "responses_stream_limit", call: "responses", body: `{"model":"m","stream":true,"max_output_tokens":1,"input":"one two"}`},
		{name: "responses_stream_tool", call: "responses", body: `{"model":"m","stream":true,` + responseTools + `,"tool_choice":{"type":"function","name":"weather"},"input":"Rain?"}`},
		{name: "responses_stream_event_before", call: "responses", adaptor: Adaptor{Fail: &Fail{Mode: failEvent}}, body: `{"model":"m","stream":true,"input":"one two"}`},
		{name: "responses_stream_event_after", call: "responses", adaptor: Adaptor{Fail: &Fail{Mode: failEvent, AfterContent: true}}, body: `{"model":"m","stream":true,"input":"one two"}`},
		{name: "responses_status", call: "responses", adaptor: Adaptor{Fail: &Fail{Mode: failStatus, Status: 401}}, body: `{}`},
		{name: "responses_invalid", call: "responses", body: `{"model":"m"}`},

		{name: "messages", call: "messages", body: `{"model":"m","max_tokens":64,"system":[{"type":"text","text":"Be brief."}],"messages":[{"role":"user","content":"Hello, world!"}]}`},
		{name: "messages_results", call: "messages", body: `{"model":"m","max_tokens":64,"messages":[{"role":"user","content":[{"type":"text","text":"Rain?"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"tool_use","id":"t","name":"weather","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"rain"}]}]}]}`},
		{name: "messages_limit", call: "messages", body: `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"one two"}]}`},
		{name: "messages_tool", call: "messages", body: `{"model":"m","max_tokens":64,` + messageTools + `,"tool_choice":{"type":"any"},"messages":[{"role":"user","content":"Rain?"}]}`},
		{name: "messages_stream", call: "messages", body: `{"model":"m","stream":true,"max_tokens":64,"messages":[{"role":"user","content":"Hello, world!"}]}`},
		{name: "messages_stream_tool", call: "messages", body: `{"model":"m","stream":true,"max_tokens":64,` + messageTools + `,"tool_choice":{"type":"tool","name":"weather"},"messages":[{"role":"user","content":"Rain?"}]}`},
		{name: "messages_stream_event_before", call: "messages", adaptor: Adaptor{Fail: &Fail{Mode: failEvent}}, body: `{"model":"m","stream":true,"max_tokens":64,"messages":[{"role":"user","content":"one two"}]}`},
		{name: "messages_stream_event_after", call: "messages", adaptor: Adaptor{Fail: &Fail{Mode: failEvent, AfterContent: true}}, body: `{"model":"m","stream":true,"max_tokens":64,"messages":[{"role":"user","content":"one two"}]}`},
		{name: "messages_event", call: "messages", adaptor: Adaptor{Fail: &Fail{Mode: failEvent}}, body: `{"model":"m","max_tokens":64,"messages":[{"role":"user","content":"one two"}]}`},
		{name: "messages_invalid", call: "messages", body: `{"model":"m","messages":[{"role":"user","content":"x"}]}`},
		{name: "messages_count", call: "messages_count", body: `{"model":"m","system":"Be brief.","messages":[{"role":"user","content":"Hello, world!"}]}`},

		{name: "gemini", call: "gemini", body: `{"system_instruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"Hello,"},{"inlineData":{"mimeType":"image/png","data":"AA=="}},{"text":"world!"}]}]}`},
		{name: "gemini_history", call: "gemini", body: `{"contents":[{"parts":[{"text":"Rain?"}]},{"role":"model","parts":[{"text":"hm","thought":true},{"functionCall":{"name":"weather","args":{"a":1}}}]},{"role":"user","parts":[{"functionResponse":{"name":"weather","response":{"output":"rain"}}}]}]}`},
		{name: "gemini_limit", call: "gemini", body: `{"generationConfig":{"maxOutputTokens":1},"contents":[{"parts":[{"text":"one two"}]}]}`},
		{name: "gemini_tool", call: "gemini", body: `{` + geminiTools + `,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"contents":[{"parts":[{"text":"Rain?"}]}]}`},
		{name: "gemini_stream", call: "gemini_stream", body: `{"contents":[{"parts":[{"text":"Hello, world!"}]}]}`},
		{name: "gemini_stream_tool", call: "gemini_stream", body: `{` + geminiTools + `,"tool_config":{"function_calling_config":{"mode":"ANY","allowed_function_names":["weather"]}},"contents":[{"parts":[{"text":"Rain?"}]}]}`},
		{name: "gemini_stream_event_after", call: "gemini_stream", adaptor: Adaptor{Fail: &Fail{Mode: failEvent, AfterContent: true}}, body: `{"contents":[{"parts":[{"text":"one two"}]}]}`},
		{name: "gemini_array", call: "gemini_array", body: `{"contents":[{"parts":[{"text":"Hello, world!"}]}]}`},
		{name: "gemini_array_event_before", call: "gemini_array", adaptor: Adaptor{Fail: &Fail{Mode: failEvent}}, body: `{"contents":[{"parts":[{"text":"one two"}]}]}`},
		{name: "gemini_array_event_after", call: "gemini_array", adaptor: Adaptor{Fail: &Fail{Mode: failEvent, AfterContent: true}}, body: `{"contents":[{"parts":[{"text":"one two"}]}]}`},
		{name: "gemini_status", call: "gemini", adaptor: Adaptor{Fail: &Fail{Mode: failStatus, Status: 503}}, body: `{}`},
		{name: "gemini_invalid", call: "gemini", body: `{"contents":[]}`},
		{name: "gemini_count", call: "gemini_count", body: `{"contents":[{"parts":[{"text":"Hello, world!"}]}]}`},
		{name: "gemini_embed", call: "gemini_embed", body: `{"content":{"parts":[{"text":"one"}]},"outputDimensionality":3}`},
		{name: "gemini_batch_embed", call: "gemini_batch_embed", body: `{"requests":[{"model":"models/e","content":{"parts":[{"text":"one"}]},"outputDimensionality":3},{"model":"models/e","content":{"parts":[{"text":"two"}]},"output_dimensionality":2}]}`},
	}
	seen := make(map[string]bool)
	for _, tt := range tests {
		seen[tt.name] = true
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.adaptor.Validate(); err != nil {
				t.Fatal(err)
			}
			resp, err := still(tt.adaptor).Send(context.Background(), nil, callOf(tt.call, tt.body))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, shown(t, resp))
		})
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".golden"); !seen[name] {
			t.Errorf("%s belongs to no test", file)
		}
	}
}
