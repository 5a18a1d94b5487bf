package aiproxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
)

// channelDoc is a channel in the API.
type channelDoc struct {
	Name      string            `json:"name" doc:"The channel's name: 1 to 64 letters, digits, '.', '_' and '-'. It cannot be changed."`
	Adaptor   json.RawMessage   `json:"adaptor" doc:"The adaptor: its name, or an object with its name as adaptor and its settings. Required."`
	BaseURL   string            `json:"base_url" doc:"The upstream's address as the vendor documents it, version included. Default: the adaptor's own."`
	Keys      keyList           `json:"keys" doc:"The provider's keys, used in turn. They are written as a list of strings and never shown: answers hold their positions and hints."`
	Models    []string          `json:"models" doc:"The models that the channel serves; * stands for any run of characters. Default: those of map alone."`
	Map       map[string]string `json:"map" doc:"Clients' names of models and what they are called upstream."`
	Protocols []string          `json:"protocols" doc:"The protocols that the upstream is spoken to in. Default: all that the adaptor knows."`
	Priority  int               `json:"priority" doc:"The channel's tier: a higher one is tried first. Default: 0."`
	Weight    int               `json:"weight" doc:"The channel's share of the calls inside its tier, from 1 to 1000000. Default: 1."`
	Sets      []string          `json:"sets" doc:"The sets that the channel belongs to. Default: default."`
	Status    string            `json:"status" doc:"enabled or disabled. Default: enabled."`
	Transport json.RawMessage   `json:"transport,omitempty" doc:"The transport of a declared channel, by its name. It can be set in Caddy's config only, since it may name files."`
	State     string            `json:"state" api:"read" doc:"active, or why the channel is not used."`
	provenance
}

// keyList is a channel's keys: strings on their way in, hints on their way out.
type keyList struct {
	// given says that the document holds keys at all.
	given  bool
	values []string
	hints  []keyHint
}

// keyHint lets people tell keys apart.
type keyHint struct {
	Position int    `json:"position" doc:"The key's position in the list, from 1."`
	Hint     string `json:"hint" doc:"The key's last four characters; empty where it is shorter than 20."`
}

// UnmarshalJSON reads keys. What GET shows in their place is refused, so that no
// mask is ever kept as a key.
func (k *keyList) UnmarshalJSON(text []byte) error {
	var raw []json.RawMessage
	if json.Unmarshal(text, &raw) != nil {
		return &tenancy.FieldError{Field: "keys", Message: "expected a list of strings"}
	}
	k.given = true
	for i, one := range raw {
		var value *string
		if len(one) > 0 && one[0] == '{' {
			return &tenancy.FieldError{Field: "keys", Message: "these are the hints that an answer shows, and no keys; leave keys out to keep what is there"}
		}
		if json.Unmarshal(one, &value) != nil || value == nil || *value == "" {
			return &tenancy.FieldError{Field: "keys", Message: fmt.Sprintf("the key at position %d is not a string, or is empty", i+1)}
		}
		k.values = append(k.values, *value)
	}
	return nil
}

// MarshalJSON writes the hints.
func (k keyList) MarshalJSON() ([]byte, error) {
	if k.hints == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(k.hints)
}

// Of a key shorter than hintFrom nothing is shown; of others hintLength
// characters, which leave more to guess than anybody can.
const hintFrom, hintLength = 20, 4

func hintOf(position int, key string) keyHint {
	h := keyHint{Position: position}
	if runes := []rune(key); len(runes) >= hintFrom {
		h.Hint = "…" + string(runes[len(runes)-hintLength:])
	}
	return h
}

var channelKind = &kind[store.Channel, channelDoc]{
	word:     "channel",
	param:    "name",
	path:     func(key string) string { return adminPrefix + "channels/" + url.PathEscape(key) },
	key:      func(d *channelDoc) string { return d.Name },
	declared: declaredChannels,
	one:      store.Reader.Channel,
	page: func(c *adminCall, after string, limit int) ([]store.Channel, error) {
		return c.state.store.Channels(c.r.Context(), after, limit)
	},
	revision:  func(row store.Channel) int64 { return row.Revision },
	show:      showChannel,
	fill:      fillChannel,
	put:       (*state).putChannel,
	remove:    (*state).removeChannel,
	catalogue: true,
}

