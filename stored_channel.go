package aiproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddyserver/caddy/v2"
)

// storedChannel is a channel of the store, with the context that its modules live in.
// It outlives the config under which it was loaded, and its own replacement,
// until the last view that holds it is left.
type storedChannel struct {
	channel *routing.Channel
	config  *ChannelConfig
	holders atomic.Int64
	cancel  context.CancelFunc
}

// loading keeps one guest loading at a time: a caddy.Context is not made for
// several.
var loading sync.Mutex

// loadStored loads a channel of the store. The caller is its first holder.
func loadStored(name string, config json.RawMessage, keys []string) (*storedChannel, error) {
	loading.Lock()
	defer loading.Unlock()
	cfg, err := decodeStoredChannel(config)
	if err != nil {
		return nil, err
	}
	kept := *cfg
	cfg.Keys = keys
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	ch, err := loadChannel(ctx, name, cfg, sourceStore, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	g := &storedChannel{channel: ch, config: &kept, cancel: cancel}
	g.holders.Store(1)
	return g, nil
}

// decodeStoredChannel reads a channel's config strictly and refuses what may
// come from the config alone.
func decodeStoredChannel(config json.RawMessage) (*ChannelConfig, error) {
	cfg := new(ChannelConfig)
	if err := caddy.StrictUnmarshalJSON(config, cfg); err != nil {
		return nil, err
	}
	if cfg.TransportRaw != nil {
		return nil, fmt.Errorf("transport: can be set in Caddy's config only, since it may name files")
	}
	if hasPlaceholder(cfg.AdaptorRaw) {
		return nil, fmt.Errorf("adaptor: a placeholder can stand in Caddy's config only, since it may name files")
	}
	return cfg, nil
}

// hasPlaceholder says whether a string of the JSON looks like a placeholder.
// Adaptors expand those of their own settings, and may not do so for whoever
// may change channels at run time but not the config.
func hasPlaceholder(raw json.RawMessage) bool {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if text, ok := token.(string); ok && strings.Contains(text, "{") {
			return true
		}
	}
}

func (g *storedChannel) hold() { g.holders.Add(1) }

func (g *storedChannel) leave() {
	if g.holders.Add(-1) == 0 {
		g.cancel()
	}
}
