// Package script holds what the bench says: the request bodies that the load
// generator sends, and the answers and event streams that the mock upstream
// gives. Both sides build from it, so each can check the other to the byte.
// Nothing here opens a connection or reads a clock.
package script

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// What the subject under test is configured with. The keys have equal
// lengths, so that a subject that swaps them handles as many bytes as one
// that passes the upstream's key through.
const (
	Path        = "/v1/chat/completions"
	Model       = "bench-model"
	ClientKey   = "sk-bench-0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
	UpstreamKey = "sk-mock--FEDCBAzyxwvutsrqponmlkjihgfedcba9876543210"
)

// Names of the exchanges.
const (
	Call1K      = "call-1k"
	Call100K    = "call-100k"
	Call1M      = "call-1m"
	Stream      = "stream-100"
	StreamEdit  = "stream-100-edit"
	Slow        = "slow"
	SlowShort   = "slow-short"
	SlowInstant = "slow-instant"
)

// Exchange is one request and what comes back.
type Exchange struct {
	Name string
	// Body is the body of the request, as the client sends it.
	Body []byte
	// Answer is the body of the answer where it is not a stream.
	Answer []byte
	// Chunks is the number of content events of a stream, 0 for none.
	Chunks int
	// Every is the time between two content events; 0 sends them at once,
	// each with a write of its own.
	Every time.Duration
	// Stamped streams carry the sending time of each content event in it.
	Stamped bool
	// AsksUsage says that the client asks for the usage event itself. Where
	// it does not, an upstream that was asked on the way still is right, and
	// the client must not see the difference.
	AsksUsage bool
}

// Streamed tells whether the answer is an event stream.
func (x *Exchange) Streamed() bool { return x.Chunks > 0 }

var exchanges = sync.OnceValue(func() []*Exchange {
	list := []*Exchange{
		{Name: Call1K},
		{Name: Call100K},
		{Name: Call1M},
		{Name: Stream, Chunks: 100, AsksUsage: true},
		{Name: StreamEdit, Chunks: 100},
		{Name: Slow, Chunks: 50, Every: 200 * time.Millisecond, Stamped: true, AsksUsage: true},
		{Name: SlowShort, Chunks: 10, Every: 200 * time.Millisecond, Stamped: true, AsksUsage: true},
		{Name: SlowInstant, Chunks: 10, Every: time.Millisecond, Stamped: true, AsksUsage: true},
	}
	sizes := map[string]int{Call100K: 100 << 10, Call1M: 1 << 20}
	for _, x := range list {
		size := sizes[x.Name]
		if size == 0 {
			size = 1 << 10
		}
		x.Body = body(x, size)
		if !x.Streamed() {
			x.Answer = answer()
		}
	}
	return list
})

// Lookup returns the exchange of that name.
func Lookup(name string) (*Exchange, error) {
	for _, x := range exchanges() {
		if x.Name == name {
			return x, nil
		}
	}
	return nil, fmt.Errorf("no exchange %q", name)
}

// Recognise returns the exchange that a request body belongs to, by the tag
// in its member "user", which stands among the first 256 bytes.
func Recognise(body []byte) (*Exchange, error) {
	head := body[:min(len(body), 256)]
	for _, x := range exchanges() {
		if bytes.Contains(head, tag(x.Name)) {
			return x, nil
		}
	}
	return nil, fmt.Errorf("request body of %d bytes carries no known tag", len(body))
}

var usageOption = []byte(`"include_usage":true`)

// Check compares the body that reached the upstream with the one that the
// client sent. One difference is allowed: the option that asks for usage,
// put in by the gateway where the client did not ask. It reports whether
// usage was asked for.
func (x *Exchange) Check(body []byte) (usage bool, err error) {
	if bytes.Equal(body, x.Body) {
		return x.AsksUsage, nil
	}
	grown := len(body) - len(x.Body)
	if x.AsksUsage || !x.Streamed() || grown <= 0 || grown > 64 {
		return false, fmt.Errorf("%s: body of %d bytes is not the %d bytes that were sent", x.Name, len(body), len(x.Body))
	}
	same := 0
	for same < len(x.Body) && body[same] == x.Body[same] {
		same++
	}
	// A byte that is the same by chance on both sides of the insertion can
	// shift it, never hide it.
	if !bytes.Equal(body[same+grown:], x.Body[same:]) || !bytes.Contains(body, usageOption) {
		return false, fmt.Errorf("%s: body was edited other than by asking for usage", x.Name)
	}
	return true, nil
}

