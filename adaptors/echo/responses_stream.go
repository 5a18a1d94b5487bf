package echo

// responsesEvent has the members of all events, in OpenAI's order.
type responsesEvent struct {
	Type         string         `json:"type"`
	Sequence     int            `json:"sequence_number"`
	Response     *response      `json:"response,omitempty"`
	ItemID       string         `json:"item_id,omitempty"`
	OutputIndex  *int           `json:"output_index,omitempty"`
	ContentIndex *int           `json:"content_index,omitempty"`
	Item         any            `json:"item,omitempty"`
	Part         *responsesText `json:"part,omitempty"`
	Delta        *string        `json:"delta,omitempty"`
	Text         *string        `json:"text,omitempty"`
	Name         string         `json:"name,omitempty"`
	Arguments    *string        `json:"arguments,omitempty"`
	Logprobs     *[]struct{}    `json:"logprobs,omitempty"`
}

func (responses) streamType(*answer) string { return "text/event-stream; charset=utf-8" }

// events writes events, the first of them with the sequence number first.
func (responses) events(first int, events ...responsesEvent) []byte {
	var out []byte
	for i, e := range events {
		e.Sequence = first + i
		out = append(out, event(e.Type, e)...)
	}
	return out
}

// headEvents is how many events precede the first piece.
func (responses) headEvents(an *answer) int {
	if an.tool != "" {
		return 3
	}
	return 4
}

func (r responses) head(an *answer) []byte {
	events := []responsesEvent{
		{Type: "response.created", Response: r.begun(an)},
		{Type: "response.in_progress", Response: r.begun(an)},
		{Type: "response.output_item.added", OutputIndex: new(int), Item: r.item(an, false)},
	}
	if an.tool == "" {
		part := textPart("")
		events = append(events, responsesEvent{
			Type: "response.content_part.added", ItemID: "msg_" + an.id,
			OutputIndex: new(int), ContentIndex: new(int), Part: &part,
		})
	}
	return r.events(0, events...)
}

func (r responses) piece(an *answer, i int) []byte {
	e := responsesEvent{
		Type: "response.output_text.delta", ItemID: "msg_" + an.id,
		OutputIndex: new(int), ContentIndex: new(int),
		Delta: &an.pieces[i], Logprobs: &[]struct{}{},
	}
	if an.tool != "" {
		e = responsesEvent{
			Type: "response.function_call_arguments.delta", ItemID: "fc_" + an.id,
			OutputIndex: new(int), Delta: &an.pieces[i],
		}
	}
	return r.events(r.headEvents(an)+i, e)
}

func (r responses) tail(an *answer) []byte {
	var events []responsesEvent
	if an.tool != "" {
		events = append(events, responsesEvent{
			Type: "response.function_call_arguments.done", ItemID: "fc_" + an.id,
			OutputIndex: new(int), Name: an.tool, Arguments: &an.text,
		})
	} else {
		part := textPart(an.text)
		events = append(events,
			responsesEvent{
				Type: "response.output_text.done", ItemID: "msg_" + an.id,
				OutputIndex: new(int), ContentIndex: new(int), Text: &an.text, Logprobs: &[]struct{}{},
			},
			responsesEvent{
				Type: "response.content_part.done", ItemID: "msg_" + an.id,
				OutputIndex: new(int), ContentIndex: new(int), Part: &part,
			})
	}
	last := responsesEvent{Type: "response.completed", Response: r.ended(an)}
	if an.cut {
		last.Type = "response.incomplete"
	}
	events = append(events, responsesEvent{
		Type: "response.output_item.done", OutputIndex: new(int), Item: r.item(an, true),
	}, last)
	return r.events(r.headEvents(an)+len(an.pieces), events...)
}

func (r responses) faultEvent(an *answer, i int, f *fault) []byte {
	return event("error", struct {
		Type     string  `json:"type"`
		Sequence int     `json:"sequence_number"`
		Code     string  `json:"code"`
		Message  string  `json:"message"`
		Param    *string `json:"param"`
	}{"error", r.headEvents(an) + i, "server_error", f.message, nil})
}