// documentChannel shows a config without its keys.
func documentChannel(name string, cfg *ChannelConfig) channelDoc {
	doc := channelDoc{
		Name: name, Adaptor: cfg.AdaptorRaw, BaseURL: cfg.BaseURL, Models: list(cfg.Models), Map: cfg.Map,
		Protocols: list(cfg.Protocols), Priority: cfg.Priority, Weight: or(cfg.Weight, 1),
		Sets: orDefault(cfg.Sets), Status: or(cfg.Status, statusEnabled),
	}
	if doc.Map == nil {
		doc.Map = map[string]string{}
	}
	return doc
}

func declaredChannels(c *adminCall) []channelDoc {
	var docs []channelDoc
	for _, ch := range c.app.declared.channels {
		cfg := c.app.declared.configs[ch.Name]
		doc := documentChannel(ch.Name, &cfg)
		for _, key := range ch.Keys {
			if key.Value != "" {
				doc.Keys.hints = append(doc.Keys.hints, hintOf(key.Position, key.Value))
			}
		}
		doc.Transport = transportName(cfg.TransportRaw)
		doc.State, doc.provenance = or(ch.Inactive, stateActive), provenance{Source: sourceConfig}
		docs = append(docs, doc)
	}
	return docs
}

// stateActive is the state of a channel that is used.
const stateActive = "active"

// transportName shows a transport without its settings, which may hold secrets.
func transportName(raw json.RawMessage) json.RawMessage {
	var named struct {
		Protocol string `json:"protocol"`
	}
	if raw == nil || json.Unmarshal(raw, &named) != nil {
		return nil
	}
	text, err := json.Marshal(named)
	if err != nil {
		return nil
	}
	return text
}

func showChannel(c *adminCall, row store.Channel) channelDoc {
	cfg := new(ChannelConfig)
	// What cannot be read is told by the state.
	_ = json.Unmarshal(row.Config, cfg)
	doc := documentChannel(row.Name, cfg)
	keys, _ := c.state.unsealKeys(row)
	for i, key := range keys {
		doc.Keys.hints = append(doc.Keys.hints, hintOf(i+1, key))
	}
	doc.State = c.stateOf(row)
	_, shadowed := c.app.Channels[row.Name]
	doc.provenance = stored(row.CreatedAt, row.UpdatedAt, shadowed)
	return doc
}

// stateOf says whether a stored channel is used.
func (c *adminCall) stateOf(row store.Channel) string {
	inactive, loaded := c.state.channelState(row.Name)
	if loaded {
		return or(inactive, stateActive)
	}
	g, err := c.state.loadRow(row)
	if err != nil {
		return "it cannot be loaded: " + err.Error()
	}
	g.leave()
	return "it is not loaded"
}

func fillChannel(c *adminCall, doc *channelDoc, row *store.Channel) error {
	if present(doc.Transport) {
		return &tenancy.FieldError{Field: "transport", Message: "it can be set in Caddy's config only, since it may name files"}
	}
	if err := unchanged("name", doc.Name, row.Name, row.Revision); err != nil {
		return err
	}
	if err := checkName(doc.Name); err != nil {
		return &tenancy.FieldError{Field: "name", Message: err.Error()}
	}
	adaptor, err := adaptorObject(doc.Adaptor)
	if err != nil {
		return err
	}
	if doc.Keys.given {
		if len(doc.Keys.values) > routing.MaxKeys {
			return &tenancy.FieldError{Field: "keys", Message: fmt.Sprintf("at most %d are taken", routing.MaxKeys)}
		}
		if row.Keys, err = c.state.sealKeys(doc.Name, doc.Keys.values); err != nil {
			return err
		}
	}
	row.Name = doc.Name
	row.Config, err = json.Marshal(&ChannelConfig{
		AdaptorRaw: adaptor, BaseURL: doc.BaseURL, Models: doc.Models, Map: doc.Map, Protocols: doc.Protocols,
		Priority: doc.Priority, Weight: doc.Weight, Sets: doc.Sets, Status: doc.Status,
	})
	return err
}

// present says whether a member is there and not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// adaptorObject returns the adaptor as an object, also where it is given by its
// name alone.
func adaptorObject(raw json.RawMessage) (json.RawMessage, error) {
	wrong := &tenancy.FieldError{Field: "adaptor", Message: "expected the adaptor's name, or an object that holds it as adaptor"}
	if !present(raw) {
		return nil, &tenancy.FieldError{Field: "adaptor", Message: "required"}
	}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return json.Marshal(map[string]string{"adaptor": name})
	}
	if name = adaptorName(raw); name == "" {
		return nil, wrong
	}
	return raw, nil
}

// errNoChannel is the answer where neither config nor store has the channel.
func errNoChannel(name string) error {
	return refuse(http.StatusNotFound, "channel %q: not found", name)
}