func tag(name string) []byte { return []byte(`"user":"bench:` + name + `"`) }

// body makes a request of exactly size bytes.
func body(x *Exchange, size int) []byte {
	var end bytes.Buffer
	end.WriteString(`"}],"temperature":0.7`)
	if x.Streamed() {
		end.WriteString(`,"stream":true`)
	}
	if x.AsksUsage {
		end.WriteString(`,"stream_options":{"include_usage":true}`)
	}
	end.WriteString(`}`)

	b := make([]byte, 0, size)
	b = append(b, `{"model":"`+Model+`",`...)
	b = append(b, tag(x.Name)...)
	b = append(b, `,"messages":[{"role":"system","content":"You are a careful engineer.\nAnswer in \"plain\" words."}`...)
	for turn := 0; ; turn++ {
		// A turn of an agent's talk is some 6 KB; the last one is whatever
		// space is left.
		role := [...]string{"user", "assistant"}[turn%2]
		b = append(b, `,{"role":"`+role+`","content":"`...)
		room := size - len(b) - end.Len()
		if room < 8<<10 {
			b = appendText(b, turn, room)
			break
		}
		b = appendText(b, turn, 6<<10)
		b = append(b, `"}`...)
	}
	return append(b, end.Bytes()...)
}

func answer() []byte {
	b := []byte(`{"id":"chatcmpl-bench","object":"chat.completion","created":1754000000,"model":"` + Model +
		`","choices":[{"index":0,"message":{"role":"assistant","content":"`)
	b = appendText(b, 3, 480)
	return append(b, `","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":`+usage+
		`,"service_tier":"default","system_fingerprint":"fp_bench"}`...)
}

const usage = `{"prompt_tokens":256,"completion_tokens":100,"total_tokens":356,` +
	`"prompt_tokens_details":{"cached_tokens":128,"audio_tokens":0},` +
	`"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`

// Event is one server-sent event with its blank line.
type Event struct {
	Bytes []byte
	// Stamp is where the StampDigits digits of the sending time stand in
	// Bytes, -1 where there are none.
	Stamp int
}

// StampDigits is the width of a stamp: nanoseconds since 1970, in decimal.
const StampDigits = 19

// PutStamp writes t as a stamp over the first StampDigits bytes of dst.
func PutStamp(dst []byte, t time.Time) { strconv.AppendInt(dst[:0], t.UnixNano(), 10) }

// Events returns the event stream of x: a role, the content, the reason why
// it finished, usage if it was asked for, and [DONE]. Where usage was asked
// for, every event before it says "usage":null, as OpenAI does.
func (x *Exchange) Events(withUsage bool) []Event {
	null := ""
	if withUsage {
		null = `,"usage":null`
	}
	start := `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1754000000,"model":"` + Model + `","choices":[`
	choice := func(delta, finish string) string {
		return start + `{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]` + null + "}\n\n"
	}
	list := []Event{plain(choice(`{"role":"assistant","content":""}`, `null`))}
	zeros := bytes.Repeat([]byte("0"), StampDigits)
	for i := range x.Chunks {
		text := words[i%len(words)]
		if x.Stamped {
			text = string(zeros)
		}
		e := plain(choice(`{"content":"`+text+`"}`, `null`))
		if x.Stamped {
			e.Stamp = bytes.LastIndex(e.Bytes, zeros)
		}
		list = append(list, e)
	}
	list = append(list, plain(choice(`{}`, `"stop"`)))
	if withUsage {
		list = append(list, plain(start+`],"usage":`+usage+"}\n\n"))
	}
	return append(list, plain("data: [DONE]\n\n"))
}

func plain(s string) Event { return Event{Bytes: []byte(s), Stamp: -1} }

// Wanted is what the client must receive.
type Wanted struct {
	Streamed bool
	Data     []byte
	// Stamps are the offsets of the stamps in Data, ascending.
	Stamps []int
	// First is the offset at which the first content event is complete, or
	// the length of Data where the answer is not a stream.
	First int
}

// Wanted returns what the client must receive for x.
func (x *Exchange) Wanted() Wanted {
	if !x.Streamed() {
		return Wanted{Data: slices.Clone(x.Answer), First: len(x.Answer)}
	}
	w := Wanted{Streamed: true}
	for i, e := range x.Events(x.AsksUsage) {
		if e.Stamp >= 0 {
			w.Stamps = append(w.Stamps, len(w.Data)+e.Stamp)
		}
		w.Data = append(w.Data, e.Bytes...)
		if i == 1 {
			w.First = len(w.Data)
		}
	}
	return w
}
