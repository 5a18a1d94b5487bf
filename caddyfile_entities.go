package aiproxy

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
)

// declare reads an entity that has one name, and refuses a second of that name.
func declare[T any](s *settings, entities *map[string]*T, parse func(s *settings, name string) *T) {
	name := s.header(1, "a name")[0]
	if _, ok := (*entities)[name]; ok {
		s.failf("%s %q is declared twice", s.name, name)
	}
	if s.err != nil {
		return
	}
	if *entities == nil {
		*entities = make(map[string]*T)
	}
	(*entities)[name] = parse(s, name)
}

// parseChannel reads an upstream account. Syntax:
//
//	channel <name> {
//	    adaptor <adaptor> {
//	        ...
//	    }
//	    base_url  <url>
//	    key       <keys...>
//	    models    <patterns...>
//	    map       <model> <upstream_model>
//	    protocols <protocols...>
//	    priority  <number>
//	    weight    <number>
//	    sets      <sets...>
//	    status    enabled|disabled
//	    transport <transport> {
//	        ...
//	    }
//	}
//
// key, models and map may be given again.
func parseChannel(outer *settings, name string) *ChannelConfig {
	c := new(ChannelConfig)
	place := outer.Token()
	if err := checkName(name); err != nil {
		outer.failf("channel %q: %v", name, err)
	}
	s := outer.settings("channel " + strconv.Quote(name))
	for s.next() {
		switch s.name {
		case "adaptor":
			c.AdaptorRaw = guest[adaptors.Adaptor](s, "aiproxy.adaptors", "adaptor")
		case "base_url":
			c.BaseURL = s.address()
		case "key":
			c.Keys = append(c.Keys, s.args(1, "one or more keys")...)
		case "models":
			c.Models = s.more(c.Models, "one or more names or patterns of models", isPattern)
		case "map":
			c.parseMap(s)
		case "protocols":
			c.Protocols = s.list("one or more of chat, responses, messages and gemini", isProtocol)
		case "priority":
			c.Priority = int(s.integer(-1000000, 1000000))
		case "weight":
			c.Weight = int(s.integer(1, 1000000))
		case "sets":
			c.Sets = s.list("one or more names of sets", nil)
		case "status":
			c.Status = s.status()
		case "transport":
			c.TransportRaw = guest[http.RoundTripper](s, "http.reverse_proxy.transport", "protocol")
		default:
			s.unknown("adaptor", "base_url", "key", "models", "map", "protocols", "priority", "weight", "sets", "status", "transport")
		}
	}
	if c.AdaptorRaw == nil {
		s.failAt(place, "channel %q has no adaptor, expected one of: %s", name, guestNames("aiproxy.adaptors"))
	}
	if len(c.Models) == 0 && len(c.Map) == 0 {
		s.failAt(place, "channel %q has no models, expected models or map", name)
	}
	s.judge(place, c.check())
	return c
}

func (c *ChannelConfig) parseMap(s *settings) {
	const what = "a client's name of a model and the upstream's"
	args := s.args(2, what)
	if s.err != nil {
		return
	}
	if len(args) != 2 {
		s.expectedCount(what, len(args))
		return
	}
	switch {
	case args[0] == "" || args[1] == "":
		s.expected(what, "an empty one")
	case !isModel(args[0]) || !isModel(args[1]):
		s.expected(what, "a pattern")
	}
	if _, ok := c.Map[args[0]]; ok {
		s.failf("map: %q is given twice", args[0])
	}
	if c.Map == nil {
		c.Map = make(map[string]string)
	}
	c.Map[args[0]] = args[1]
}

