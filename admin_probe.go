package aiproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/pattern"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

const (
	// probeTimeout bounds the test of a channel.
	probeTimeout = 30 * time.Second
	// probeRead is how much of the upstream's answer is read, probeError how
	// much of it is shown where it is an error, in bytes.
	probeRead, probeError = 1 << 20, 500
)

// probeRequest is the body of a channel's test.
type probeRequest struct {
	Model string `json:"model" doc:"The model to ask, by the name that clients use. Default: the first that the channel lists without a wildcard."`
}

// probeAnswer is what became of it.
type probeAnswer struct {
	OK            bool   `json:"ok" doc:"The upstream answered with a status below 300 and a JSON body."`
	Status        int    `json:"status" doc:"The upstream's status; 0 where none came."`
	LatencyMS     int64  `json:"latency_ms" doc:"The time to the end of the answer."`
	Model         string `json:"model" doc:"The model that was asked."`
	UpstreamModel string `json:"upstream_model" doc:"Its name upstream."`
	Protocol      string `json:"protocol" doc:"The protocol that the upstream was asked in."`
	KeyPosition   int    `json:"key_position" doc:"The position of the key that was used; 0 where the channel needs none."`
	Error         string `json:"error" doc:"Why it failed, with the beginning of what the upstream said; empty where it did not."`
}

// probes are the calls that a test makes, by protocol. Chat has no limit of
// tokens: what it is called differs from vendor to vendor and from model to
// model, and a wrong name is refused.
var probes = map[protocol.Protocol]string{
	protocol.Chat:      `{"model":%s,"messages":[{"role":"user","content":"Say ok."}]}`,
	protocol.Responses: `{"model":%s,"input":"Say ok.","max_output_tokens":16}`,
	protocol.Messages:  `{"model":%s,"max_tokens":16,"messages":[{"role":"user","content":"Say ok."}]}`,
	protocol.Gemini:    `{"contents":[{"role":"user","parts":[{"text":"Say ok."}]}],"generationConfig":{"maxOutputTokens":16}}`,
}

// probeChannel makes one small call through a channel, also through one that is
// disabled. It passes by the rests of its keys and leaves them as they are.
func probeChannel(c *adminCall) error {
	request, err := probeBody(c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.view.catalogue.Channels(), func(ch *routing.Channel) bool { return ch.Name == c.params["name"] })
	if i < 0 {
		return errNoChannel(c.params["name"])
	}
	ch := c.view.catalogue.Channels()[i]
	key := ch.Keys[0]
	if key.Value == "" && ch.Adaptor.NeedsKey() {
		return refuse(http.StatusConflict, "channel %q cannot be tested: it has no key", ch.Name)
	}
	model := or(request.Model, firstModel(ch))
	switch {
	case model == "":
		return refuse(http.StatusBadRequest, "model: required, since channel %q lists patterns alone", ch.Name)
	case !ch.Serves(model):
		return refuse(http.StatusBadRequest, "model: channel %q does not serve %.64q", ch.Name, model)
	}
	p := slices.IndexFunc(ch.Protocols, func(p protocol.Protocol) bool { return ch.Adaptor.Serves(p, protocol.Generate) })
	if p < 0 {
		return refuse(http.StatusConflict, "channel %q cannot be tested: it generates nothing", ch.Name)
	}
	return c.send(http.StatusOK, probe(c.r.Context(), ch, key, model, ch.Protocols[p]))
}

// probeBody reads the body, which may be absent.
func probeBody(c *adminCall) (request probeRequest, err error) {
	body, err := c.read(true, typeJSON)
	if err != nil || body == nil {
		return request, err
	}
	given, err := parseMembers(body)
	if err != nil {
		return request, err
	}
	if err := given.known(reflect.TypeFor[probeRequest]()); err != nil {
		return request, err
	}
	return request, given.decode(&request)
}

// firstModel returns a model that can be asked for by its name; empty: none.
func firstModel(ch *routing.Channel) string {
	for _, m := range ch.Models {
		if pattern.IsLiteral(m) {
			return m
		}
	}
	if mapped := slices.Sorted(maps.Keys(ch.Map)); len(mapped) > 0 {
		return mapped[0]
	}
	return ""
}

// probe makes the call.
func probe(ctx context.Context, ch *routing.Channel, key routing.Key, model string, p protocol.Protocol) probeAnswer {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	answer := probeAnswer{Model: model, UpstreamModel: ch.Upstream(model), Protocol: p.String(), KeyPosition: key.Position}
	name, err := json.Marshal(answer.UpstreamModel)
	if err == nil {
		body := probes[p]
		if strings.Contains(body, "%s") {
			body = fmt.Sprintf(body, name)
		}
		began := time.Now()
		answer.Status, err = send(ctx, ch, &adaptors.Call{
			Call:          protocol.Call{Protocol: p, Operation: protocol.Generate, Model: geminiName(p, model)},
			BaseURL:       ch.BaseURL,
			Key:           key.Value,
			UpstreamModel: answer.UpstreamModel,
			Header:        make(http.Header),
			Body:          []byte(body),
		})
		answer.LatencyMS = time.Since(began).Milliseconds()
	}
	if err != nil {
		answer.Error = shown(err.Error(), key.Value)
	}
	answer.OK = err == nil
	return answer
}

// geminiName returns the model as Gemini's path would have held it.
func geminiName(p protocol.Protocol, model string) string {
	if p == protocol.Gemini {
		return model
	}
	return ""
}

// send makes one attempt and reads its answer. The error is for whatever is not
// the answer that was asked for.
func send(ctx context.Context, ch *routing.Channel, call *adaptors.Call) (status int, err error) {
	resp, err := ch.Adaptor.Send(ctx, ch.Transport, call)
	if err != nil {
		if ctx.Err() != nil {
			return 0, errors.New("no answer came in time")
		}
		return 0, err
	}
	defer resp.Body.Close()
	if err := adaptors.Decode(resp); err != nil {
		return resp.StatusCode, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, probeRead))
	switch {
	case err != nil:
		return resp.StatusCode, fmt.Errorf("the answer broke off: %v", err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return resp.StatusCode, fmt.Errorf("the upstream answered %d: %s", resp.StatusCode, body)
	case !json.Valid(body):
		return resp.StatusCode, fmt.Errorf("the answer is no JSON: %s", body)
	}
	return resp.StatusCode, nil
}

// shown returns an upstream's text without the key, which some repeat, and cut.
// It is cut after the key has been taken out: half a key would not be found.
func shown(text, key string) string {
	if key != "" {
		text = strings.ReplaceAll(text, key, "[key]")
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= probeError {
		return text
	}
	end := probeError
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
