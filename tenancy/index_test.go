package tenancy

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestIndex compares an index with a map, with hashes that often collide.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newIndex(func(t *Token) string { return t.ID }, func(id string) uint64 { return uint64(len(id))<<61 | uint64(id[0]%3) })
		model := map[string]*Token{}
		ids := rapid.StringMatching(`[a-h]{1,3}`)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				token := &Token{ID: ids.Draw(t, "id")}
				x.set(token)
				model[token.ID] = token
			},
			"remove": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				x.remove(id)
				delete(model, id)
			},
			"": func(t *rapid.T) {
				if id := ids.Draw(t, "id"); x.get(id) != model[id] {
					t.Fatalf("%q is %v, not %v", id, x.get(id), model[id])
				}
				all := map[string]*Token{}
				for token := range x.all() {
					all[token.ID] = token
				}
				if !maps.Equal(all, model) || x.len() != len(model) {
					t.Fatalf("%d tokens, all are %v, not %v", x.len(), slices.Collect(maps.Keys(all)), slices.Collect(maps.Keys(model)))
				}
			},
		})
	})
}

// TestIndexTurnover sets and removes for long: what is gone takes no room.
func TestIndexTurnover(t *testing.T) {
	c := newContents()
	for range 20_000 {
		token := &Token{ID: NewTokenID()}
		c.byID.set(token)
		c.byID.remove(token.ID)
	}
	slots := 0
	for i := range c.byID.shards {
		if table := c.byID.shards[i].slots.Load(); table != nil {
			slots += len(*table)
		}
	}
	if c.byID.len() != 0 || slots > 64*minSlots {
		t.Errorf("%d tokens left in %d slots", c.byID.len(), slots)
	}
}
