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
	// ErrTooMany: the answer would be longer than its limit.
	ErrTooMany = errors.New("too many rows")
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

// Reader reads single rows and pages of rows, as the admin API shows them.
// Reading one that is not there is ErrNotFound. A list is in the order of the
// rows' names (tokens: of their IDs), begins after the row named `after`
// (empty: with the first) and holds at most limit rows. Lists of strings come
// back empty where they were put as nil.
type Reader interface {
	// Load reads all that a gateway keeps in memory.
	Load(ctx context.Context) (*Contents, error)

	Group(ctx context.Context, name string) (Group, error)
	Groups(ctx context.Context, after string, limit int) ([]Group, error)
	Token(ctx context.Context, id string) (Token, error)
	// Tokens lists the tokens of one group, or those of all for an empty name.
	Tokens(ctx context.Context, group, after string, limit int) ([]Token, error)
	Channel(ctx context.Context, name string) (Channel, error)
	Channels(ctx context.Context, after string, limit int) ([]Channel, error)
	Model(ctx context.Context, name string) (Model, error)
	Models(ctx context.Context, after string, limit int) ([]Model, error)

	// Meta returns the single value that SetMeta has put under the key.
	Meta(ctx context.Context, key string) (string, error)
	// Changes lists audit rows, newest first, those before id `before` (0: the
	// newest), at most limit.
	Changes(ctx context.Context, before int64, limit int) ([]Change, error)
}

// Store keeps the runtime data. Each change and its audit row are written in
// one transaction; a change without a time gets the present one. In a Put,
// revision 0 makes a new row (ErrExists where there is one), any other is the
// revision that is replaced (ErrConflict where it is not the present one,
// ErrNotFound where there is no row); the row comes back with its new revision
// and times. Delete takes a revision likewise, and 0 deletes whatever is there
// (ErrNotFound where nothing is).
//
// Revisions are positive and grow with each change to any row, so that none is
// ever used again for a row of the same name. Times are kept in UTC to the
// microsecond. All methods may be called at the same time, and all but Close
// fail once the store is closed.
type Store interface {
	Reader

	PutGroup(ctx context.Context, g Group, revision int64, c Change) (Group, error)
	// DeleteGroup deletes the group's tokens too.
	DeleteGroup(ctx context.Context, name string, revision int64, c Change) error
	// PutToken makes or changes a token. Hashes are unique, and so are names
	// within a group (ErrExists). A zero Hash leaves the present one and is an
	// error in a new row; LastUsedAt is left to Touch. Whether the group exists
	// is not looked at, since it may be declared in the config.
	PutToken(ctx context.Context, t Token, revision int64, c Change) (Token, error)
	DeleteToken(ctx context.Context, id string, revision int64, c Change) error
	PutChannel(ctx context.Context, ch Channel, revision int64, c Change) (Channel, error)
	DeleteChannel(ctx context.Context, name string, revision int64, c Change) error
	PutModel(ctx context.Context, m Model, revision int64, c Change) (Model, error)
	DeleteModel(ctx context.Context, name string, revision int64, c Change) error

	// Bootstrap makes the group and its token in one transaction if the store
	// has no group yet, and says whether it did.
	Bootstrap(ctx context.Context, g Group, t Token, c Change) (bool, error)
	// Touch records when tokens were last used. A time before the one that is
	// there and a token that is gone are passed over; no revision changes.
	Touch(ctx context.Context, used map[string]time.Time) error
	// SetMeta keeps a single value, such as the check value of the gateway's
	// secret. It sets it only where the key is absent, and returns the value
	// that is there afterwards.
	SetMeta(ctx context.Context, key, value string) (string, error)

	// Close waits for the calls in flight, writes everything to its place and
	// lets go of the database. Closing twice does nothing.
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
