package protocol_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// docs reads docs/streams.md: the rows of each protocol's table, and the lines
// of its code blocks, unquoted.
func docs(t *testing.T) (rows map[protocol.Protocol][][2]string, blocks map[protocol.Protocol][]string) {
	t.Helper()
	text, err := os.ReadFile("../docs/streams.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, blocks = map[protocol.Protocol][][2]string{}, map[protocol.Protocol][]string{}
	p, code := protocol.None, false
	for _, line := range strings.Split(string(text), "\n") {
		switch name, heading := strings.CutPrefix(line, "## "); {
		case heading:
			p, _ = protocol.Parse(name)
			if p == protocol.None {
				t.Fatalf("no protocol is called %q", name)
			}
		case line == "```":
			code = !code
		case code:
			escaped := strings.NewReplacer(`"`, `\"`, `\n`, `\n`, `\r`, `\r`).Replace(line)
			plain, err := strconv.Unquote(`"` + escaped + `"`)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			blocks[p] = append(blocks[p], plain)
		case strings.HasPrefix(line, "| `"):
			event, class, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "| `"), " |"), "` | ")
			if !ok {
				t.Fatalf("no row: %s", line)
			}
			rows[p] = append(rows[p], [2]string{event, class})
		}
	}
	return rows, blocks
}

// framed returns an event as its protocol sends it.
func framed(p protocol.Protocol, event string) string {
	var named struct{ Type string }
	if strings.HasPrefix(event, ":") {
		return event + "\n\n"
	}
	if json.Unmarshal([]byte(event), &named) == nil && named.Type != "" {
		return "event: " + named.Type + "\ndata: " + event + "\n\n"
	}
	return "data: " + event + "\n\n"
}

func TestDocumentedEvents(t *testing.T) {
	rows, _ := docs(t)
	for p, codec := range codecs {
		seen := map[string]int{}
		for _, row := range rows[p] {
			event := framed(p, row[0])
			for _, end := range []string{"\n", "\r\n"} {
				out, class := codec.Stream(protocol.Edits{}, false).Event([]byte(strings.ReplaceAll(event, "\n", end)))
				if classNames[class] != row[1] || len(out) == 0 {
					t.Errorf("%s: %s is %s, documented as %s", p, row[0], classNames[class], row[1])
				}
			}
			// the name alone is not what counts
			if _, class := codec.Stream(protocol.Edits{}, false).Event([]byte(event[strings.Index(event, "\ndata: ")+1:])); classNames[class] != row[1] {
				t.Errorf("%s: %s without a name is %s, documented as %s", p, row[0], classNames[class], row[1])
			}
			if p == protocol.Gemini {
				if _, class := codec.Stream(protocol.Edits{}, true).Event([]byte("[" + row[0])); classNames[class] != row[1] {
					t.Errorf("%s: %s in an array is %s, documented as %s", p, row[0], classNames[class], row[1])
				}
			}
			seen[row[1]]++
		}
		if seen["held"] < 3 || seen["content"] < 5 || seen["failure"] == 0 || (seen["terminal"] == 0) != (p == protocol.Gemini) {
			t.Errorf("%s: rows of each class: %v", p, seen)
		}
	}
}

func TestDocumentedBytes(t *testing.T) {
	_, blocks := docs(t)
	broken := &protocol.Error{Kind: protocol.KindUpstream, Message: "upstream broke off"}
	for p, codec := range codecs {
		stream := codec.Stream(protocol.Edits{}, false)
		want := []string{string(stream.Break(broken)), string(stream.Ping())}
		if p == protocol.Gemini {
			array := codec.Stream(protocol.Edits{}, true)
			first, ping := string(array.Break(broken)), string(array.Ping())
			array.Event([]byte(`[{"candidates":[]}`))
			want = []string{want[0], first, string(array.Break(broken)), want[1], ping}
		}
		for i, w := range want {
			if i >= len(blocks[p]) || blocks[p][i] != w {
				t.Errorf("%s: documented bytes %q, the code writes %q", p, blocks[p], want)
				break
			}
		}
	}
}

// The bytes of an event of ours follow the line ends of the stream, and close
// an event that the upstream left open.
func TestBreakFollowsTheStream(t *testing.T) {
	e := &protocol.Error{Kind: protocol.KindUpstream, Message: "m"}
	const body = `{"error":{"code":502,"message":"m","status":"UNAVAILABLE"}}`
	for _, test := range []struct{ last, broken, ping string }{
		{"data: {}\n\n", "data: " + body + "\n\n", "\n\n"},
		{"data: {}\r\n\r\n", "data: " + body + "\r\n\r\n", "\r\n\r\n"},
		{"data: {}\r\n\r", "\ndata: " + body + "\r\n\r\n", ""},
		{"data: {}\n", "\ndata: " + body + "\n\n", "\n\n"},
		{"data: {}\r\n", "\r\ndata: " + body + "\r\n\r\n", "\r\n\r\n"},
		{"\n", "data: " + body + "\n\n", "\n\n"},
	} {
		stream := codecs[protocol.Gemini].Stream(protocol.Edits{}, false)
		stream.Event([]byte(test.last))
		if got := string(stream.Ping()); got != test.ping {
			t.Errorf("ping after %q is %q", test.last, got)
		}
		if got := string(stream.Break(e)); got != test.broken {
			t.Errorf("break after %q is %q", test.last, got)
		}
	}
	for _, p := range []protocol.Protocol{protocol.Chat, protocol.Responses} {
		stream := codecs[p].Stream(protocol.Edits{}, false)
		stream.Event([]byte("data: {}\r\n\r"))
		if got := stream.Ping(); got != nil {
			t.Errorf("%s: ping between CR and LF is %q", p, got)
		}
	}
}

func TestSequenceNumbers(t *testing.T) {
	stream := codecs[protocol.Responses].Stream(protocol.Edits{}, false)
	for _, test := range []struct{ event, next string }{
		{`{"type":"response.created","sequence_number":0}`, "1"},
		{`{"type":"response.output_text.delta","sequence_number": 41}`, "42"},
		{`{"type":"response.output_text.delta"}`, "42"},
		{`{"type":"response.output_text.delta","sequence_number":7}`, "42"},
		{`{"type":"response.output_text.delta","sequence_number":"x"}`, "42"},
		{`{"type":"response.output_text.delta","sequence_number":99999999999999999999999}`, ""},
	} {
		stream.Event([]byte(framed(protocol.Responses, test.event)))
		got := string(stream.Break(&protocol.Error{Kind: protocol.KindOverloaded, Message: "m", Param: "p", Code: "c"}))
		var shape struct {
			SequenceNumber int64 `json:"sequence_number"`
			Code, Param    string
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(got, "event: error\ndata: ")), &shape); err != nil || shape.Code != "c" || shape.Param != "p" || shape.SequenceNumber < 0 {
			t.Errorf("%q: %v, %+v", got, err, shape)
		}
		if test.next != "" && strconv.FormatInt(shape.SequenceNumber, 10) != test.next {
			t.Errorf("after %s the next number is %d, expected %s", test.event, shape.SequenceNumber, test.next)
		}
	}
}
