package protocol_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/chat"
	"github.com/caddy-aiproxy/aiproxy/protocol/gemini"
	"github.com/caddy-aiproxy/aiproxy/protocol/messages"
	"github.com/caddy-aiproxy/aiproxy/protocol/responses"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

var update = flag.Bool("update", false, "write the goldens anew")

var codecs = map[protocol.Protocol]protocol.Codec{
	protocol.Chat:      chat.Codec{},
	protocol.Responses: responses.Codec{},
	protocol.Messages:  messages.Codec{},
	protocol.Gemini:    gemini.Codec{},
}

var classNames = map[protocol.Class]string{
	protocol.Held: "held", protocol.Content: "content", protocol.Terminal: "terminal", protocol.Failure: "failure",
}

// recording is a stream of testdata/streams: what a provider sent, after an
// optional line "#" with what the request was edited by.
type recording struct {
	codec protocol.Codec
	edits protocol.Edits
	array bool
	body  []byte
}

func record(t testing.TB, path string) recording {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(filepath.Base(path), "-")
	p, ok := protocol.Parse(name)
	if !ok {
		t.Fatalf("%s: no protocol is called %q", path, name)
	}
	rec := recording{codec: codecs[p], body: body}
	if bytes.HasPrefix(body, []byte("#")) {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		rec.body = rest
		for _, word := range strings.Fields(string(line[1:])) {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "usage":
				rec.edits.Usage = true
			case "array":
				rec.array = true
			case "client":
				rec.edits.ClientModel = value
			case "upstream":
				rec.edits.UpstreamModel = value
			default:
				t.Fatalf("%s: unknown word %q", path, word)
			}
		}
	}
	return rec
}

// read reads a recording as the relay does and writes down what came of each
// event, and what the stream said of its usage. Events are shown where they were
// changed.
func (rec recording) read() string {
	var log strings.Builder
	stream := rec.codec.Stream(rec.edits, rec.array)
	rec.readEvents(stream, &log)
	u, input, output := stream.Usage()
	fmt.Fprintf(&log, "usage, input %t, output %t:", input, output)
	for _, n := range [...]struct {
		name string
		n    int64
	}{
		{"input", u.Input}, {"cached", u.CachedInput}, {"write", u.CacheWrite}, {"write 1h", u.CacheWrite1h},
		{"output", u.Output}, {"reasoning", u.Reasoning},
		{"input audio", u.InputAudio}, {"input image", u.InputImage}, {"output audio", u.OutputAudio}, {"output image", u.OutputImage},
	} {
		if n.n != 0 {
			fmt.Fprintf(&log, " %s %d", n.name, n.n)
		}
	}
	log.WriteByte('\n')
	return log.String()
}

func (rec recording) readEvents(stream protocol.Stream, log *strings.Builder) {
	events := rec.events()
	for {
		raw, err := events.Next()
		if err != nil {
			out, ok := stream.End()
			fmt.Fprintf(log, "end: %v, whole: %t, %q\n", err, ok, out)
			return
		}
		before := string(raw)
		out, class := stream.Event(raw)
		log.WriteString(classNames[class])
		switch {
		case out == nil:
			log.WriteString(", taken out")
		case string(out) != before:
			fmt.Fprintf(log, ": %q", out)
		}
		log.WriteByte('\n')
		switch class {
		case protocol.Failure:
			fmt.Fprintf(log, "%+v\n", *stream.Failure())
			return
		case protocol.Terminal:
			return
		}
	}
}

func (rec recording) events() *sse.Reader {
	if rec.array {
		return sse.NewArrayReader(bytes.NewReader(rec.body), 0)
	}
	return sse.NewReader(bytes.NewReader(rec.body), 0)
}

func recordings(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/streams/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	return paths
}

func TestStreams(t *testing.T) {
	for _, path := range recordings(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			got := record(t, path).read()
			golden := strings.TrimSuffix(path, ".txt") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Lines that end in CR LF mean the same, and come out as they went in.
func TestStreamsCRLF(t *testing.T) {
	for _, path := range recordings(t) {
		rec := record(t, path)
		want := strings.ReplaceAll(rec.read(), `\n`, `\r\n`)
		rec.body = bytes.ReplaceAll(rec.body, []byte("\n"), []byte("\r\n"))
		if rec.array {
			// the bracket that we add ends its line as Google does
			want = strings.ReplaceAll(want, `\r\n]"`, `\n]"`)
		}
		// our own array elements and multi-line JSON are told apart by hand
		if diff := cmp.Diff(want, rec.read()); diff != "" && !strings.Contains(path, "array") {
			t.Errorf("%s: -want +got:\n%s", path, diff)
		}
	}
}

// A stream that breaks off anywhere ends with one error that a reader of the
// protocol finds, whole and by itself, and with no success.
func TestBreakAnywhere(t *testing.T) {
	broken := &protocol.Error{Kind: protocol.KindUpstream, Message: "the upstream \"broke\"\n\xff off"}
	for _, path := range recordings(t) {
		for _, end := range []string{"\n", "\r\n"} {
			rec := record(t, path)
			rec.body = bytes.ReplaceAll(rec.body, []byte("\n"), []byte(end))
			for n := 0; ; n++ {
				sent, events := rec.breakAfter(n, broken)
				if events < n {
					break
				}
				rec.checkBroken(t, fmt.Sprintf("%s after %d (%q)", path, n, end), sent)
			}
		}
	}
}

// breakAfter returns what the client got of a stream that broke after n events,
// and how many there were.
func (rec recording) breakAfter(n int, e *protocol.Error) (sent []byte, seen int) {
	stream, events := rec.codec.Stream(rec.edits, rec.array), rec.events()
	for ; seen < n; seen++ {
		raw, err := events.Next()
		if err != nil {
			return nil, seen
		}
		out, class := stream.Event(raw)
		if class == protocol.Terminal || class == protocol.Failure {
			return nil, seen
		}
		sent = append(append(sent, out...), stream.Ping()...)
	}
	return append(sent, stream.Break(e)...), seen
}

func (rec recording) checkBroken(t *testing.T, what string, sent []byte) {
	t.Helper()
	events := sse.NewReader(bytes.NewReader(sent), 0)
	if rec.array {
		events = sse.NewArrayReader(bytes.NewReader(sent), 0)
	}
	// what we wrote has to be read as a failure by the same codec
	stream := rec.codec.Stream(protocol.Edits{}, rec.array)
	failures := 0
	for {
		raw, err := events.Next()
		if err != nil {
			if failures != 1 || err.Error() != "EOF" {
				t.Errorf("%s: %d failures, then %v, in:\n%s", what, failures, err, sent)
			}
			return
		}
		if failures > 0 {
			if !rec.array || strings.TrimSpace(string(raw)) != "]" {
				t.Errorf("%s: %q behind the error", what, raw)
			}
			continue
		}
		switch _, class := stream.Event(raw); class {
		case protocol.Terminal:
			t.Errorf("%s: ends with a success:\n%s", what, sent)
		case protocol.Failure:
			failures++
			if m := stream.Failure().Message; m != "the upstream \"broke\"\n\ufffd off" {
				t.Errorf("%s: message is %q", what, m)
			}
		}
	}
}
