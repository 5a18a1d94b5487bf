package sse

import "testing"

func TestFields(t *testing.T) {
	const none = "(none)"
	tests := []struct{ name, event, data, eventName string }{
		{"one line", "data: {\"a\":1}\n\n", `{"a":1}`, none},
		{"no space", "data:x\n\n", "x", none},
		{"two spaces", "data:  x\n\n", " x", none},
		{"tab", "data:\tx\n\n", "\tx", none},
		{"colons", "data: a: b:c\n\n", "a: b:c", none},
		{"empty", "data:\n\n", "", none},
		{"space alone", "data: \n\n", "", none},
		{"no colon", "data\n\n", "", none},
		{"two lines", "data: a\ndata: b\n\n", "a\nb", none},
		{"lines without text", "data\ndata\n\n", "\n", none},
		{"many lines", "data: a\n:c\ndata\nevent: e\ndata:b\r\ndata: c\r\r", "a\n\nb\nc", "e"},
		{"crlf", "event: e\r\ndata: x\r\n\r\n", "x", "e"},
		{"cr", "event: e\rdata: x\r\r", "x", "e"},
		{"byte order mark", "\ufeffdata: x\n\n", "x", none},
		{"lf of the event before", "\ndata: x\n\n", "x", none},
		{"last name counts", "event: a\nevent: b\n\n", none, "b"},
		{"empty name", "event:\ndata: x\n\n", "x", ""},
		{"no end of line", "event: a\ndata: x", "x", "a"},
		{"other case", "Data: x\nEVENT: y\n\n", none, none},
		{"other fields", "id: 1\nretry: 5\nfoo: bar\ndatax: y\n data: z\n\n", none, none},
		{"comment", ": data: x\n\n", none, none},
		{"blank", "\r\n", none, none},
		{"nothing", "", none, none},
	}
	show := func(b []byte) string {
		if b == nil {
			return none
		}
		return string(b)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			event := []byte(tt.event)
			if got := show(Data(event)); got != tt.data {
				t.Errorf("Data = %q, want %q", got, tt.data)
			}
			if got := show(Name(event)); got != tt.eventName {
				t.Errorf("Name = %q, want %q", got, tt.eventName)
			}
			if got, want := Empty(event), tt.data == none && tt.eventName == none; got != want {
				t.Errorf("Empty = %v, want %v", got, want)
			}
			if string(event) != tt.event {
				t.Errorf("the event was changed to %q", event)
			}
		})
	}
}

func TestDataAllocates(t *testing.T) {
	for _, tt := range []struct {
		event string
		want  float64
	}{
		{"event: e\ndata: {\"a\":1}\n\n", 0},
		{"data: a\ndata: b\ndata: c\n\n", 1},
	} {
		event := []byte(tt.event)
		if n := testing.AllocsPerRun(100, func() {
			if len(Data(event)) == 0 || Empty(event) {
				t.Error("no data")
			}
		}); n != tt.want {
			t.Errorf("%q: %v allocations, want %v", tt.event, n, tt.want)
		}
	}
}

// What Data returns cannot be grown into the event.
func TestDataIsCapped(t *testing.T) {
	event := []byte("event: e\ndata: x\n\n")
	_ = append(Data(event), "overwritten"...)
	_ = append(Name(event), "overwritten"...)
	if string(event) != "event: e\ndata: x\n\n" {
		t.Errorf("event is now %q", event)
	}
}
