package mock

import (
	"fmt"
	"sync"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

type answerKey struct {
	name  string
	usage bool
}

type answerTable struct {
	mu    sync.RWMutex
	table map[answerKey][]piece
}

var answers = sync.OnceValue(func() *answerTable {
	return &answerTable{table: map[answerKey][]piece{}}
})

// of returns the answer to x, framed for HTTP/1.1; it is made once.
func (a *answerTable) of(x *script.Exchange, usage bool) []piece {
	key := answerKey{x.Name, usage}
	a.mu.RLock()
	list := a.table[key]
	a.mu.RUnlock()
	if list == nil {
		list = frame(x, usage)
		a.mu.Lock()
		a.table[key] = list
		a.mu.Unlock()
	}
	return list
}

// frame lays out the writes of an answer. The head goes with the first
// event, each further event is a chunk and a write, and the last one carries
// the end of the body.
func frame(x *script.Exchange, usage bool) []piece {
	if !x.Streamed() {
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\n"+fields+"Content-Length: %d\r\n\r\n", "application/json", len(x.Answer))
		return []piece{{bytes: append([]byte(head), x.Answer...), stamp: -1}}
	}
	var list []piece
	lead := fmt.Sprintf("HTTP/1.1 200 OK\r\n"+fields+"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n",
		"text/event-stream; charset=utf-8")
	events := x.Events(usage)
	for i, e := range events {
		p := piece{stamp: -1}
		p.bytes = fmt.Appendf([]byte(lead), "%x\r\n", len(e.Bytes))
		lead = ""
		if e.Stamp >= 0 {
			p.stamp = len(p.bytes) + e.Stamp
		}
		p.bytes = append(append(p.bytes, e.Bytes...), "\r\n"...)
		if i > 1 && i <= x.Chunks { // between content events
			p.pause = x.Every
		}
		if i == len(events)-1 {
			p.bytes = append(p.bytes, "0\r\n\r\n"...)
		}
		list = append(list, p)
	}
	return list
}
