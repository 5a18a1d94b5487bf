package aiproxy

import (
	"context"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// The changes of the store, each with what mirrors it in memory: a change holds
// for every request that begins after it returns, but for channels and models,
// which need changed() as well. The caller holds s.changing.

// configError is an error of what a channel's or model's config says.
type configError struct{ error }

// Unwrap returns the error.
func (e *configError) Unwrap() error { return e.error }

func (s *state) putGroup(ctx context.Context, row store.Group, revision int64, c store.Change) (store.Group, error) {
	row, err := s.store.PutGroup(ctx, row, revision, c)
	if err == nil {
		s.directory.SetGroup(row)
	}
	return row, err
}

// removeGroup removes the group with its tokens.
func (s *state) removeGroup(ctx context.Context, name string, revision int64, c store.Change) error {
	err := s.store.DeleteGroup(ctx, name, revision, c)
	if err == nil {
		s.directory.RemoveGroup(name)
	}
	return err
}

func (s *state) putToken(ctx context.Context, row store.Token, revision int64, c store.Change) (store.Token, error) {
	row, err := s.store.PutToken(ctx, row, revision, c)
	if err == nil {
		s.directory.SetToken(row)
	}
	return row, err
}

func (s *state) removeToken(ctx context.Context, id string, revision int64, c store.Change) error {
	err := s.store.DeleteToken(ctx, id, revision, c)
	if err == nil {
		s.directory.RemoveToken(id)
	}
	return err
}

// putChannel loads the channel before it writes it, so that one that cannot be
// loaded is not kept. The one that it replaces serves until its last request.
func (s *state) putChannel(ctx context.Context, row store.Channel, revision int64, c store.Change) (store.Channel, error) {
	g, err := s.loadRow(row)
	if err != nil {
		return row, &configError{err}
	}
	row, err = s.store.PutChannel(ctx, row, revision, c)
	if err != nil {
		g.leave()
		return row, err
	}
	s.health.Recall(g.channel)
	s.swapStored(row.Name, g)
	return row, nil
}

func (s *state) removeChannel(ctx context.Context, name string, revision int64, c store.Change) error {
	err := s.store.DeleteChannel(ctx, name, revision, c)
	if err == nil {
		s.swapStored(name, nil)
	}
	return err
}

// loadRow loads a channel's row. The caller is its first holder.
func (s *state) loadRow(row store.Channel) (*storedChannel, error) {
	keys, err := s.unsealKeys(row)
	if err != nil {
		return nil, err
	}
	return loadStored(row.Name, row.Config, keys)
}

func (s *state) putModel(ctx context.Context, row store.Model, revision int64, c store.Change) (store.Model, error) {
	row, err := s.store.PutModel(ctx, row, revision, c)
	if err != nil {
		return row, err
	}
	return row, s.setModel(row)
}

func (s *state) removeModel(ctx context.Context, name string, revision int64, c store.Change) error {
	err := s.store.DeleteModel(ctx, name, revision, c)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.models, name)
	}
	return err
}

// hasModel says whether the store describes the model.
func (s *state) hasModel(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.models[name]
	return ok
}

// channelState says why the stored channel of that name is not used; empty:
// it is. false: it is not loaded.
func (s *state) channelState(name string) (inactive string, loaded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.guests[name]
	if !ok {
		return "", false
	}
	return g.channel.Inactive, true
}
