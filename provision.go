package aiproxy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/caddy-aiproxy/aiproxy/protocol/pattern"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddyserver/caddy/v2"
)

// provisionChannels loads the declared channels.
func (a *App) provisionChannels(ctx caddy.Context) error {
	repl := caddy.NewReplacer()
	a.declared.configs = make(map[string]ChannelConfig, len(a.Channels))
	for _, name := range slices.Sorted(maps.Keys(a.Channels)) {
		cfg := a.Channels[name]
		if cfg == nil {
			return fmt.Errorf("channel %s: empty", name)
		}
		if err := checkName(name); err != nil {
			return fmt.Errorf("channel %q: %v", name, err)
		}
		// Loading the guests clears their JSON.
		a.declared.configs[name] = *cfg
		ch, err := loadChannel(ctx, name, cfg, sourceConfig, repl)
		if err != nil {
			return fmt.Errorf("channel %s: %v", name, err)
		}
		if ch.Inactive != "" {
			a.logger.Info("channel is inactive", zap.String("channel", name), zap.String("reason", ch.Inactive))
		}
		a.declared.channels = append(a.declared.channels, ch)
	}
	return nil
}

// maxName bounds the names of channels, in bytes.
const maxName = 64

// checkName says what is wrong with a channel's name. It goes into headers,
// paths and metrics.
func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("a name has from 1 to %d characters", maxName)
	}
	if name == "." || name == ".." { // a URL's path would lose them
		return fmt.Errorf("%q is no name", name)
	}
	if name == "." || name == ".." { // a URL's path would lose them
		return fmt.Errorf("%q is no name", name)
	}
	if i := strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}); i >= 0 {
		return fmt.Errorf("%q cannot be in a name; expected letters, digits, '.', '_' and '-'", name[i:i+1])
	}
	return nil
}

// provisionModels takes the declared models.
func (a *App) provisionModels() error {
	for _, name := range slices.Sorted(maps.Keys(a.Models)) {
		m, err := a.Models[name].model(name, sourceConfig)
		if err != nil {
			return fmt.Errorf("model %s: %v", name, err)
		}
		a.declared.models = append(a.declared.models, m)
	}
	return nil
}

// model returns the model as routing has it.
func (c *ModelConfig) model(name, source string) (routing.Model, error) {
	if c == nil {
		c = new(ModelConfig)
	}
	if err := pattern.Valid(name); err != nil || strings.Contains(name, "*") {
		return routing.Model{}, fmt.Errorf("%q is no name of a model", name)
	}
	if err := checkStatus(c.Status); err != nil {
		return routing.Model{}, err
	}
	if c.ContextTokens < 0 || c.MaxOutputTokens < 0 {
		return routing.Model{}, fmt.Errorf("a number of tokens is negative")
	}
	return routing.Model{
		Name:            name,
		Source:          source,
		DisplayName:     c.DisplayName,
		OwnedBy:         c.OwnedBy,
		ContextTokens:   c.ContextTokens,
		MaxOutputTokens: c.MaxOutputTokens,
		Disabled:        c.Status == statusDisabled,
	}, nil
}
