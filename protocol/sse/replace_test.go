package sse

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLine(t *testing.T) {
	for event, want := range map[string]string{
		"data: x\n\n":           "x",
		"data:x\n\n":            "x",
		"data:  x\n\n":          " x",
		"data: x\r\n\r\n":       "x",
		"data: x\n":             "none",
		"data: x":               "none",
		"data: x\n\r\n":         "none",
		"data: x\r\r":           "none",
		"data: x\ry\n\n":        "none",
		"data: x\ndata: y\n\n":  "none",
		"event: e\ndata: x\n\n": "none",
		"\ndata: x\n\n":         "none",
		"dataset: x\n\n":        "none",
		"\n":                    "none",
		"":                      "none",
	} {
		got := Line([]byte(event))
		if want == "none" && got != nil || want != "none" && string(got) != want {
			t.Errorf("%q: %q, expected %s", event, got, want)
		}
	}
}

func TestReplace(t *testing.T) {
	for _, test := range []struct{ event, data, want string }{
		{"data: x\n\n", "new", "data: new\n\n"},
		{"data:x\n\n", "new", "data:new\n\n"},
		{"data: x\r\n\r\n", "new", "data: new\r\n\r\n"},
		{"data: x\n\n", "a\nb", "data: a\ndata: b\n\n"},
		{"data: x\ndata: y\n\n", "new", "data: new\n\n"},
		{"event: e\r\ndata: x\r\ndata: y\r\nid: 1\r\n\r\n", "a\nb\nc", "event: e\r\ndata: a\r\ndata: b\r\ndata: c\r\nid: 1\r\n\r\n"},
		{": data: x\ndata: y\r\r", "new", ": data: x\ndata: new\r\r"},
		{"id: 1\n\n", "new", "id: 1\n\n"},
		{"\ndata: x\n\n", "new", "\ndata: new\n\n"},
	} {
		if got := string(Replace([]byte("> "), []byte(test.event), []byte(test.data))); got != "> "+test.want {
			t.Errorf("%q with %q: %q, expected %q", test.event, test.data, got, test.want)
		}
	}
}

// The data that was put in is the data that comes out, and the rest stays.
func TestReplaceKeepsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "end")
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"data: x", "data:y", "data", "event: e", ": c", "id", "data: {}"}), 1, 5).Draw(t, "lines")
		event := strings.Join(lines, end) + end + end
		data := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", " b", ":"}), 1, 4).Draw(t, "data"), "\n")
		if Data([]byte(event)) == nil {
			return
		}
		out := Replace(nil, []byte(event), []byte(data))
		if got := string(Data(out)); got != data {
			t.Fatalf("%q with %q: %q has the data %q", event, data, out, got)
		}
		if string(Name(out)) != string(Name([]byte(event))) {
			t.Fatalf("%q became %q", event, out)
		}
	})
}

// An event put behind a stream is read as it was meant, wherever the stream
// stands.
func TestTail(t *testing.T) {
	for _, last := range []string{"", "data: a\n\n", "data: a\r\n\r\n", "data: a\r\n\r", "data: a\r\r", "data: a\n", "data: a\r\n", "\n", "\r\n", ": c\n\n"} {
		var tail Tail
		if last != "" {
			tail.After([]byte(last))
		}
		sent := tail.Append([]byte(last), "e", []byte("x"))
		r := NewReader(strings.NewReader(string(sent)), 0)
		var events []string
		for {
			event, err := r.Next()
			if err != nil {
				break
			}
			if data := Data(event); data != nil {
				events = append(events, string(Name(event))+"="+string(data))
			}
		}
		want := "=a e=x"
		if !strings.Contains(last, "data") {
			want = "e=x"
		}
		if got := strings.Join(events, " "); got != want {
			t.Errorf("after %q: %q is read as %q", last, sent, got)
		}
	}
}

func TestTailLineEnds(t *testing.T) {
	for last, want := range map[string]Tail{
		"data: a\n\n":     {},
		"data: a\r\n\r\n": {crlf: true},
		"data: a\r\n\r":   {crlf: true, half: true},
		"\ndata: a\r\n\r": {crlf: true, half: true},
		"data: a\n":       {open: true},
		"data: a\r\n":     {crlf: true, open: true},
		"\n":              {},
		"data: a\r\n\n":   {},
	} {
		var tail Tail
		tail.After([]byte(last))
		if tail != want || tail.CRLF() != want.crlf || tail.Half() != want.half {
			t.Errorf("%q: %+v, expected %+v", last, tail, want)
		}
	}
}
