package echo

import (
	"encoding/json"
	"strings"
)

// prompt gathers what is read of a request: the text that is repeated, and the
// tokens.
type prompt struct {
	last     string
	tokens   int
	messages int
}

// add reads one message. A text of the user's becomes the one that is repeated.
func (p *prompt) add(user bool, t texts) {
	p.messages++
	p.tokens += perMessage
	p.count(t)
	if user && len(t.said) > 0 {
		p.last = strings.Join(t.said, "\n")
	}
}

// count adds texts that are part of no message.
func (p *prompt) count(t texts) {
	for _, text := range t.said {
		p.tokens += count(text)
	}
	for _, text := range t.other {
		p.tokens += count(text)
	}
}

// raw adds JSON as it stands, such as the definition of a tool.
func (p *prompt) raw(values ...json.RawMessage) {
	for _, v := range values {
		if len(v) > 0 && string(v) != "null" {
			p.tokens += count(string(v))
		}
	}
}

// total returns the number of the prompt's tokens.
func (p *prompt) total() int { return p.tokens + perPrompt }

// texts are the texts of one message's content, whatever its protocol writes
// it in: a string, a part, or a list of them.
type texts struct {
	// said are the texts of the message itself.
	said []string
	// other count as tokens and are not said: the calls of tools and their
	// results, reasoning.
	other []string
}

// maxNesting is how deep a content may hold others: a tool's result has one.
const maxNesting = 3

// UnmarshalJSON reads any content. What is not text is passed over, since it
// may be an image or anything that a newer version of an API has.
func (t *texts) UnmarshalJSON(b []byte) error {
	t.read(b, 0)
	return nil
}

func (t *texts) read(b json.RawMessage, depth int) {
	if len(b) == 0 || depth > maxNesting {
		return
	}
	switch b[0] {
	case '"':
		var s string
		if json.Unmarshal(b, &s) == nil {
			t.keep(s, depth)
		}
	case '[':
		var parts []json.RawMessage
		if json.Unmarshal(b, &parts) == nil {
			for _, part := range parts {
				t.read(part, depth)
			}
		}
	case '{':
		t.part(b, depth)
	}
}

// part reads one part of a content, by the names that texts have in all four
// protocols.
func (t *texts) part(b json.RawMessage, depth int) {
	var p struct {
		Text             json.RawMessage `json:"text"`
		Thought          bool            `json:"thought"`
		Refusal          string          `json:"refusal"`
		Thinking         string          `json:"thinking"`
		Input            json.RawMessage `json:"input"`
		Content          json.RawMessage `json:"content"`
		FunctionCall     json.RawMessage `json:"functionCall"`
		FunctionResponse json.RawMessage `json:"functionResponse"`
	}
	if json.Unmarshal(b, &p) != nil {
		return
	}
	if len(p.Text) > 0 && p.Text[0] == '"' {
		if p.Thought {
			depth++
		}
		t.read(p.Text, depth)
	}
	for _, s := range []string{p.Refusal, p.Thinking} {
		t.keep(s, depth+1)
	}
	for _, raw := range []json.RawMessage{p.Input, p.FunctionCall, p.FunctionResponse} {
		if len(raw) > 0 {
			t.keep(string(raw), depth+1)
		}
	}
	t.read(p.Content, depth+1)
}

// keep keeps a text, as one that was said where it is not inside another part.
func (t *texts) keep(s string, depth int) {
	switch {
	case s == "":
	case depth == 0:
		t.said = append(t.said, s)
	default:
		t.other = append(t.other, s)
	}
}
