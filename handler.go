package aiproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/chat"
	"github.com/caddy-aiproxy/aiproxy/protocol/gemini"
	"github.com/caddy-aiproxy/aiproxy/protocol/messages"
	"github.com/caddy-aiproxy/aiproxy/protocol/responses"
	"github.com/caddy-aiproxy/aiproxy/relay"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// Handler serves the data plane of the gateway: the paths under /v1/ and
// /v1beta/ of the four protocols' own APIs. All other paths go to the next
// handler.
//
// It sets the placeholders `{http.aiproxy.group}`, `{http.aiproxy.token}`,
// `{http.aiproxy.model}`, `{http.aiproxy.channel}` and
// `{http.aiproxy.protocol}`.
type Handler struct {
	// How long a stream may be silent after its first content before the
	// protocol's ping is sent; negative: never. Default: 15s.
	Ping caddy.Duration `json:"ping,omitempty"`

	// Sends pings before the first content too. This commits the status 200:
	// an upstream that fails afterwards can still be replaced by another, but
	// an error that is left can only be told inside the stream. Default: false.
	PingBeforeContent bool `json:"ping_before_content,omitempty"`

	// Leaves out the header Aiproxy-Channel of answers. Default: false.
	HideChannel bool `json:"hide_channel,omitempty"`

	// Answers CORS preflights and sets CORS headers for these origins; `*` is
	// every origin. Default: none, and OPTIONS goes to the next handler.
	CORS []string `json:"cors,omitempty"`

	// The plugins that calls pass through. Not built yet: refused.
	PluginsRaw []json.RawMessage `json:"plugins,omitempty" caddy:"namespace=aiproxy.plugins inline_key=plugin"`

	app *App
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.aiproxy",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision finds the app and sets the defaults.
func (h *Handler) Provision(ctx caddy.Context) error {
	if len(h.PluginsRaw) > 0 {
		return errors.New("plugins are not built yet")
	}
	app, err := ctx.App("aiproxy")
	if err != nil {
		return fmt.Errorf("getting the app aiproxy: %w", err)
	}
	h.app = app.(*App)
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && h.app.server == nil {
		h.app.server = server
	}
	if h.Ping == 0 {
		h.Ping = caddy.Duration(15 * time.Second)
	}
	return nil
}

// codecs of the protocols.
var codecs = [...]protocol.Codec{
	protocol.Chat:      chat.Codec{},
	protocol.Responses: responses.Codec{},
	protocol.Messages:  messages.Codec{},
	protocol.Gemini:    gemini.Codec{},
}

// ServeHTTP takes one request through the gateway.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.Method == http.MethodOptions {
		return h.preflight(w, r, next)
	}
	call, ours, refusal := protocol.Recognise(r.Method, r.URL.Path, r.URL.RawQuery, r.Header)
	if !ours {
		return next.ServeHTTP(w, r)
	}
	x := &exchange{w: w, r: r, id: newID(), call: call}
	w.Header()["X-Request-Id"] = []string{x.id}
	if call.Protocol == protocol.Messages {
		// Anthropic's SDKs show it as the message's request id.
		w.Header()["Request-Id"] = []string{x.id}
	}
	h.allowOrigin(w, r)
	x.placeholders()

	switch {
	case refusal != nil:
		x.refuse(refusal)
	case call.Operation == protocol.Live:
		x.sendJSON(map[string]string{"status": "live"})
	default:
		v, err := h.app.enter()
		if err != nil {
			x.refuse(&protocol.Error{Kind: protocol.KindOverloaded, Message: "the gateway is not ready"})
			return nil
		}
		defer v.leave()
		h.serve(x, v)
	}
	return nil
}

// serve tells the story of a request that reached an open gateway.
func (h *Handler) serve(x *exchange, v *view) {
	if x.call.Operation == protocol.Ready {
		x.sendJSON(map[string]string{"status": "ready"})
		return
	}
	if err := x.authenticate(v); err != nil {
		x.refuse(err)
		return
	}
	switch x.call.Operation {
	case protocol.Me:
		x.me()
	case protocol.ListModels:
		x.listModels(v.catalogue)
	case protocol.GetModel:
		x.getModel(v.catalogue)
	default:
		h.relay(x, v)
	}
}

// relay reads, understands and resolves a call and hands it to the relay.
func (h *Handler) relay(x *exchange, v *view) {
	body, refusal := x.read(v)
	if refusal != nil {
		x.refuse(refusal)
		return
	}
	defer body.Release()
	codec := codecs[x.call.Protocol]
	request, refusal := codec.Read(x.call, body.Bytes)
	if refusal != nil {
		x.refuse(refusal)
		return
	}
	x.model = request.Model
	plan, refusal := x.resolve(v, request)
	if refusal != nil {
		x.refuse(refusal)
		return
	}
	x.outcome = v.relay.Do(x.r.Context(), x.w, &relay.Call{
		Request:           request,
		Body:              body,
		Codec:             codec,
		Header:            x.r.Header,
		Query:             x.query(),
		RequestID:         x.id,
		Plan:              plan,
		Ping:              time.Duration(h.Ping),
		PingBeforeContent: h.PingBeforeContent,
		HideChannel:       h.HideChannel,
	})
}

// resolve finds who may answer: 404 for a model that the group cannot see, 403
// for one that the token may not use.
func (x *exchange) resolve(v *view, request *protocol.Request) (*routing.Plan, *protocol.Error) {
	sets := x.sets()
	if !x.principal.Token.MayUse(request.Model) {
		if !v.catalogue.Known(request.Model, sets) {
			return nil, routing.NotFound(request.Model)
		}
		return nil, &protocol.Error{Kind: protocol.KindForbidden, Param: "model",
			Message: fmt.Sprintf("this API key may not use the model %q", request.Model)}
	}
	return v.catalogue.Plan(routing.Call{
		Model:     request.Model,
		Sets:      sets,
		Protocol:  x.call.Protocol,
		Operation: x.call.Operation,
	})
}

// allowOrigin sets the CORS headers of an answer.
func (h *Handler) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	if len(h.CORS) == 0 {
		return false
	}
	origin := r.Header.Get("Origin")
	header := w.Header()
	header.Add("Vary", "Origin")
	if origin == "" || !slices.Contains(h.CORS, origin) && !slices.Contains(h.CORS, "*") {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", "X-Request-Id, Aiproxy-Channel, Aiproxy-Attempts, Retry-After")
	return true
}

// preflight answers a browser's question whether it may call, where CORS is
// set and the path is ours.
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	_, ours, _ := protocol.Recognise(http.MethodPost, r.URL.Path, r.URL.RawQuery, r.Header)
	if !ours || len(h.CORS) == 0 || r.Header.Get("Access-Control-Request-Method") == "" {
		return next.ServeHTTP(w, r)
	}
	if h.allowOrigin(w, r) {
		header := w.Header()
		header.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			header.Set("Access-Control-Allow-Headers", asked)
		}
		header.Set("Access-Control-Max-Age", "7200")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
