package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// touchBatch is the most tokens that Touch records in one transaction, so that
// a change never waits long behind it.
const touchBatch = 1000

// errFull ends a Bootstrap that finds a group.
var errFull = errors.New("there is a group already")

// Load reads all rows as they were at one moment.
func (db *database) Load(ctx context.Context) (*store.Contents, error) {
	leave, err := db.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	tx, err := db.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, translate(ctx, err)
	}
	defer tx.Rollback() //nolint:errcheck // it has written nothing

	var all store.Contents
	if all.Groups, err = list(ctx, tx, groups, "ORDER BY name"); err != nil {
		return nil, err
	}
	if all.Tokens, err = list(ctx, tx, tokens, "ORDER BY id"); err != nil {
		return nil, err
	}
	if all.Channels, err = list(ctx, tx, channels, "ORDER BY name"); err != nil {
		return nil, err
	}
	if all.Models, err = list(ctx, tx, models, "ORDER BY name"); err != nil {
		return nil, err
	}
	return &all, nil
}

// byName is the condition of a page of rows that are listed by their name.
const byName = "WHERE name > ? ORDER BY name LIMIT ?"

func (db *database) Group(ctx context.Context, name string) (store.Group, error) {
	return get(ctx, db, groups, name)
}

func (db *database) Groups(ctx context.Context, after string, limit int) ([]store.Group, error) {
	return page(ctx, db, groups, byName, limit, after)
}

func (db *database) PutGroup(ctx context.Context, g store.Group, revision int64, c store.Change) (store.Group, error) {
	return put(ctx, db, groups, g, revision, c)
}

func (db *database) DeleteGroup(ctx context.Context, name string, revision int64, c store.Change) error {
	return remove(ctx, db, groups, name, revision, c, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE tenant = ?", name)
		return err
	})
}

func (db *database) Token(ctx context.Context, id string) (store.Token, error) {
	return get(ctx, db, tokens, id)
}

func (db *database) Tokens(ctx context.Context, group, after string, limit int) ([]store.Token, error) {
	if group == "" {
		return page(ctx, db, tokens, "WHERE id > ? ORDER BY id LIMIT ?", limit, after)
	}
	return page(ctx, db, tokens, "WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?", limit, group, after)
}

func (db *database) PutToken(ctx context.Context, t store.Token, revision int64, c store.Change) (store.Token, error) {
	return put(ctx, db, tokens, t, revision, c)
}

func (db *database) DeleteToken(ctx context.Context, id string, revision int64, c store.Change) error {
	return remove(ctx, db, tokens, id, revision, c)
}

func (db *database) Channel(ctx context.Context, name string) (store.Channel, error) {
	return get(ctx, db, channels, name)
}

func (db *database) Channels(ctx context.Context, after string, limit int) ([]store.Channel, error) {
	return page(ctx, db, channels, byName, limit, after)
}

func (db *database) PutChannel(ctx context.Context, ch store.Channel, revision int64, c store.Change) (store.Channel, error) {
	return put(ctx, db, channels, ch, revision, c)
}

func (db *database) DeleteChannel(ctx context.Context, name string, revision int64, c store.Change) error {
	return remove(ctx, db, channels, name, revision, c)
}

func (db *database) Model(ctx context.Context, name string) (store.Model, error) {
	return get(ctx, db, models, name)
}

func (db *database) Models(ctx context.Context, after string, limit int) ([]store.Model, error) {
	return page(ctx, db, models, byName, limit, after)
}

func (db *database) PutModel(ctx context.Context, m store.Model, revision int64, c store.Change) (store.Model, error) {
	return put(ctx, db, models, m, revision, c)
}

func (db *database) DeleteModel(ctx context.Context, name string, revision int64, c store.Change) error {
	return remove(ctx, db, models, name, revision, c)
}

// Bootstrap makes the first group and its token.
func (db *database) Bootstrap(ctx context.Context, g store.Group, t store.Token, c store.Change) (bool, error) {
	err := db.change(ctx, c, func(tx *sql.Tx, c store.Change) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM tenants").Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return errFull
		}
		if _, err := insertRow(ctx, tx, groups, g, c); err != nil {
			return err
		}
		_, err := insertRow(ctx, tx, tokens, t, c)
		return err
	})
	switch {
	case errors.Is(err, errFull):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("making the first group %q: %w", g.Name, err)
	}
	return true, nil
}

// Touch records when tokens were last used, in batches.
func (db *database) Touch(ctx context.Context, used map[string]time.Time) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(used)), touchBatch) {
		if err := db.touch(ctx, ids, used); err != nil {
			return fmt.Errorf("recording when tokens were used: %w", translate(ctx, err))
		}
	}
	return nil
}

func (db *database) touch(ctx context.Context, ids []string, used map[string]time.Time) error {
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	statement, err := tx.PrepareContext(ctx,
		"UPDATE tokens SET last_used_at = ?1 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)")
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, id := range ids {
		if _, err := statement.ExecContext(ctx, micros(used[id]), id); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Meta returns a single value.
func (db *database) Meta(ctx context.Context, key string) (string, error) {
	leave, err := db.enter()
	if err != nil {
		return "", err
	}
	defer leave()
	var value string
	err = db.reader.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("value %q: %w", key, store.ErrNotFound)
	}
	return value, translate(ctx, err)
}

// SetMeta sets a single value where there is none, and returns what is there.
func (db *database) SetMeta(ctx context.Context, key, value string) (string, error) {
	leave, err := db.enter()
	if err != nil {
		return "", err
	}
	defer leave()
	// An update to what is there makes RETURNING return it.
	err = db.writer.QueryRowContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?)
		ON CONFLICT (key) DO UPDATE SET value = value RETURNING value`, key, value).Scan(&value)
	return value, translate(ctx, err)
}

// Interface guard
var _ store.Store = (*database)(nil)
