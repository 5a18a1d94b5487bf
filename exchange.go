package aiproxy

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/relay"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// exchange is one request on its way through the handler.
type exchange struct {
	w  http.ResponseWriter
	r  *http.Request
	id string
	// call is what path, method and query say.
	call      protocol.Call
	principal tenancy.Principal
	outcome   relay.Outcome
	// hasBody says that the request's body has been read to its end.
	hasBody bool
	// model is the one that the client asked for; empty until it is known.
	model string
}

// newID returns a request's id: unique across machines, and sorted by time.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		// The system gives no random numbers: nothing can be served safely.
		panic(err)
	}
	return id.String()
}

// refuse answers with an error of our own in the caller's protocol.
func (x *exchange) refuse(e *protocol.Error) {
	h := x.w.Header()
	if e.Allow != "" {
		h.Set("Allow", e.Allow)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", relay.RetryAfterSeconds(e.RetryAfter))
	}
	if !x.hasBody && x.r.ContentLength != 0 {
		x.hangUp()
	}
	body := protocol.ErrorBody(x.call.Protocol, e, x.id)
	x.outcome.Result, x.outcome.Error = "refused", e.Message
	x.outcome.Status = e.Kind.In(x.call.Protocol).Status
	x.send(x.outcome.Status, body)
}

// send answers with a JSON body.
func (x *exchange) send(status int, body []byte) {
	h := x.w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		x.w.Write(body)
	}
}

// credentialHeaders are where clients put their key, `Authorization: Bearer`
// aside.
var credentialHeaders = [...]string{"X-Api-Key", "X-Goog-Api-Key", "Api-Key"}

// credential returns the key that the request carries. Two that differ are an
// error: which of them was meant is not ours to guess.
func (x *exchange) credential() (string, *protocol.Error) {
	key := ""
	add := func(v string) bool {
		if v == "" || v == key {
			return true
		}
		if key != "" {
			return false
		}
		key = v
		return true
	}
	ok := true
	for _, v := range x.r.Header["Authorization"] {
		scheme, rest, _ := strings.Cut(v, " ")
		if strings.EqualFold(scheme, "Bearer") {
			ok = ok && add(strings.TrimSpace(rest))
		}
	}
	for _, name := range credentialHeaders {
		for _, v := range x.r.Header[name] {
			ok = ok && add(strings.TrimSpace(v))
		}
	}
	if x.call.Protocol == protocol.Gemini && strings.Contains(x.r.URL.RawQuery, "key=") {
		for _, v := range x.r.URL.Query()["key"] {
			ok = ok && add(v)
		}
	}
	switch {
	case !ok:
		return "", &protocol.Error{Kind: protocol.KindUnauthenticated, Message: "two credentials that differ were sent; send one"}
	case key == "":
		return "", &protocol.Error{Kind: protocol.KindUnauthenticated,
			Message: "no API key was sent; send one as Authorization: Bearer, x-api-key, x-goog-api-key or api-key"}
	}
	return key, nil
}

// credentialParams are the parameters that may hold a credential, also one
// that was put there by mistake: none goes upstream.
var credentialParams = map[string]bool{"key": true, "api-key": true, "api_key": true, "apikey": true, "access_token": true}

// query returns the request's query without a credential; nil where it is
// empty.
func (x *exchange) query() url.Values {
	if x.r.URL.RawQuery == "" {
		return nil
	}
	q := x.r.URL.Query()
	for name := range q {
		if credentialParams[strings.ToLower(name)] {
			delete(q, name)
		}
	}
	return q
}

// address returns the client's address, after Caddy's trusted proxies.
func (x *exchange) address() netip.Addr {
	s, _ := caddyhttp.GetVar(x.r.Context(), caddyhttp.ClientIPVarKey).(string)
	if host, zone, ok := strings.Cut(s, "%"); ok && zone != "" {
		s = host
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// read reads the body whole, within the limits.
func (x *exchange) read(v *view) (*relay.Body, *protocol.Error) {
	if coding := x.r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &protocol.Error{Kind: protocol.KindInvalid, Param: "Content-Encoding",
			Message: "a body with a Content-Encoding is not taken; send it as it is"}
	}
	u := watchUpload(x.w, x.r.Body, v.upload)
	body, err := v.relay.Budget.ReadBody(u, x.r.ContentLength, v.bodyLimit)
	u.stop()
	if err != nil {
		return nil, unread(err, v.bodyLimit)
	}
	x.hasBody = true
	return body, nil
}

// hangUp lets an answer go out before the request's body is in: HTTP/1 would
// wait for that, to use the connection again. Later versions end the stream
// alone, and clients of HTTP/3 refuse such a header.
func (x *exchange) hangUp() {
	if x.r.ProtoMajor == 1 {
		x.w.Header()["Connection"] = []string{"close"}
	}
}

// placeholders lets other directives and logs see what becomes of the call.
func (x *exchange) placeholders() {
	repl, ok := x.r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	repl.Map(func(key string) (any, bool) {
		name, ours := strings.CutPrefix(key, "http.aiproxy.")
		if !ours {
			return nil, false
		}
		switch name {
		case "group":
			return x.group(), true
		case "token":
			return x.token(), true
		case "model":
			return x.model, true
		case "channel":
			if x.outcome.Channel == nil {
				return "", true
			}
			return x.outcome.Channel.Name, true
		case "protocol":
			return x.call.Protocol.String(), true
		}
		return nil, false
	})
}

// unread makes the error of a body that could not be read whole.
func unread(err error, limit int64) *protocol.Error {
	switch {
	case errors.Is(err, relay.TooLarge):
		return &protocol.Error{Kind: protocol.KindTooLarge, Message: "the request's body is longer than the limit of " + strconv.FormatInt(limit, 10) + " bytes"}
	case errors.Is(err, relay.NoMemory):
		return &protocol.Error{Kind: protocol.KindOverloaded, Message: "too many large requests are in flight; try again", RetryAfter: 1e9}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &protocol.Error{Kind: protocol.KindTimeout, Message: "the request's body did not arrive in time"}
	default:
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return &protocol.Error{Kind: protocol.KindTooLarge, Message: "the request's body is longer than the limit of " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes"}
		}
		return &protocol.Error{Kind: protocol.KindInvalid, Message: "the request's body broke off"}
	}
}
