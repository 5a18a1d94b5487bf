package tenancy

import (
	"encoding/binary"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// Directory holds the groups and tokens of the store in memory: reading takes
// no lock, and a change holds for every request that begins after it returns.
//
// Of two changes of one row the one with the higher revision stays, in
// whatever order they come. A removal has no revision: callers make a change
// in the store and apply it here under one lock of their own, or a change that
// comes late would bring back what was removed.
type Directory struct {
	hasher *Hasher

	changing sync.Mutex
	contents atomic.Pointer[contents]
}

// contents is replaced as a whole by Load and changed in place by all else.
type contents struct {
	byHash  *index[[32]byte]
	byID    *index[string]
	tenants sync.Map // of *tenant by the group's name
	// For the writer: the groups' revisions, and the limits that tokens share.
	groups map[string]int64
	limits map[string]*limits
}

// maxShared is the most different limits that are kept for sharing. Beyond it
// the collection begins anew.
const maxShared = 1024

var idSeed = maphash.MakeSeed()

func newContents() *contents {
	return &contents{
		// The hashes are an HMAC's, so any bits of them are even.
		byHash: newIndex(func(t *Token) [32]byte { return t.hash },
			func(hash [32]byte) uint64 { return binary.LittleEndian.Uint64(hash[:]) }),
		byID: newIndex(func(t *Token) string { return t.ID },
			func(id string) uint64 { return maphash.String(idSeed, id) }),
		groups: make(map[string]int64),
		limits: make(map[string]*limits),
	}
}

// NewDirectory returns an empty directory for tokens hashed by the hasher.
func NewDirectory(h *Hasher) *Directory {
	d := &Directory{hasher: h}
	d.contents.Store(newContents())
	return d
}

// Load replaces all groups and tokens by those of the store. Requests see all
// of the old ones or all of the new ones.
func (d *Directory) Load(all *store.Contents) {
	d.changing.Lock()
	defer d.changing.Unlock()
	next, last := newContents(), d.contents.Load()
	for _, g := range all.Groups {
		next.setGroup(g)
	}
	for _, t := range all.Tokens {
		next.setToken(t, last.byID.get(t.ID))
	}
	d.contents.Store(next)
}

// SetGroup makes or changes a group.
func (d *Directory) SetGroup(g store.Group) {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.contents.Load().setGroup(g)
}

func (c *contents) setGroup(g store.Group) {
	if g.Revision < c.groups[g.Name] {
		return
	}
	c.groups[g.Name] = g.Revision
	c.tenant(g.Name).group.Store(newGroup(g, FromStore))
}

// RemoveGroup removes a group and its tokens, as the store does. It looks at
// every token.
func (d *Directory) RemoveGroup(name string) {
	d.changing.Lock()
	defer d.changing.Unlock()
	c := d.contents.Load()
	place, ok := c.tenants.LoadAndDelete(name)
	if !ok {
		return
	}
	delete(c.groups, name)
	// Tokens that a request holds already do not come back with a new group of
	// that name: that one has another place.
	place.(*tenant).group.Store(nil)
	for token := range c.byID.all() {
		if token.tenant == place {
			c.remove(token)
		}
	}
}

// SetToken makes or changes a token.
func (d *Directory) SetToken(t store.Token) {
	d.changing.Lock()
	defer d.changing.Unlock()
	c := d.contents.Load()
	c.setToken(t, c.byID.get(t.ID))
}

// setToken takes what is not in the row over from the token's last state.
func (c *contents) setToken(t store.Token, last *Token) {
	old := c.byID.get(t.ID)
	if old != nil && t.Revision < old.revision {
		return
	}
	token := newToken(t, c.tenant(t.Group), c.share(t), FromStore)
	if last != nil {
		token.used.Store(last.used.Load())
	}
	c.byHash.set(token)
	c.byID.set(token)
	if old != nil && c.byHash.get(old.hash) == old { // its key has changed
		c.byHash.remove(old.hash)
	}
}

// share returns the limits of a token, those of another one where they are the
// same: tokens made in numbers differ in little else than their keys.
func (c *contents) share(t store.Token) *limits {
	if len(t.Models)+len(t.Subnets) == 0 {
		return nil
	}
	// Neither names nor subnets hold these bytes.
	key := strings.Join(t.Models, "\x00") + "\x01" + strings.Join(t.Subnets, "\x00")
	l, ok := c.limits[key]
	if !ok {
		if len(c.limits) >= maxShared {
			clear(c.limits)
		}
		l = newLimits(t)
		c.limits[key] = l
	}
	return l
}

// RemoveToken removes a token.
func (d *Directory) RemoveToken(id string) {
	d.changing.Lock()
	defer d.changing.Unlock()
	c := d.contents.Load()
	if token := c.byID.get(id); token != nil {
		c.remove(token)
	}
}

func (c *contents) remove(token *Token) {
	if c.byHash.get(token.hash) == token {
		c.byHash.remove(token.hash)
	}
	c.byID.remove(token.ID)
}

// tenant returns the place of a group, made where there is none.
func (c *contents) tenant(name string) *tenant {
	place, ok := c.tenants.Load(name)
	if !ok {
		place, _ = c.tenants.LoadOrStore(name, &tenant{name: name})
	}
	return place.(*tenant)
}

// Group returns the stored group of that name, or nil.
func (d *Directory) Group(name string) *Group {
	place, ok := d.contents.Load().tenants.Load(name)
	if !ok {
		return nil
	}
	return place.(*tenant).group.Load()
}

// Token returns the stored token of that ID, or nil.
func (d *Directory) Token(id string) *Token {
	return d.contents.Load().byID.get(id)
}

// Len returns how many groups and tokens there are.
func (d *Directory) Len() (groups, tokens int) {
	d.changing.Lock()
	defer d.changing.Unlock()
	c := d.contents.Load()
	return len(c.groups), c.byID.len()
}

// Drain returns when the stored tokens used since the last Drain were last
// used, by their IDs and to the second, for store.Touch. It looks at every
// token.
func (d *Directory) Drain() map[string]time.Time {
	used := make(map[string]time.Time)
	for token := range d.contents.Load().byID.all() {
		if token.used.Load() == 0 {
			continue
		}
		if second := token.used.Swap(0); second != 0 {
			used[token.ID] = time.Unix(int64(second), 0).UTC()
		}
	}
	return used
}
