package sqlite

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

var groups = &table[store.Group]{
	kind:    "group",
	name:    "tenants",
	columns: []string{"name", "status", "sets"},
	values: func(g store.Group) []any {
		return []any{g.Name, g.Status, listText(g.Sets)}
	},
	scan: func(scan func(...any) error) (g store.Group, err error) {
		err = scan(&g.Name, &g.Status, (*listOf)(&g.Sets),
			&g.Revision, (*moment)(&g.CreatedAt), (*moment)(&g.UpdatedAt))
		return g, err
	},
}

var tokens = &table[store.Token]{
	kind:    "token",
	name:    "tokens",
	columns: []string{"id", "tenant", "name", "status", "models", "subnets", "expires_at", "hash"},
	kept:    "hash",
	more:    []string{"last_used_at"},
	values: func(t store.Token) []any {
		var hash []byte // NULL where it is zero
		if t.Hash != [32]byte{} {
			hash = t.Hash[:]
		}
		var expires sql.NullInt64
		if t.ExpiresAt != nil {
			expires = sql.NullInt64{Int64: micros(*t.ExpiresAt), Valid: true}
		}
		return []any{t.ID, t.Group, t.Name, t.Status, listText(t.Models), listText(t.Subnets), expires, hash}
	},
	scan: func(scan func(...any) error) (t store.Token, err error) {
		var hash []byte
		var expires, used sql.NullInt64
		err = scan(&t.ID, &t.Group, &t.Name, &t.Status, (*listOf)(&t.Models), (*listOf)(&t.Subnets), &expires, &hash,
			&used, &t.Revision, (*moment)(&t.CreatedAt), (*moment)(&t.UpdatedAt))
		copy(t.Hash[:], hash)
		t.ExpiresAt, t.LastUsedAt = timeOrNil(expires), timeOrNil(used)
		return t, err
	},
}

var channels = &table[store.Channel]{
	kind:    "channel",
	name:    "channels",
	columns: []string{"name", "config", "keys"},
	values: func(c store.Channel) []any {
		return []any{c.Name, jsonText(c.Config), c.Keys}
	},
	scan: func(scan func(...any) error) (c store.Channel, err error) {
		err = scan(&c.Name, (*[]byte)(&c.Config), &c.Keys,
			&c.Revision, (*moment)(&c.CreatedAt), (*moment)(&c.UpdatedAt))
		return c, err
	},
}

var models = &table[store.Model]{
	kind:    "model",
	name:    "models",
	columns: []string{"name", "config"},
	values: func(m store.Model) []any {
		return []any{m.Name, jsonText(m.Config)}
	},
	scan: func(scan func(...any) error) (m store.Model, err error) {
		err = scan(&m.Name, (*[]byte)(&m.Config),
			&m.Revision, (*moment)(&m.CreatedAt), (*moment)(&m.UpdatedAt))
		return m, err
	},
}

// micros is how times lie in the database.
func micros(t time.Time) int64 { return t.UnixMicro() }

// moment reads a time.
type moment time.Time

// Scan implements sql.Scanner.
func (m *moment) Scan(v any) error {
	var n sql.NullInt64
	if err := n.Scan(v); err != nil {
		return err
	}
	*m = moment(time.UnixMicro(n.Int64).UTC())
	return nil
}

func timeOrNil(n sql.NullInt64) *time.Time {
	if !n.Valid {
		return nil
	}
	t := time.UnixMicro(n.Int64).UTC()
	return &t
}

// listText writes a list of strings; a nil one as an empty one.
func listText(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(list) // strings always marshal
	return string(text)
}

// listOf reads a list of strings.
type listOf []string

// Scan implements sql.Scanner.
func (l *listOf) Scan(v any) error {
	var text sql.NullString
	if err := text.Scan(v); err != nil {
		return err
	}
	return json.Unmarshal([]byte(text.String), (*[]string)(l))
}

// jsonText writes a JSON value; an absent one as null.
func jsonText(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "null"
	}
	return string(raw)
}

// jsonOrNull writes a JSON value; an absent one as SQL's NULL.
func jsonOrNull(raw json.RawMessage) sql.NullString {
	return sql.NullString{String: string(raw), Valid: len(raw) > 0}
}
