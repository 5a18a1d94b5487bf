package echo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddyserver/caddy/v2"
)

// streamed are the bodies of a streamed call in each protocol, saying "a b c".
var streamed = map[string]string{
	"chat":          `{"model":"m","stream":true,"messages":[{"role":"user","content":"a b c"}]}`,
	"responses":     `{"model":"m","stream":true,"input":"a b c"}`,
	"messages":      `{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"a b c"}]}`,
	"gemini_stream": `{"contents":[{"parts":[{"text":"a b c"}]}]}`,
	"gemini_array":  `{"contents":[{"parts":[{"text":"a b c"}]}]}`,
}

func send(t testing.TB, ctx context.Context, a *Adaptor, name, body string) *http.Response {
	t.Helper()
	resp, err := a.Send(ctx, nil, callOf(name, body))
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestDelayOfStream(t *testing.T) {
	for name, body := range streamed {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				resp := send(t, t.Context(), still(Adaptor{Delay: caddy.Duration(time.Second)}), name, body)
				var at []time.Duration
				buf := make([]byte, 64<<10)
				for {
					n, err := resp.Body.Read(buf)
					if n > 0 {
						at = append(at, time.Since(start))
					}
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				want := []time.Duration{0, 1, 2, 3, 3} // head, three chunks, tail
				switch name {
				case "gemini_stream":
					want = []time.Duration{1, 2, 3}
				case "gemini_array":
					want = []time.Duration{1, 2, 3, 3}
				}
				for i := range want {
					want[i] *= time.Second
				}
				if diff := cmp.Diff(want, at); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				resp.Body.Close()
			})
		})
	}
}

func TestDelayOfWholeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		a := still(Adaptor{Delay: caddy.Duration(time.Second)})
		send(t, t.Context(), a, "messages_count", `{"model":"m","messages":[{"role":"user","content":"x"}]}`)
		if d := time.Since(start); d != time.Second {
			t.Errorf("after %s", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := a.Send(ctx, nil, callOf("chat", `{"model":"m","messages":[{"role":"user","content":"x"}]}`))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled, and %v", err)
		}
	})
}

// A stream ends at once when its call is cancelled or its body closed, whether
// it waits for the next chunk or has stalled.
func TestStreamEnds(t *testing.T) {
	adaptorsOf := map[string]Adaptor{
		"delayed": {Delay: caddy.Duration(time.Hour)},
		"stalled": {Fail: &Fail{Mode: failStall}},
	}
	for name, a := range adaptorsOf {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				resp := send(t, ctx, still(a), "chat", streamed["chat"])
				failed := make(chan error)
				go func() {
					_, err := io.Copy(io.Discard, resp.Body)
					failed <- err
				}()
				synctest.Wait()
				cancel()
				if err := <-failed; err != context.Canceled {
					t.Errorf("cancelled, and %v", err)
				}
				if _, err := resp.Body.Read(make([]byte, 1)); err != context.Canceled {
					t.Errorf("the next read says %v", err)
				}

				resp = send(t, t.Context(), still(a), "chat", streamed["chat"])
				go func() {
					_, err := io.Copy(io.Discard, resp.Body)
					failed <- err
				}()
				synctest.Wait()
				resp.Body.Close()
				resp.Body.Close()
				if err := <-failed; err != http.ErrBodyReadAfterClose {
					t.Errorf("closed, and %v", err)
				}
			})
		})
	}
}

// Nobody is told what was made before they left.
func TestStreamAfterClose(t *testing.T) {
	resp := send(t, t.Context(), still(Adaptor{}), "chat", streamed["chat"])
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err != http.ErrBodyReadAfterClose {
		t.Errorf("%d, %v", n, err)
	}
}

func TestStallOfWholeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := still(Adaptor{Fail: &Fail{Mode: failStall}}).Send(ctx, nil,
			callOf("gemini", `{"contents":[{"parts":[{"text":"x"}]}]}`))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestFailBefore(t *testing.T) {
	for name := range calls {
		_, err := still(Adaptor{Fail: &Fail{Mode: failBefore}}).Send(t.Context(), nil, callOf(name, "{}"))
		if !errors.Is(err, adaptors.ErrNotSent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServes(t *testing.T) {
	a := new(Adaptor)
	served := make(map[protocol.Call]bool)
	for _, c := range calls {
		served[protocol.Call{Protocol: c.Protocol, Operation: c.Operation}] = true
	}
	for p := protocol.None; p <= protocol.Gemini; p++ {
		for op := protocol.OperationNone; op <= protocol.Live; op++ {
			c := protocol.Call{Protocol: p, Operation: op}
			if got := a.Serves(p, op); got != served[c] {
				t.Errorf("%s %s: %v", p, op, got)
			}
			if !served[c] {
				if _, err := still(Adaptor{}).Send(t.Context(), nil, &adaptors.Call{Call: c}); !errors.Is(err, adaptors.ErrNotSent) {
					t.Errorf("%s %s: %v", p, op, err)
				}
			}
		}
	}
	if a.NeedsKey() || !a.StreamUsage() || a.DefaultBaseURL() != "" || len(a.Protocols()) != 4 {
		t.Error("needs key, stream usage, base URL or protocols")
	}
}

func TestMalformedRequests(t *testing.T) {
	tests := []struct{ call, body, message string }{
		{"chat", ``, "not JSON"},
		{"chat", `{`, "not JSON"},
		{"chat", `[]`, "expected another type"},
		{"chat", `{"model":1}`, "model: expected another type than number"},
		{"chat", `{"messages":[]}`, "model parameter"},
		{"chat", `{"model":"m","messages":[{"content":"x"}]}`, "must have a role"},
		{"chat", `{"model":"m","n":2,"messages":[{"role":"user"}]}`, "one answer"},
		{"chat", `{"model":"m","stream_options":{},"messages":[{"role":"user"}]}`, "stream_options"},
		{"chat", `{"model":"m","max_tokens":0,"messages":[{"role":"user"}]}`, "max_tokens: expected a number above 0"},
		{"chat_embed", `{"input":"x"}`, "model parameter"},
		{"chat_embed", `{"model":"m"}`, "input"},
		{"chat_embed", `{"model":"m","input":null}`, "input"},
		{"chat_embed", `{"model":"m","input":""}`, "input"},
		{"chat_embed", `{"model":"m","input":[]}`, "input"},
		{"chat_embed", `{"model":"m","input":[[]]}`, "input"},
		{"chat_embed", `{"model":"m","input":["x",1]}`, "input"},
		{"chat_embed", `{"model":"m","input":"x","encoding_format":"hex"}`, "encoding_format"},
		{"chat_embed", `{"model":"m","input":"x","dimensions":0}`, "dimensions"},
		{"responses", `{"input":"x"}`, "'model'"},
		{"responses", `{"model":"m","input":null}`, "'input'"},
		{"responses", `{"model":"m","input":1}`, "expected a string or an array"},
		{"responses", `{"model":"m","input":"x","max_output_tokens":-1}`, "max_output_tokens"},
		{"messages", `{"max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, "model: Field required"},
		{"messages", `{"model":"m","max_tokens":1}`, "at least one message"},
		{"messages", `{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]}`, "greater than or equal to 1"},
		{"messages", `{"model":"m","max_tokens":1,"messages":[{"content":"x"}]}`, "role"},
		{"messages_count", `{"model":"m"}`, "at least one message"},
		{"gemini", `{`, "Invalid JSON"},
		{"gemini", `[]`, "expected an object"},
		{"gemini", `{"contents":[{"parts":[]}],"generationConfig":{"candidateCount":2}}`, "one candidate"},
		{"gemini", `{"contents":[{"parts":[]}],"generation_config":{"max_output_tokens":-1}}`, "max_output_tokens"},
		{"gemini_count", `{"generateContentRequest":{}}`, "contents is not specified"},
		{"gemini_embed", `{}`, "content is empty"},
		{"gemini_batch_embed", `{"requests":[]}`, "1 to 2048"},
		{"gemini_batch_embed", `{"requests":[{"content":{"parts":[{"text":"x"}]},"outputDimensionality":9999}]}`, "outputDimensionality"},
	}
	for _, tt := range tests {
		resp := send(t, t.Context(), still(Adaptor{}), tt.call, tt.body)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), tt.message) || !json.Valid(body) {
			t.Errorf("%s %s: %d %s, want %s", tt.call, tt.body, resp.StatusCode, body, tt.message)
		}
	}
}

func TestForcedTools(t *testing.T) {
	tests := []struct{ call, body, tool string }{
		{"chat", `{"model":"m",` + chatTools + `,"tool_choice":"auto","messages":[{"role":"user"}]}`, ""},
		{"chat", `{"model":"m",` + chatTools + `,"tool_choice":"none","messages":[{"role":"user"}]}`, ""},
		{"chat", `{"model":"m",` + chatTools + `,"messages":[{"role":"user"}]}`, ""},
		{"chat", `{"model":"m","tool_choice":"required","messages":[{"role":"user"}]}`, ""},
		{"chat", `{"model":"m","tool_choice":{"type":"custom","custom":{"name":"shell"}},"messages":[{"role":"user"}]}`, ""},
		{"chat", `{"model":"m",` + chatTools + `,"tool_choice":"required","messages":[{"role":"user"}]}`, "weather"},
		{"responses", `{"model":"m",` + responseTools + `,"input":"x","tool_choice":{"type":"mcp","name":"weather"}}`, ""},
		{"responses", `{"model":"m",` + responseTools + `,"input":"x","tool_choice":{"type":"function","name":"weather"}}`, "weather"},
		{"messages", `{"model":"m","max_tokens":1,` + messageTools + `,"tool_choice":{"type":"auto"},"messages":[{"role":"user"}]}`, ""},
		{"messages", `{"model":"m","max_tokens":1,"tool_choice":{"type":"any"},"messages":[{"role":"user"}]}`, ""},
		{"messages", `{"model":"m","max_tokens":1,` + messageTools + `,"tool_choice":{"type":"any"},"messages":[{"role":"user"}]}`, "weather"},
		{"gemini", `{` + geminiTools + `,"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}},"contents":[{"parts":[]}]}`, ""},
		{"gemini", `{"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"contents":[{"parts":[]}]}`, ""},
		{"gemini", `{` + geminiTools + `,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["other"]}},"contents":[{"parts":[]}]}`, "other"},
	}
	for _, tt := range tests {
		call := callOf(tt.call, tt.body)
		q, f := wires[call.Protocol].read(call)
		if f != nil {
			t.Errorf("%s: %s", tt.body, f.message)
		} else if q.tool != tt.tool {
			t.Errorf("%s: %q, want %q", tt.body, q.tool, tt.tool)
		}
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		adaptor Adaptor
		err     string
	}{
		{Adaptor{Delay: -1}, "delay: -1ns is below zero"},
		{Adaptor{Chunks: -1}, "chunks: -1 is not between 0 and 1000"},
		{Adaptor{Chunks: 1001}, "chunks: 1001 is not between"},
		{Adaptor{Fail: &Fail{}}, `fail: unknown mode ""; known are before, status, event, stream, stall`},
		{Adaptor{Fail: &Fail{Mode: failStatus}}, "fail: status 0 is not between 400 and 599"},
		{Adaptor{Fail: &Fail{Mode: failStatus, Status: 200}}, "fail: status 200"},
		{Adaptor{Fail: &Fail{Mode: failStream, Status: 500}}, `fail: mode "stream" takes no status`},
		{Adaptor{Fail: &Fail{Mode: failStream, RetryAfter: 1}}, "fail: retry_after"},
		{Adaptor{Fail: &Fail{Mode: failStatus, Status: 500, RetryAfter: -1}}, "fail: retry_after"},
		{Adaptor{Fail: &Fail{Mode: failStall, AfterContent: true}}, `fail: mode "stall" takes no after_content`},
	}
	for _, tt := range tests {
		if err := tt.adaptor.Validate(); err == nil || !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("%v, want %s", err, tt.err)
		}
	}
	for _, a := range []Adaptor{{}, {Chunks: 1000, Delay: 1}, {Fail: &Fail{Mode: failEvent, AfterContent: true}}} {
		if err := a.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestProvision(t *testing.T) {
	var a Adaptor
	if err := a.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	if one, two := a.id(), a.id(); one == two || len(one) != 24 {
		t.Errorf("ids %s and %s", one, two)
	}
	if d := time.Since(a.now()); d < 0 || d > time.Minute {
		t.Errorf("the clock is off by %s", d)
	}
}

func TestVector(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, n := rapid.String().Draw(t, "text"), rapid.IntRange(1, 300).Draw(t, "n")
		v := vector(text, n)
		var square float64
		for _, x := range v {
			square += float64(x) * float64(x)
		}
		if len(v) != n || math.Abs(square-1) > 1e-5 {
			t.Fatalf("%d numbers, length² %v", len(v), square)
		}
		if diff := cmp.Diff(v, vector(text, n)); diff != "" {
			t.Fatal(diff)
		}
		if n > 3 && cmp.Equal(v, vector(text+"x", n)) {
			t.Fatal("another text has the same vector")
		}
	})
}

// fuzzed are the names of calls, in a fixed order.
var fuzzed = []string{"chat", "chat_embed", "responses", "messages", "messages_count", "gemini", "gemini_stream", "gemini_array", "gemini_count", "gemini_embed", "gemini_batch_embed"}

// Whatever a client sends, echo answers: well-formed JSON, or a stream that
// ends in good order.
func FuzzSend(f *testing.F) {
	for i, name := range fuzzed {
		if body, ok := streamed[name]; ok {
			f.Add(uint8(i), []byte(body))
		}
	}
	f.Add(uint8(1), []byte(`{"model":"m","input":["a",[1]],"dimensions":2}`))
	f.Add(uint8(2), []byte(`{"model":"m","tools":[{"type":"function","name":"f"}],"tool_choice":"required","input":[{"output":[{"text":"x"}]}]}`))
	f.Add(uint8(3), []byte(`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"content":[{"content":[{"content":"deep"}]}]}]}]}`))
	f.Add(uint8(10), []byte(`{"requests":[{"content":{"parts":{"text":"x"}},"output_dimensionality":2}]}`))
	a := still(Adaptor{})
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		name := fuzzed[int(which)%len(fuzzed)]
		resp, err := a.Send(context.Background(), nil, callOf(name, string(body)))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") && !json.Valid(answer) {
			t.Errorf("%s %s: %s", name, body, answer)
		}
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s: %s", name, body, resp.Status)
		}
	})
}

func BenchmarkStream(b *testing.B) {
	a := still(Adaptor{Chunks: 100})
	body := `{"model":"m","stream":true,"messages":[{"role":"user","content":"` + strings.Repeat("word ", 100) + `"}]}`
	call := callOf("chat", body)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := a.Send(context.Background(), nil, call)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
