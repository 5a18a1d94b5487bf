package aiproxy

import (
	"encoding/json"

	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("aiproxy", parseGlobalOption)
	httpcaddyfile.RegisterHandlerDirective("aiproxy", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("aiproxy", httpcaddyfile.Before, "respond")
}

// parseGlobalOption sets up the app from the global option. Syntax:
//
//	aiproxy {
//	    store <driver> {
//	        ...
//	    }
//	    secret <secret>
//	    bootstrap
//	    channel <name> {
//	        ...
//	    }
//	    model <name> {
//	        ...
//	    }
//	    group <name> {
//	        ...
//	    }
//	    token <group> <name> {
//	        ...
//	    }
//	    retry {
//	        ...
//	    }
//	    limits {
//	        ...
//	    }
//	}
//
// It expands no placeholder and reads no environment: what it makes is the
// same on every machine.
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	if err := bracesOnOwnLines(d); err != nil {
		return nil, err
	}
	d.Next() // consume option name
	if existing != nil {
		return nil, d.Err("the global option aiproxy is given twice, expected one block that holds all of it")
	}
	app := new(App)
	if err := app.unmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "aiproxy", Value: caddyconfig.JSON(app, nil)}, nil
}

func (a *App) unmarshalCaddyfile(d *caddyfile.Dispenser) error {
	s := newSettings(d, "the global option aiproxy")
	s.header(0, "no argument, only a block")
	for s.next() {
		switch s.name {
		case "store":
			a.StoreRaw = guest[store.Driver](s, "aiproxy.stores", "driver")
		case "secret":
			a.Secret = s.text("a secret")
		case "bootstrap":
			a.Bootstrap = s.flag()
		case "channel":
			declare(s, &a.Channels, parseChannel)
		case "model":
			declare(s, &a.Models, parseModel)
		case "group":
			declare(s, &a.Groups, parseGroup)
		case "token":
			a.declareToken(s)
		case "retry":
			a.Retry = parseRetry(s)
		case "limits":
			a.Limits = parseLimits(s)
		case "shared", "log_store":
			s.failf("%s is not built yet", s.name)
		default:
			s.unknown("store", "secret", "bootstrap", "channel", "model", "group", "token", "retry", "limits")
		}
	}
	return s.err
}

// parseRetry reads how calls are tried. Syntax:
//
//	retry {
//	    attempts    <number>
//	    first_token <duration>
//	    idle        <duration>
//	    total       <duration>
//	}
func parseRetry(outer *settings) *RetryConfig {
	r := new(RetryConfig)
	s := outer.block("retry")
	for s.next() {
		switch s.name {
		case "attempts":
			r.Attempts = int(s.integer(1, 20))
		case "first_token":
			r.FirstToken = s.duration()
		case "idle":
			r.Idle = s.duration()
		case "total":
			r.Total = s.duration()
		default:
			s.unknown("attempts", "first_token", "idle", "total")
		}
	}
	return r
}

// parseLimits reads what the gateway may be made to hold. Syntax:
//
//	limits {
//	    body   <size>
//	    event  <size>
//	    answer <size>
//	    memory <size>
//	    upload <duration>
//	}
func parseLimits(outer *settings) *LimitsConfig {
	l := new(LimitsConfig)
	s := outer.block("limits")
	for s.next() {
		switch s.name {
		case "body":
			l.Body = s.size(maxHeld)
		case "event":
			l.Event = s.size(maxHeld)
		case "answer":
			l.Answer = s.size(maxHeld)
		case "memory":
			l.Memory = s.size(maxInteger)
		case "upload":
			l.Upload = s.duration()
		default:
			s.unknown("body", "event", "answer", "memory", "upload")
		}
	}
	return l
}

// parseDirective sets up the handler from the directive. Syntax:
//
//	aiproxy [<matcher>] {
//	    ping <duration>|off
//	    ping before_content
//	    hide_channel
//	    cors <origin>...
//	    plugin <name> {
//	        ...
//	    }
//	}
func parseDirective(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	if err := bracesOnOwnLines(h.Dispenser); err != nil {
		return nil, err
	}
	h.Next() // consume directive name
	handler := new(Handler)
	if err := handler.unmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	return handler, nil
}

func (h *Handler) unmarshalCaddyfile(d *caddyfile.Dispenser) error {
	s := newSettings(d, "the directive aiproxy")
	s.header(0, "at most a matcher and a block")
	for s.next() {
		switch s.name {
		case "ping":
			h.parsePing(s)
		case "hide_channel":
			h.HideChannel = s.flag()
		case "cors":
			h.CORS = s.list("one or more origins such as https://app.example.com, or *", isOrigin)
		case "plugin":
			h.PluginsRaw = append(h.PluginsRaw, s.unbuiltPlugin())
		default:
			s.unknown("ping", "hide_channel", "cors", "plugin")
		}
	}
	return s.err
}

// parsePing reads the two settings that begin with `ping`.
func (h *Handler) parsePing(s *settings) {
	const expected = "off, before_content or a duration of more than 0 and at most 365d"
	value := s.arg(expected)
	switch {
	case s.err != nil:
	case value == "before_content":
		s.onceAs("ping before_content")
		h.PingBeforeContent = true
	case value == "off":
		s.onceAs("ping")
		h.Ping = -1
	default:
		s.onceAs("ping")
		h.Ping = s.parseDuration(expected, value)
	}
	if h.PingBeforeContent && h.Ping < 0 {
		s.failf("ping off and ping before_content exclude each other")
	}
}

// unbuiltPlugin keeps a plugin's name, for the load to refuse it: plugins are
// not built yet, and what their blocks hold is theirs to read.
func (s *settings) unbuiltPlugin() json.RawMessage {
	if !s.NextArg() {
		s.expected("the name of a plugin", "no argument")
		return nil
	}
	name := s.Val()
	s.NextSegment()
	return caddyconfig.JSON(map[string]string{"plugin": name}, nil)
}
