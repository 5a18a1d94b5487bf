package tenancy

import (
	"iter"
	"sync/atomic"
)

const (
	shardBits = 6
	// minSlots is the least size of a shard that holds anything.
	minSlots = 8
)

// gone takes the place of a removed token, so that a search goes on behind it.
var gone = new(Token)

// index finds tokens by a key that they hold themselves. It is read without a
// lock while one writer at a time changes it. A map with a key and two
// interfaces for each token would take several times the memory: here it is a
// pointer in an open-addressed table, about 15 bytes. A full shard grows by
// itself, so that adding a token never copies more than one shard's pointers.
type index[K comparable] struct {
	key    func(*Token) K
	hash   func(K) uint64 // must be even in all bits
	shards [1 << shardBits]shard
}

// shard is one table. Its length is a power of two, and it is never full.
type shard struct {
	slots      atomic.Pointer[[]atomic.Pointer[Token]]
	live, used int // for the writer: tokens; tokens and those gone
}

func newIndex[K comparable](key func(*Token) K, hash func(K) uint64) *index[K] {
	return &index[K]{key: key, hash: hash}
}

// find returns the place of the token with that key, or the free one where it
// would go. Only a shard without slots has none.
func (x *index[K]) find(slots *[]atomic.Pointer[Token], h uint64, key K) (at *atomic.Pointer[Token], token *Token) {
	if slots == nil {
		return nil, nil
	}
	mask := uint64(len(*slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		at = &(*slots)[i]
		token = at.Load()
		if token == nil || token != gone && x.key(token) == key {
			return at, token
		}
	}
}

func (x *index[K]) shard(h uint64) *shard { return &x.shards[h>>(64-shardBits)] }

// get returns the token with that key, or nil.
func (x *index[K]) get(key K) *Token {
	h := x.hash(key)
	_, token := x.find(x.shard(h).slots.Load(), h, key)
	return token
}

// set puts a token in the place of the one with the same key, or adds it.
func (x *index[K]) set(token *Token) {
	key := x.key(token)
	h := x.hash(key)
	s := x.shard(h)
	slots := s.slots.Load()
	at, old := x.find(slots, h, key)
	if old == nil {
		if slots == nil || (s.used+1)*4 > len(*slots)*3 {
			x.rebuild(s)
			at, _ = x.find(s.slots.Load(), h, key)
		}
		s.live++
		s.used++
	}
	at.Store(token)
}

// remove takes away the token with that key, if there is one.
func (x *index[K]) remove(key K) {
	h := x.hash(key)
	s := x.shard(h)
	if at, token := x.find(s.slots.Load(), h, key); token != nil {
		at.Store(gone)
		s.live--
	}
}

// rebuild gives the shard room for one more, and drops those that are gone.
// Readers that are on the old table see it as it was when they began.
func (x *index[K]) rebuild(s *shard) {
	n := minSlots
	for (s.live+1)*3 > n*2 {
		n *= 2
	}
	slots := make([]atomic.Pointer[Token], n)
	for token := range s.all() {
		key := x.key(token)
		at, _ := x.find(&slots, x.hash(key), key)
		at.Store(token)
	}
	s.used = s.live
	s.slots.Store(&slots)
}

func (s *shard) all() iter.Seq[*Token] {
	return func(yield func(*Token) bool) {
		slots := s.slots.Load()
		if slots == nil {
			return
		}
		for i := range *slots {
			if token := (*slots)[i].Load(); token != nil && token != gone && !yield(token) {
				return
			}
		}
	}
}

// all yields the tokens in no order. One that is set or removed meanwhile may
// be missed or yielded.
func (x *index[K]) all() iter.Seq[*Token] {
	return func(yield func(*Token) bool) {
		for i := range x.shards {
			for token := range x.shards[i].all() {
				if !yield(token) {
					return
				}
			}
		}
	}
}

// len returns how many tokens there are; for the writer.
func (x *index[K]) len() (n int) {
	for i := range x.shards {
		n += x.shards[i].live
	}
	return n
}
