package routing

import (
	"cmp"
	"maps"
	"slices"

	"github.com/caddy-aiproxy/aiproxy/protocol/pattern"
)

// Model describes a name that clients use.
type Model struct {
	Name        string
	Source      string
	DisplayName string
	OwnedBy     string
	// ContextTokens and MaxOutputTokens are 0 where they are not known.
	ContextTokens, MaxOutputTokens int64
	// Disabled models are in no list and serve nobody.
	Disabled bool
}

// Catalogue is all channels and models at one moment. It does not change; a
// change of either makes a new one.
type Catalogue struct {
	channels []*Channel            // by tier, then by name
	exact    map[string][]*Channel // of a name: all that serve it, by tier
	patterns []*Channel            // those with a wildcard
	models   map[string]Model
}

// NewCatalogue returns the catalogue of these channels and models.
func NewCatalogue(channels []*Channel, models []Model) *Catalogue {
	c := &Catalogue{
		channels: slices.Clone(channels),
		exact:    make(map[string][]*Channel),
		models:   make(map[string]Model),
	}
	slices.SortFunc(c.channels, func(a, b *Channel) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Name, b.Name))
	})
	names := make(map[string]bool)
	for _, ch := range c.channels {
		if slices.ContainsFunc(ch.Models, isPattern) {
			c.patterns = append(c.patterns, ch)
		}
		for _, m := range ch.concrete() {
			names[m] = true
		}
	}
	for _, m := range models {
		c.models[m.Name] = m
		names[m.Name] = true
	}
	for name := range names {
		c.exact[name] = serving(c.channels, name)
		if _, ok := c.models[name]; !ok && len(c.exact[name]) > 0 {
			c.models[name] = Model{Name: name, Source: c.exact[name][0].Source}
		}
	}
	return c
}

// isPattern says whether a name that a channel lists has a wildcard.
func isPattern(name string) bool { return !pattern.IsLiteral(name) }

// concrete returns the names that the channel serves without a wildcard.
func (c *Channel) concrete() []string {
	var names []string
	for _, m := range c.Models {
		if pattern.IsLiteral(m) {
			names = append(names, m)
		}
	}
	return append(names, slices.Collect(maps.Keys(c.Map))...)
}

// Serves says whether the channel has the model.
func (c *Channel) Serves(model string) bool {
	if _, ok := c.Map[model]; ok {
		return true
	}
	return pattern.Any(c.Models, model)
}

func serving(channels []*Channel, model string) []*Channel {
	var out []*Channel
	for _, ch := range channels {
		if ch.Serves(model) {
			out = append(out, ch)
		}
	}
	return out
}

// candidates returns the channels that serve the model, by tier. nil where
// the model is disabled or nobody serves it.
func (c *Catalogue) candidates(model string) []*Channel {
	if m, ok := c.models[model]; ok && m.Disabled {
		return nil
	}
	if chs, ok := c.exact[model]; ok {
		return chs
	}
	return serving(c.patterns, model)
}

// Known says whether a group with these sets can name the model: some channel
// that it sees serves it, active or not.
func (c *Catalogue) Known(model string, sets []string) bool {
	for _, ch := range c.candidates(model) {
		if ch.seenBy(sets) {
			return true
		}
	}
	return false
}

// List returns the models that a group with these sets can call by a name
// without a wildcard and that allow lets through, by name.
func (c *Catalogue) List(sets []string, allow func(model string) bool) []Model {
	var out []Model
	for name := range c.exact {
		if m, ok := c.Find(name, sets); ok && allow(name) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Model) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Find returns one model, also one that only a wildcard serves, where a
// channel that is active and seen through these sets has it.
func (c *Catalogue) Find(name string, sets []string) (Model, bool) {
	for _, ch := range c.candidates(name) {
		if ch.Inactive == "" && ch.seenBy(sets) {
			if m, ok := c.models[name]; ok {
				return m, true
			}
			return Model{Name: name, Source: ch.Source}, true
		}
	}
	return Model{}, false
}

// Channels returns all channels, by tier and name.
func (c *Catalogue) Channels() []*Channel { return c.channels }

// Model returns what is known of a model by that name, whoever sees it.
func (c *Catalogue) Model(name string) (Model, bool) {
	m, ok := c.models[name]
	return m, ok
}

// Models returns all models, by name.
func (c *Catalogue) Models() []Model {
	return slices.SortedFunc(maps.Values(c.models), func(a, b Model) int { return cmp.Compare(a.Name, b.Name) })
}
