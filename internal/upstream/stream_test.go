package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// streams are requests for a stream in each form.
var streams = map[string]struct {
	vendor     Vendor
	path, body string
}{
	"chat":      {OpenAI, "/chat/completions", `{"model":"gpt-5","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`},
	"responses": {OpenAI, "/responses", `{"model":"gpt-5","stream":true,"input":"hi"}`},
	"messages":  {Anthropic, "/messages", `{"model":"claude-sonnet-4-5","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
	"gemini":    {Gemini, "/models/gemini-2.5-flash:streamGenerateContent?alt=sse", say[Gemini]},
	"array":     {Gemini, "/models/gemini-2.5-flash:streamGenerateContent", say[Gemini]},
}

// both says a text and calls a tool.
var both = Reply{Text: "Let me look.", Tools: []Tool{{Name: "weather", Arguments: `{"city":"Köln"}`}}, Chunks: 3}

// kinds lists what the events of a stream say they are.
func kinds(t *testing.T, body []byte) (all []string) {
	t.Helper()
	for event := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n\n") {
		_, data, ok := strings.Cut(event, "data: ")
		if !ok {
			continue
		}
		var said struct {
			Type       string
			Choices    []struct{ Delta map[string]json.RawMessage }
			Candidates []struct{ FinishReason string }
		}
		if data == "[DONE]" {
			said.Type = data
		} else if err := json.Unmarshal([]byte(data), &said); err != nil {
			t.Errorf("event %q: %v", event, err)
		}
		switch {
		case said.Type != "":
			all = append(all, said.Type)
		case len(said.Candidates) > 0:
			all = append(all, "candidate "+said.Candidates[0].FinishReason)
		default:
			all = append(all, fmt.Sprint("choices ", len(said.Choices)))
		}
	}
	return all
}

func TestStreamsComeInTheVendorsOrder(t *testing.T) {
	repeat := func(s string, n int) []string {
		return strings.Split(strings.TrimSuffix(strings.Repeat(s+"|", n), "|"), "|")
	}
	join := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	delta := "response.output_text.delta"
	arguments := "response.function_call_arguments.delta"
	want := map[string][]string{
		"chat": join(repeat("choices 1", 1+3+1+3+1), []string{"choices 0", "[DONE]"}),
		"responses": join([]string{"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"},
			repeat(delta, 3), []string{"response.output_text.done", "response.content_part.done", "response.output_item.done", "response.output_item.added"},
			repeat(arguments, 3), []string{"response.function_call_arguments.done", "response.output_item.done", "response.completed"}),
		"messages": join([]string{"message_start", "content_block_start", "ping"}, repeat("content_block_delta", 3),
			[]string{"content_block_stop", "content_block_start"}, repeat("content_block_delta", 4), []string{"content_block_stop", "message_delta", "message_stop"}),
		"gemini": join(repeat("candidate ", 4), []string{"candidate STOP"}),
	}
	for name, kindsWanted := range want {
		c := streams[name]
		s := New(t, c.vendor)
		s.Script(both, Reply{Text: both.Text, Tools: both.Tools, Chunks: both.Chunks, Split: 7})
		_, whole, err := call(t, s, c.path, c.body)
		if err != nil {
			t.Fatal(err)
		}
		if got := kinds(t, whole); strings.Join(got, "\n") != strings.Join(kindsWanted, "\n") {
			t.Errorf("%s: got %q, want %q", name, got, kindsWanted)
		}
		if _, split, _ := call(t, s, c.path, c.body); !bytes.Equal(split, whole) {
			t.Errorf("%s: cut in pieces it is another stream", name)
		}
	}
}

func TestArrayIsOneJSONValue(t *testing.T) {
	c := streams["array"]
	s := New(t, Gemini)
	s.Script(both, Reply{Fault: FailEvent, After: 1})
	for i, want := range []int{5, 2} {
		_, body, err := call(t, s, c.path, c.body)
		var elements []map[string]json.RawMessage
		if err != nil || json.Unmarshal(body, &elements) != nil || len(elements) != want {
			t.Fatalf("%d: %d elements in %s: %v", i, len(elements), body, err)
		}
		if got := elements[want-1]["error"] != nil; got != (i == 1) {
			t.Errorf("%d: last element %s", i, elements[want-1])
		}
	}
}

func TestUsageComesOnlyWhenAskedFor(t *testing.T) {
	s := New(t, OpenAI)
	body := strings.Replace(say[OpenAI], "{", `{"stream":true,`, 1)
	if _, all, _ := call(t, s, paths[OpenAI], body); bytes.Contains(all, []byte("usage")) {
		t.Errorf("usage without being asked: %s", all)
	}
}

func TestFaults(t *testing.T) {
	text := func(fault Fault, after int) Reply { return Reply{Text: "abcd", Fault: fault, After: after} }
	for name, c := range streams {
		s := New(t, c.vendor)
		s.Script(text(FailEvent, 2), text(NoEnd, 9), text(Cut, 1), text(FailEvent, 0))
		_, failed, err := call(t, s, c.path, c.body)
		if err != nil || !bytes.Contains(failed, []byte("overloaded")) && !bytes.Contains(failed, []byte("Overloaded")) {
			t.Errorf("%s: error event: %v in %s", name, err, failed)
		}
		if bytes.Contains(failed, []byte(`"c"`)) || !bytes.Contains(failed, []byte(`"b"`)) {
			t.Errorf("%s: error event at the wrong place: %s", name, failed)
		}
		_, ended, err := call(t, s, c.path, c.body)
		if err != nil || !bytes.Contains(ended, []byte(`"d"`)) || bytes.Contains(ended, []byte("STOP")) || bytes.Contains(ended, []byte("DONE")) || bytes.Contains(ended, []byte("message_stop")) || bytes.Contains(ended, []byte("completed\"")) {
			t.Errorf("%s: no end: %v in %s", name, err, ended)
		}
		if _, cut, err := call(t, s, c.path, c.body); !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Contains(cut, []byte(`"a"`)) {
			t.Errorf("%s: cut: %v in %s", name, err, cut)
		}
		if _, first, err := call(t, s, c.path, c.body); err != nil || bytes.Contains(first, []byte(`"a"`)) {
			t.Errorf("%s: error before content: %v in %s", name, err, first)
		}
	}
}

func TestStallEndsWhenTheClientLeaves(t *testing.T) {
	for _, reply := range []Reply{{Text: "abcd", Fault: Stall, After: 2}, {Delay: time.Minute}, {Gap: time.Minute}} {
		c := streams["messages"]
		s := New(t, c.vendor)
		s.Script(reply)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			_, _, _ = call(t, s, c.path, c.body, func(r *http.Request) { *r = *r.WithContext(ctx) })
		}()
		got := s.Wait(1, 5*time.Second)
		if got == nil {
			t.Fatal("nothing arrived")
		}
		before := time.Now()
		cancel()
		<-left
		if at, ok := got[0].Gone(5 * time.Second); !ok || at.Before(before) {
			t.Errorf("%+v: left at %v, %v", reply, at, ok)
		}
	}
}

func TestGoneSaysNoAfterAWholeAnswer(t *testing.T) {
	s := New(t, OpenAI)
	if _, _, err := call(t, s, paths[OpenAI], say[OpenAI]); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Requests()[0].Gone(5 * time.Second); ok {
		t.Error("a client that got all is gone")
	}
	if got := s.Wait(2, time.Millisecond); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestRawEvents(t *testing.T) {
	s := New(t, OpenAI)
	s.Script(Reply{Events: [][]byte{[]byte("data: 1\n\n"), []byte(": odd\n\n")}})
	if _, got, _ := call(t, s, streams["chat"].path, streams["chat"].body); string(got) != "data: 1\n\n: odd\n\n" {
		t.Errorf("got %q", got)
	}
}
