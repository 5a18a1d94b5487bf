package aiproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
)

// state is what outlives a config: the open store, what of it is kept in
// memory, and what was learnt of upstreams. Configs and requests that name the
// same database share one.
type state struct {
	identity  string
	store     store.Store
	hasher    *tenancy.Hasher
	sealer    *tenancy.Sealer
	directory *tenancy.Directory
	health    *routing.Health
	logger    *zap.Logger

	// changing keeps one change of the store and of what mirrors it at a time.
	changing sync.Mutex

	mu     sync.Mutex
	guests map[string]*storedChannel
	models map[string]routing.Model
	apps   map[*App]struct{}

	stop    chan struct{}
	stopped sync.WaitGroup
}

// touchEvery is how often the tokens' last use is written down.
const touchEvery = 30 * time.Second

// openState opens the store and reads it into memory.
func openState(ctx context.Context, driver store.Driver, identity string, secret []byte, logger *zap.Logger) (*state, error) {
	db, err := driver.Open(ctx)
	if err != nil {
		return nil, err
	}
	hasher, hasherErr := tenancy.NewHasher(secret)
	sealer, sealerErr := tenancy.NewSealer(secret)
	if err := errors.Join(hasherErr, sealerErr); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &state{
		identity:  identity,
		store:     db,
		hasher:    hasher,
		sealer:    sealer,
		directory: tenancy.NewDirectory(hasher),
		health:    routing.NewHealth(),
		logger:    logger,
		guests:    make(map[string]*storedChannel),
		models:    make(map[string]routing.Model),
		apps:      make(map[*App]struct{}),
		stop:      make(chan struct{}),
	}
	if err := s.load(ctx, secret); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.stopped.Add(1)
	go s.touch()
	return s, nil
}

// load reads the store. A channel that cannot be loaded is left out and
// reported: the others are served.
func (s *state) load(ctx context.Context, secret []byte) error {
	if err := tenancy.VerifySecret(ctx, secret, s.store); err != nil {
		return err
	}
	contents, err := s.store.Load(ctx)
	if err != nil {
		return err
	}
	s.directory.Load(contents)
	for _, row := range contents.Models {
		if err := s.setModel(row); err != nil {
			s.logger.Error("model of the store is left out", zap.String("model", row.Name), zap.Error(err))
		}
	}
	for _, row := range contents.Channels {
		if err := s.setChannel(row); err != nil {
			s.logger.Error("channel of the store is left out", zap.String("channel", row.Name), zap.Error(err))
		}
	}
	return nil
}

// setModel takes a model's row into memory.
func (s *state) setModel(row store.Model) error {
	cfg := new(ModelConfig)
	if err := json.Unmarshal(row.Config, cfg); err != nil {
		return err
	}
	m, err := cfg.model(row.Name, sourceStore)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models[row.Name] = m
	return nil
}

// setChannel loads a channel's row in the place of the one of that name.
func (s *state) setChannel(row store.Channel) error {
	keys, err := s.unsealKeys(row)
	if err != nil {
		return err
	}
	g, err := loadStored(row.Name, row.Config, keys)
	if err != nil {
		return err
	}
	s.health.Recall(g.channel)
	s.swapStored(row.Name, g)
	return nil
}

// swapStored puts g (nil: nothing) in the place of the channel of that name.
func (s *state) swapStored(name string, g *storedChannel) {
	s.mu.Lock()
	old := s.guests[name]
	if g != nil {
		s.guests[name] = g
	} else {
		delete(s.guests, name)
	}
	s.mu.Unlock()
	if old != nil {
		old.leave()
	}
}

// unsealKeys opens the provider's keys of a channel.
func (s *state) unsealKeys(row store.Channel) ([]string, error) {
	if len(row.Keys) == 0 {
		return nil, nil
	}
	plain, err := s.sealer.Open(row.Name, row.Keys)
	if err != nil {
		return nil, fmt.Errorf("opening the sealed keys: %w", err)
	}
	var keys []string
	if err := json.Unmarshal(plain, &keys); err != nil {
		return nil, errors.New("the sealed keys are damaged")
	}
	return keys, nil
}

// sealKeys is the reverse of unsealKeys.
func (s *state) sealKeys(channel string, keys []string) ([]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	plain, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	return s.sealer.Seal(channel, plain), nil
}

// entities returns the models and the channels of the store. The caller holds
// each guest once.
func (s *state) entities() ([]routing.Model, []*storedChannel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	models := slices.Collect(maps.Values(s.models))
	guests := slices.Collect(maps.Values(s.guests))
	for _, g := range guests {
		g.hold()
	}
	return models, guests
}

// attach and detach say whose catalogues follow the state.
func (s *state) attach(a *App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[a] = struct{}{}
}

func (s *state) detach(a *App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.apps, a)
}

// changed gives every app a new catalogue.
func (s *state) changed() {
	s.mu.Lock()
	apps := slices.Collect(maps.Keys(s.apps))
	s.mu.Unlock()
	for _, a := range apps {
		a.republish(s)
	}
}

// touch writes down, now and then, when tokens were last used.
func (s *state) touch() {
	defer s.stopped.Done()
	ticker := time.NewTicker(touchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			s.touchOnce()
			return
		case <-ticker.C:
			s.touchOnce()
		}
	}
}

func (s *state) touchOnce() {
	used := s.directory.Drain()
	if len(used) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.store.Touch(ctx, used); err != nil {
		s.logger.Warn("writing down when tokens were last used", zap.Error(err))
	}
}

// close ends what the state runs and closes the store. The pool calls it when
// nobody holds the state any more.
func (s *state) close() error {
	close(s.stop)
	s.stopped.Wait()
	for name := range s.guests {
		s.swapStored(name, nil)
	}
	defaultTransport.CloseIdleConnections()
	return s.store.Close()
}
