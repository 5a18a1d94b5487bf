package upstream

import (
	"encoding/json"
	"fmt"
	"strings"
)

// thoughtSignature is what a function call has to be sent back with.
const thoughtSignature = "CuYBAdHtim9pZ25hdHVyZQ=="

func generateOperation(model string, _ map[string]json.RawMessage) *operation {
	return &operation{
		body:   func(r Reply) []byte { return geminiBody(model, r) },
		events: func(r Reply) []event { return geminiEvents(model, r) },
		failure: func(e refusal) []byte {
			return append(append([]byte("data: "), geminiError(e)...), "\r\n\r\n"...)
		},
	}
}

func geminiChunk(model string, parts []string, finish string, r Reply) string {
	input, output := r.usage()
	end := ""
	usage := fmt.Sprintf(`{"promptTokenCount":%d,"totalTokenCount":%[1]d,"promptTokensDetails":[{"modality":"TEXT","tokenCount":%[1]d}]}`, input)
	if finish != "" {
		end = fmt.Sprintf(`,"finishReason":"%s"`, finish)
		usage = fmt.Sprintf(`{"promptTokenCount":%d,"candidatesTokenCount":%d,"totalTokenCount":%d,"promptTokensDetails":[{"modality":"TEXT","tokenCount":%[1]d}]}`, input, output, input+output)
	}
	return fmt.Sprintf(`{"candidates": [{"content": {"parts": [%s],"role": "model"}%s,"index": 0}],"usageMetadata": %s,"modelVersion": %s,"responseId": "uFAlaZ3LNuqXz7IPrfHhyAk"}`,
		strings.Join(parts, ","), end, usage, quote(model))
}

func geminiText(s string) string    { return `{"text": ` + quote(s) + `}` }
func geminiThought(s string) string { return `{"text": ` + quote(s) + `,"thought": true}` }
func geminiCall(t Tool) string {
	id := ""
	if t.ID != "" {
		id = `"id": ` + quote(t.ID) + `,`
	}
	return fmt.Sprintf(`{"functionCall": {%s"name": %s,"args": %s},"thoughtSignature": "%s"}`, id, quote(t.Name), t.Arguments, thoughtSignature)
}

func geminiBody(model string, r Reply) []byte {
	var parts []string
	if r.Thinking != "" {
		parts = append(parts, geminiThought(r.Thinking))
	}
	if r.Text != "" {
		parts = append(parts, geminiText(r.Text))
	}
	for _, t := range r.Tools {
		parts = append(parts, geminiCall(t))
	}
	return append([]byte(geminiChunk(model, parts, "STOP", r)), '\n')
}

// geminiEvents ends lines as the vendor does, with CR and LF.
func geminiEvents(model string, r Reply) []event {
	var events []event
	add := func(content bool, finish string, parts ...string) {
		events = append(events, event{[]byte("data: " + geminiChunk(model, parts, finish, r) + "\r\n\r\n"), content})
	}
	for _, piece := range r.pieces(r.Thinking) {
		add(true, "", geminiThought(piece))
	}
	for _, piece := range r.pieces(r.Text) {
		add(true, "", geminiText(piece))
	}
	for _, t := range r.Tools {
		add(true, "", geminiCall(t))
	}
	add(false, "STOP", geminiText(""))
	return events
}

// asArray is the same answer as one JSON array, element by element.
func asArray(events []event) []event {
	for i, e := range events {
		element := strings.TrimSuffix(strings.TrimPrefix(string(e.bytes), "data: "), "\r\n\r\n")
		before := ",\r\n"
		if i == 0 {
			before = "["
		}
		events[i].bytes = []byte(before + element)
	}
	return append(events, event{[]byte("]"), false})
}

func countTokensOperation(_ string, _ map[string]json.RawMessage) *operation {
	return &operation{body: func(r Reply) []byte {
		input, _ := r.usage()
		return fmt.Appendf(nil, `{"totalTokens": %d,"promptTokensDetails": [{"modality": "TEXT","tokenCount": %[1]d}]}`+"\n", input)
	}}
}

func embedOperation(_ string, _ map[string]json.RawMessage) *operation {
	return &operation{body: func(Reply) []byte {
		return fmt.Appendf(nil, `{"embedding": {"values": %s}}`+"\n", vectorJSON(0))
	}}
}

func batchEmbedOperation(_ string, body map[string]json.RawMessage) *operation {
	var requests []json.RawMessage
	_ = json.Unmarshal(body["requests"], &requests)
	return &operation{body: func(Reply) []byte {
		all := make([]string, len(requests))
		for i := range requests {
			all[i] = `{"values": ` + vectorJSON(i) + `}`
		}
		return fmt.Appendf(nil, `{"embeddings": [%s]}`+"\n", strings.Join(all, ","))
	}}
}
