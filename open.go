package aiproxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-aiproxy/aiproxy/relay"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
	"github.com/caddyserver/caddy/v2"
)

// errClosed is met by requests that come after the last config is gone.
var errClosed = errors.New("the gateway is closed")

// enter returns the view that a request works with; it is to be left once.
func (a *App) enter() (*view, error) {
	for {
		if v := a.current.Load(); v != nil {
			if v.hold() {
				return v, nil
			}
			continue // a newer view is there, or the config is being closed
		}
		if err := a.open(); err != nil {
			return a.successor(err)
		}
	}
}

// successor serves a request that met a config which does not serve: one that
// was cleaned up while its connection lived on, or a new one that cannot be
// started but whose server has already taken the request off the listener that
// it shares with the old one. The active config serves it, if there is one.
func (a *App) successor(err error) (*view, error) {
	active, notActive := caddy.ActiveContext().AppIfConfigured("aiproxy")
	if notActive != nil || active == a {
		return nil, err
	}
	return active.(*App).enter()
}

// open opens the state and publishes the first view. Caddy starts apps in any
// order, so that a request may come here before Start; the second call has
// nothing to do.
func (a *App) open() error {
	a.opening.Lock()
	defer a.opening.Unlock()
	if a.closing {
		return errClosed
	}
	if a.opened {
		return a.openErr
	}
	a.opened = true
	a.openErr = a.openState()
	return a.openErr
}

// join makes the config one of those that use the state.
func (a *App) join(ctx context.Context, s *state, secret []byte) error {
	// A state that an older config has opened has the older one's secret.
	if err := tenancy.VerifySecret(ctx, secret, s.store); err != nil {
		return err
	}
	if err := a.bind(s); err != nil {
		return err
	}
	for _, ch := range a.declared.channels {
		s.health.Recall(ch)
	}
	return nil
}

// openTimeout bounds the opening of the store.
const openTimeout = 30 * time.Second

func (a *App) openState() error {
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	secret := a.secret
	if secret == nil {
		var err error
		if secret, err = storedSecret(ctx, a.ctx.Storage()); err != nil {
			return err
		}
	}
	s, err := states.acquire(a.identity, func() (*state, error) {
		return openState(ctx, a.driver, a.identity, secret, a.logger)
	})
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	if err := a.join(ctx, s, secret); err != nil {
		return errors.Join(err, states.release(a.identity))
	}
	s.attach(a)
	a.publish(s)
	if a.Bootstrap {
		if err := a.bootstrap(ctx, s); err != nil {
			a.logger.Error("bootstrap failed", zap.Error(err))
		}
	}
	return nil
}

// publish makes a new view the current one. It takes over the use of the
// state that the caller has.
func (a *App) publish(s *state) {
	v := &view{
		app:       a,
		state:     s,
		relay:     a.relay,
		bodyLimit: a.Limits.Body,
		upload:    time.Duration(a.Limits.Upload),
	}
	v.holders.Store(1)
	v.catalogue, v.guests = a.catalogue(s)
	if old := a.current.Swap(v); old != nil {
		old.leave()
	}
}

// republish follows a change of the state's channels or models.
func (a *App) republish(s *state) {
	a.opening.Lock()
	defer a.opening.Unlock()
	if a.closing || a.current.Load() == nil {
		return
	}
	// The current view holds the state, so that nothing is opened here.
	if _, err := states.acquire(a.identity, nil); err != nil {
		return
	}
	a.publish(s)
}

// catalogue merges what the config declares with what the store has; the
// config wins.
func (a *App) catalogue(s *state) (*routing.Catalogue, []*storedChannel) {
	channels := slices.Clone(a.declared.channels)
	models := slices.Clone(a.declared.models)
	stored, guests := s.entities()
	for _, m := range stored {
		if _, shadowed := a.Models[m.Name]; !shadowed {
			models = append(models, m)
		}
	}
	var held []*storedChannel
	for _, g := range guests {
		if _, shadowed := a.Channels[g.channel.Name]; shadowed {
			g.leave()
			continue
		}
		held = append(held, g)
		channels = append(channels, g.channel)
	}
	return routing.NewCatalogue(channels, models), held
}

// newRelay makes the relay of a config.
func (a *App) newRelay() *relay.Relay {
	return &relay.Relay{
		Attempts:   a.Retry.Attempts,
		FirstToken: time.Duration(a.Retry.FirstToken),
		Idle:       time.Duration(a.Retry.Idle),
		Total:      time.Duration(a.Retry.Total),
		Event:      a.Limits.Event,
		Answer:     a.Limits.Answer,
		Budget:     relay.NewBudget(a.Limits.Memory),
	}
}

// closed reports an error of a state that was closed with its last use.
func (a *App) closed(err error) {
	if err != nil {
		a.logger.Error("closing the store", zap.Error(err))
	}
}
