package routing

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// adaptor serves the operations of its list in every protocol, and sends
// nothing.
type adaptor []protocol.Operation

func (adaptor) DefaultBaseURL() string         { return "" }
func (adaptor) Protocols() []protocol.Protocol { return nil }
func (adaptor) StreamUsage() bool              { return false }
func (adaptor) NeedsKey() bool                 { return true }

func (a adaptor) Serves(_ protocol.Protocol, op protocol.Operation) bool {
	return slices.Contains(a, op)
}

func (adaptor) Send(context.Context, http.RoundTripper, *adaptors.Call) (*http.Response, error) {
	return nil, errors.New("routing sends nothing")
}

// option changes a channel of a test.
type option func(*Channel)

func models(names ...string) option { return func(c *Channel) { c.Models = names } }
func sets(names ...string) option   { return func(c *Channel) { c.Sets = names } }
func inactive(why string) option    { return func(c *Channel) { c.Inactive = why } }
func tier(n int) option             { return func(c *Channel) { c.Priority = n } }
func weight(n int) option           { return func(c *Channel) { c.Weight = n } }
func mapped(from, to string) option {
	return func(c *Channel) { c.Map = map[string]string{from: to} }
}
func speaks(p ...protocol.Protocol) option { return func(c *Channel) { c.Protocols = p } }
func serves(ops ...protocol.Operation) option {
	return func(c *Channel) { c.Adaptor = adaptor(ops) }
}

func keys(n int) option {
	return func(c *Channel) {
		c.Keys = nil
		for i := range n {
			c.Keys = append(c.Keys, Key{Position: i + 1, Value: "key", Rest: new(Rest)})
		}
	}
}

// channel returns a channel of one key that serves m in chat to everybody.
func channel(name string, options ...option) *Channel {
	c := &Channel{
		Name: name, Source: "config", Adaptor: adaptor{protocol.Generate},
		Models: []string{"m"}, Protocols: []protocol.Protocol{protocol.Chat},
		Weight: 1, Sets: []string{DefaultSet},
	}
	keys(1)(c)
	for _, o := range options {
		o(c)
	}
	return c
}

// call is what most tests ask for.
var call = Call{Model: "m", Sets: []string{DefaultSet}, Protocol: protocol.Chat, Operation: protocol.Generate}

// start is the moment at which most tests take place.
var start = time.Unix(1_800_000_000, 0)

// plan makes a plan that has to be there.
func plan(t testing.TB, c *Catalogue, call Call) *Plan {
	t.Helper()
	p, err := c.Plan(call)
	if err != nil {
		t.Fatalf("Plan(%+v): %v", call, err)
	}
	return p
}

// next returns the name of the next attempt's channel, "-" where none is left,
// and fails it with the verdict.
func next(p *Plan, v Verdict) string {
	a, ok := p.Next(start)
	if !ok {
		return "-"
	}
	p.Failed(a, v)
	return a.Channel.Name
}

func names(channels []*Channel) []string {
	out := []string{}
	for _, c := range channels {
		out = append(out, c.Name)
	}
	return out
}

func TestUpstreamName(t *testing.T) {
	c := channel("a", mapped("client", "upstream"))
	for model, want := range map[string]string{"client": "upstream", "m": "m", "": "", "upstream": "upstream"} {
		if got := c.Upstream(model); got != want {
			t.Errorf("Upstream(%q) = %q, want %q", model, got, want)
		}
	}
}

func TestSpeaksNeedsBothChannelAndAdaptor(t *testing.T) {
	c := channel("a", speaks(protocol.Chat, protocol.Responses), serves(protocol.Generate, protocol.Embed))
	for _, tt := range []struct {
		p    protocol.Protocol
		op   protocol.Operation
		want bool
	}{
		{protocol.Chat, protocol.Generate, true},
		{protocol.Responses, protocol.Embed, true},
		{protocol.Messages, protocol.Generate, false}, // the adaptor would, the channel was narrowed
		{protocol.Chat, protocol.CountTokens, false},
		{protocol.None, protocol.Generate, false},
	} {
		if got := c.speaks(tt.p, tt.op); got != tt.want {
			t.Errorf("speaks(%v, %v) = %v", tt.p, tt.op, got)
		}
	}
}

func TestSeenBy(t *testing.T) {
	c := channel("a", sets("red", "blue"))
	for _, tt := range []struct {
		sets []string
		want bool
	}{
		{[]string{"blue"}, true},
		{[]string{"green", "red"}, true},
		{[]string{"green"}, false},
		{[]string{"Red"}, false},
		{[]string{}, false},
		{nil, false},
	} {
		if got := c.seenBy(tt.sets); got != tt.want {
			t.Errorf("seenBy(%q) = %v", tt.sets, got)
		}
	}
}
