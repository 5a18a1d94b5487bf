package echo

func (messages) streamType(*answer) string { return "text/event-stream; charset=utf-8" }

func (m messages) head(an *answer) []byte {
	// Anthropic counts one token as soon as it begins, and says the whole
	// number in message_delta.
	out := event("message_start", struct {
		Type    string   `json:"type"`
		Message *message `json:"message"`
	}{"message_start", m.message(an, 1)})
	out = append(out, event("content_block_start", struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Block any    `json:"content_block"`
	}{"content_block_start", 0, m.block(an, "")})...)
	return append(out, "event: ping\ndata: {\"type\":\"ping\"}\n\n"...)
}

func (messages) piece(an *answer, i int) []byte {
	var delta any = messagesText{"text_delta", an.pieces[i]}
	if an.tool != "" {
		delta = struct {
			Type string `json:"type"`
			JSON string `json:"partial_json"`
		}{"input_json_delta", an.pieces[i]}
	}
	return event("content_block_delta", struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Delta any    `json:"delta"`
	}{"content_block_delta", 0, delta})
}

func (m messages) tail(an *answer) []byte {
	type delta struct {
		StopReason   *string `json:"stop_reason"`
		StopSequence *string `json:"stop_sequence"`
	}
	type usage struct {
		InputTokens              int `json:"input_tokens"`
		CacheCreationInputTokens int `json:"cache_creation_input_tokens"`
		CacheReadInputTokens     int `json:"cache_read_input_tokens"`
		OutputTokens             int `json:"output_tokens"`
	}
	out := []byte("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n")
	out = append(out, event("message_delta", struct {
		Type  string `json:"type"`
		Delta delta  `json:"delta"`
		Usage usage  `json:"usage"`
	}{"message_delta", delta{m.reason(an), nil}, usage{InputTokens: an.input, OutputTokens: an.output}})...)
	return append(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
}

func (m messages) faultEvent(_ *answer, _ int, f *fault) []byte { return event("error", m.fault(f)) }
