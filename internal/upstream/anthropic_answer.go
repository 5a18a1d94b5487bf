package upstream

import (
	"encoding/json"
	"fmt"
	"strings"
)

const (
	anthropicMessageID = "msg_01GkXv8Qm3TzYh5RbLw2NpCd"
	// signature is what a thinking block has to be sent back with.
	signature = "EqQBCkYICRgCKkDx8v0Zq1n5bWk3Yw=="
)

func countOperation(_ string, _ map[string]json.RawMessage) *operation {
	return &operation{body: func(r Reply) []byte {
		input, _ := r.usage()
		return fmt.Appendf(nil, `{"input_tokens":%d}`, input)
	}}
}

func messagesOperation(model string, body map[string]json.RawMessage) *operation {
	return &operation{
		stream: streamed(body),
		body:   func(r Reply) []byte { return messageBody(model, r) },
		events: func(r Reply) []event { return messageEvents(model, r) },
		failure: func(e refusal) []byte {
			return fmt.Appendf(nil, "event: error\ndata: {\"type\":\"error\",\"error\":{\"details\":null,\"type\":%s,\"message\":%s},\"request_id\":\"req_011CVTmQk7x2P9nLw4sJ5bYd\"}\n\n", quote(e.kind), quote(e.message))
		},
	}
}

func messageUsage(r Reply, output int) string {
	input, _ := r.usage()
	return fmt.Sprintf(`{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":%d,"service_tier":"standard"}`, input, output)
}

func stopReason(r Reply) string {
	if len(r.Tools) > 0 {
		return "tool_use"
	}
	return "end_turn"
}

func messageBody(model string, r Reply) []byte {
	var content []string
	if r.Thinking != "" {
		content = append(content, fmt.Sprintf(`{"type":"thinking","thinking":%s,"signature":"%s"}`, quote(r.Thinking), signature))
	}
	if r.Text != "" {
		content = append(content, `{"type":"text","text":`+quote(r.Text)+`}`)
	}
	for i, t := range r.Tools {
		content = append(content, fmt.Sprintf(`{"type":"tool_use","id":%s,"name":%s,"input":%s}`, quote(t.id("toolu_01", i)), quote(t.Name), t.Arguments))
	}
	_, output := r.usage()
	return fmt.Appendf(nil, `{"model":%s,"id":"%s","type":"message","role":"assistant","content":[%s],"stop_reason":"%s","stop_sequence":null,"usage":%s}`,
		quote(model), anthropicMessageID, strings.Join(content, ","), stopReason(r), messageUsage(r, output))
}

func messageEvents(model string, r Reply) []event {
	var events []event
	add := func(content bool, kind, rest string) {
		events = append(events, event{fmt.Appendf(nil, "event: %s\ndata: {\"type\":\"%[1]s\"%s }\n\n", kind, rest), content})
	}
	block := 0
	// open, pieces and close make one content block.
	open := func(start string) {
		add(false, "content_block_start", fmt.Sprintf(`,"index":%d,"content_block":%s`, block, start))
		if block == 0 {
			add(false, "ping", "")
		}
	}
	delta := func(content bool, kind, member, value string) {
		add(content, "content_block_delta", fmt.Sprintf(`,"index":%d,"delta":{"type":"%s","%s":%s}`, block, kind, member, quote(value)))
	}
	stop := func() {
		add(false, "content_block_stop", fmt.Sprintf(`,"index":%d`, block))
		block++
	}

	add(false, "message_start", fmt.Sprintf(`,"message":{"model":%s,"id":"%s","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":%s}`, quote(model), anthropicMessageID, messageUsage(r, 1)))
	if r.Thinking != "" {
		open(`{"type":"thinking","thinking":"","signature":""}`)
		for _, piece := range r.pieces(r.Thinking) {
			delta(true, "thinking_delta", "thinking", piece)
		}
		delta(false, "signature_delta", "signature", signature)
		stop()
	}
	if r.Text != "" {
		open(`{"type":"text","text":""}`)
		for _, piece := range r.pieces(r.Text) {
			delta(true, "text_delta", "text", piece)
		}
		stop()
	}
	for i, t := range r.Tools {
		open(fmt.Sprintf(`{"type":"tool_use","id":%s,"name":%s,"input":{}}`, quote(t.id("toolu_01", i)), quote(t.Name)))
		delta(false, "input_json_delta", "partial_json", "")
		for _, piece := range r.pieces(t.Arguments) {
			delta(true, "input_json_delta", "partial_json", piece)
		}
		stop()
	}
	input, output := r.usage()
	add(false, "message_delta", fmt.Sprintf(`,"delta":{"stop_reason":"%s","stop_sequence":null},"usage":{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":%d}`, stopReason(r), input, output))
	add(false, "message_stop", "")
	return events
}
