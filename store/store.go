// Package store holds, as interfaces, what the rooms keep. Drivers are guests
// `aiproxy.stores.*` in folders of their own. There are no business rules here.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// The errors of a Store.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrExists: a row of that name is there already.
	ErrExists = errors.New("already exists")
	// ErrConflict: the row's revision is not the one that the change expects.
	ErrConflict = errors.New("changed in the meantime")
	// ErrNewer: the database was written by a newer version of the program.
	ErrNewer = errors.New("the database is newer than this program")
)

// Group is a tenant.
type Group struct {
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	Sets      []string  `json:"sets"`
	Revision  int64     `json:"-"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Token is an API key of a group. The key itself is never kept.
type Token struct {
	ID         string     `json:"id"`
	Group      string     `json:"group"`
	Name       string     `json:"name"`
	Status     string     `json:"status"`
	Models     []string   `json:"models"`
	Subnets    []string   `json:"subnets"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	// Hash is the HMAC-SHA-256 of the key under the gateway's secret.
	Hash      [32]byte  `json:"-"`
	Revision  int64     `json:"-"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Channel is one upstream account that was made at run time. Config is the
// channel's JSON config without its keys; Keys are sealed.
type Channel struct {
	Name      string          `json:"name"`
	Config    json.RawMessage `json:"config"`
	Keys      []byte          `json:"-"`
	Revision  int64           `json:"-"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

// Model is a model that was described at run time; Config is its JSON config.
type Model struct {
	Name      string          `json:"name"`
	Config    json.RawMessage `json:"config"`
	Revision  int64           `json:"-"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

// Change is an audit row: who changed what, and how it was before and after.
// Before and After hold no secret.
type Change struct {
	ID     int64           `json:"id"`
	Time   time.Time       `json:"time"`
	Actor  string          `json:"actor"`
	Action string          `json:"action"`
	Kind   string          `json:"kind"`
	Name   string          `json:"name"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Contents is all that a gateway keeps in memory, read in one transaction.
type Contents struct {
	Groups   []Group
	Tokens   []Token
	Channels []Channel
	Models   []Model
}

// Store keeps the runtime data. Each change and its audit row are written in
// one transaction. In a Put, revision 0 makes a new row (ErrExists where there
// is one), any other is the revision that is replaced (ErrConflict where it is
// not the present one, ErrNotFound where there is no row); the row comes back
// with its new revision and times. Delete takes a revision likewise, and 0
// deletes whatever is there.
type Store interface {
	Load(ctx context.Context) (*Contents, error)

	PutGroup(ctx context.Context, g Group, revision int64, c Change) (Group, error)
	// DeleteGroup deletes its tokens too.
	DeleteGroup(ctx context.Context, name string, revision int64, c Change) error
	PutToken(ctx context.Context, t Token, revision int64, c Change) (Token, error)
	DeleteToken(ctx context.Context, id string, revision int64, c Change) error
	PutChannel(ctx context.Context, ch Channel, revision int64, c Change) (Channel, error)
	DeleteChannel(ctx context.Context, name string, revision int64, c Change) error
	PutModel(ctx context.Context, m Model, revision int64, c Change) (Model, error)
	DeleteModel(ctx context.Context, name string, revision int64, c Change) error

	// Bootstrap makes the group and its token in one transaction if the store
	// has no group yet, and says whether it did.
	Bootstrap(ctx context.Context, g Group, t Token, c Change) (bool, error)
	// Touch records when tokens were last used.
	Touch(ctx context.Context, used map[string]time.Time) error
	// Meta and SetMeta keep single values, such as the check value of the
	// gateway's secret. SetMeta sets it only where the key is absent, and
	// returns the value that is there afterwards.
	Meta(ctx context.Context, key string) (string, error)
	SetMeta(ctx context.Context, key, value string) (string, error)

	// Changes lists audit rows, newest first, those before id `before` (0: the
	// newest), at most limit.
	Changes(ctx context.Context, before int64, limit int) ([]Change, error)

	Close() error
}

// Driver is the module that opens a store (`aiproxy.stores.*`). Provisioning
// it touches neither file nor network.
type Driver interface {
	// Identity names the database, the same for every spelling of its address:
	// two configurations with one identity share one open store.
	Identity() (string, error)
	// Open opens the database and brings it up to date.
	Open(ctx context.Context) (Store, error)
}
