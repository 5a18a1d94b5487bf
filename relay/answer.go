package relay

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// maxRefusal bounds the error body of an upstream that is read and relayed.
const maxRefusal = 1 << 20

// refusal reads an upstream's answer with an error status.
func (x *exchange) refusal(resp *http.Response) *fault {
	body, err := x.Budget.ReadBody(resp.Body, resp.ContentLength, maxRefusal)
	if err != nil {
		return refused(resp, nil, time.Now())
	}
	// Error bodies are small and live to the end of the call, so they go
	// uncounted from here on.
	body.Release()
	return refused(resp, body.Bytes, time.Now())
}

// answer reads an answer that is not streamed whole, and sends it.
func (x *exchange) answer(ctx context.Context, resp *http.Response, edits protocol.Edits) *fault {
	body, err := x.Budget.ReadBody(resp.Body, resp.ContentLength, x.Answer)
	if err != nil {
		return broken(ctx, err)
	}
	defer body.Release()
	out := x.call.Codec.AnswerEdits(x.call.Request.Operation, body.Bytes, edits)

	h := x.w.Header()
	adaptors.AnswerHeader(resp.Header, h)
	x.announce(h)
	h["Content-Length"] = []string{strconv.Itoa(len(out))}
	x.out.FirstToken = time.Since(x.begun)
	x.w.WriteHeader(resp.StatusCode)
	if _, err := x.w.Write(out); err != nil {
		x.gone()
		return nil
	}
	x.out.Result, x.out.Status = OK, resp.StatusCode
	return nil
}