// parseModel reads the description of a model. Syntax:
//
//	model <name> {
//	    status            enabled|disabled
//	    display_name      <name>
//	    owned_by          <name>
//	    context_tokens    <number>
//	    max_output_tokens <number>
//	    price             <kind> <usd>...
//	    rpm               <number>
//	    tpm               <number>
//	    fallback          <models...>
//	}
func parseModel(outer *settings, name string) *ModelConfig {
	m := new(ModelConfig)
	if !isModel(name) {
		outer.expected("a name of a model", strconv.Quote(name))
	}
	s := outer.settings("model " + strconv.Quote(name))
	for s.next() {
		switch s.name {
		case "status":
			m.Status = s.status()
		case "display_name":
			m.DisplayName = s.text("a name")
		case "owned_by":
			m.OwnedBy = s.text("a name")
		case "context_tokens":
			m.ContextTokens = s.integer(1, maxInteger)
		case "max_output_tokens":
			m.MaxOutputTokens = s.integer(1, maxInteger)
		case "price":
			m.parsePrice(s)
		case "rpm":
			m.RPM = s.integer(1, maxInteger)
		case "tpm":
			m.TPM = s.integer(1, maxInteger)
		case "fallback":
			m.Fallback = s.list("one or more names of models", isModel)
		default:
			s.unknown("status", "display_name", "owned_by", "context_tokens", "max_output_tokens", "price", "rpm", "tpm", "fallback")
		}
	}
	return m
}

func (m *ModelConfig) parsePrice(s *settings) {
	const what = "pairs of a kind of token and its price such as input 1.25 output 10"
	s.once()
	args := s.args(2, what)
	if s.err == nil && len(args)%2 != 0 {
		s.expectedCount(what, len(args))
	}
	if s.err != nil {
		return
	}
	m.Price = make(map[string]string)
	for i := 0; i < len(args); i += 2 {
		kind, price := args[i], args[i+1]
		if kind == "" || !isDecimal(price) {
			s.expected(what, strconv.Quote(kind+" "+price))
		}
		if _, ok := m.Price[kind]; ok {
			s.failf("price: %q is given twice", kind)
		}
		m.Price[kind] = price
	}
}

// parseGroup reads a tenant. Syntax:
//
//	group <name> {
//	    status  enabled|disabled
//	    sets    <sets...>
//	    balance <usd>
//	}
func parseGroup(outer *settings, name string) *GroupConfig {
	g := new(GroupConfig)
	place := outer.Token()
	s := outer.settings("group " + strconv.Quote(name))
	for s.next() {
		switch s.name {
		case "status":
			g.Status = s.status()
		case "sets":
			g.Sets = s.list("one or more names of sets", nil)
		case "balance":
			g.Balance = s.checked("an amount in USD such as 100 or 2.50", isDecimal)
		default:
			s.unknown("status", "sets", "balance")
		}
	}
	s.judge(place, tenancy.ValidateGroup(store.Group{Name: name, Status: or(g.Status, statusEnabled), Sets: g.Sets}))
	return g
}

// declareToken reads an API key of a group. Syntax:
//
//	token <group> <name> {
//	    key        <key>
//	    status     enabled|disabled
//	    models     <patterns...>
//	    subnets    <subnets...>
//	    expires_at <time>
//	}
func (a *App) declareToken(outer *settings) {
	names := outer.header(2, "the name of a group and a name of its own")
	t := &TokenConfig{Group: names[0], Name: names[1]}
	what := fmt.Sprintf("token %q of group %q", t.Name, t.Group)
	for _, other := range a.Tokens {
		if other.Group == t.Group && other.Name == t.Name {
			outer.failf("%s is declared twice", what)
		}
	}
	place := outer.Token()
	s := outer.settings(what)
	for s.next() {
		switch s.name {
		case "key":
			t.Key = s.text("a key")
		case "status":
			t.Status = s.status()
		case "models":
			t.Models = s.list("one or more names or patterns of models", isPattern)
		case "subnets":
			t.Subnets = s.list("one or more addresses or subnets such as 10.0.0.0/8", isSubnet)
		case "expires_at":
			t.ExpiresAt = s.checked("a date or a time such as 2027-01-31 or 2027-01-31T12:00:00Z", isTime)
		default:
			s.unknown("key", "status", "models", "subnets", "expires_at")
		}
	}
	if t.Key == "" {
		s.failAt(place, "%s has no key, expected the one that clients send", what)
	}
	s.judge(place, tenancy.ValidateToken(store.Token{
		Group: t.Group, Name: t.Name, Status: or(t.Status, statusEnabled), Models: t.Models, Subnets: t.Subnets,
	}))
	a.Tokens = append(a.Tokens, t)
}

func (s *settings) status() string { return s.oneOf(statusEnabled, statusDisabled) }
