package aiproxy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// kind is one kind of entity: how its rows in the store and its documents in
// the API belong together. What is the same for all kinds is written once, in
// the methods.
type kind[Row, Doc any] struct {
	// word names an entity in errors and audit rows; param is the parameter of
	// the path that holds its key; path makes the entity's own.
	word, param string
	path        func(key string) string
	key         func(*Doc) string

	// declared returns what the config declares; implied, if it is not nil,
	// what is there without an entry of its own.
	declared, implied func(*adminCall) []Doc

	// one and page read rows.
	one      func(r store.Reader, ctx context.Context, key string) (Row, error)
	page     func(c *adminCall, after string, limit int) ([]Row, error)
	revision func(Row) int64
	show     func(c *adminCall, row Row) Doc

	// fill writes the document's fields into a row, which is empty where the
	// entity is made, and says what is wrong with them.
	fill   func(c *adminCall, doc *Doc, row *Row) error
	put    func(s *state, ctx context.Context, row Row, revision int64, change store.Change) (Row, error)
	remove func(s *state, ctx context.Context, key string, revision int64, change store.Change) error
	// catalogue says that a change makes a new catalogue.
	catalogue bool
	// reveal, if it is not nil, shows in the answer what is shown once.
	reveal func(made, answer *Doc)
}

// list answers with a page. Entities are in the order of their keys; of two
// with the same key the stored one comes first.
func (k *kind[Row, Doc]) list(c *adminCall) error {
	limit, err := c.limit()
	if err != nil {
		return err
	}
	source, after, ok := strings.Cut(c.after(), ":")
	if c.after() != "" && (!ok || source != sourceConfig && source != sourceStore) {
		return refuse(http.StatusBadRequest, "after: %.64q is not the `next` of a page", c.after())
	}
	rows, err := k.page(c, after, limit+1)
	if err != nil {
		return err
	}
	var fixed []Doc
	for _, doc := range k.fixed(c) {
		order := cmp.Compare(k.key(&doc), after)
		if c.after() == "" || order > 0 || order == 0 && source == sourceStore {
			fixed = append(fixed, doc)
		}
	}
	list := adminList[Doc]{Items: []Doc{}}
	for len(rows) > 0 || len(fixed) > 0 {
		if len(list.Items) == limit {
			list.Next = source + ":" + k.key(&list.Items[limit-1])
			break
		}
		if len(rows) > 0 {
			doc := k.show(c, rows[0])
			if len(fixed) == 0 || k.key(&doc) <= k.key(&fixed[0]) {
				list.Items, rows, source = append(list.Items, doc), rows[1:], sourceStore
				continue
			}
		}
		list.Items, fixed, source = append(list.Items, fixed[0]), fixed[1:], sourceConfig
	}
	return c.send(http.StatusOK, list)
}

// fixed returns the entities that are not in the store, in the order of their
// keys.
func (k *kind[Row, Doc]) fixed(c *adminCall) []Doc {
	docs := k.declared(c)
	if k.implied != nil {
		docs = append(docs, k.implied(c)...)
	}
	slices.SortFunc(docs, func(a, b Doc) int { return cmp.Compare(k.key(&a), k.key(&b)) })
	return docs
}

// among returns the document of that key.
func (k *kind[Row, Doc]) among(docs []Doc, key string) (Doc, bool) {
	i := slices.IndexFunc(docs, func(d Doc) bool { return k.key(&d) == key })
	if i < 0 {
		var none Doc
		return none, false
	}
	return docs[i], true
}

// get answers with one entity: the declared one, where there are two.
func (k *kind[Row, Doc]) get(c *adminCall) error {
	key := c.params[k.param]
	if doc, ok := k.among(k.fixed(c), key); ok {
		etag, err := contentTag(doc)
		if err != nil {
			return err
		}
		return c.sendEntity(http.StatusOK, etag, doc)
	}
	row, err := k.one(c.state.store, c.r.Context(), key)
	if err != nil {
		return err
	}
	return c.sendEntity(http.StatusOK, revisionTag(k.revision(row)), k.show(c, row))
}

// create makes an entity.
func (k *kind[Row, Doc]) create(c *adminCall) error {
	given, err := k.members(c, typeJSON)
	if err != nil {
		return err
	}
	var doc Doc
	if err := given.decode(&doc); err != nil {
		return err
	}
	var row Row
	err = c.change(k.catalogue, func(ctx context.Context) error {
		if err := k.fill(c, &doc, &row); err != nil {
			return err
		}
		shown := k.show(c, row)
		key := k.key(&shown)
		if _, ok := k.among(k.declared(c), key); ok {
			return refuse(http.StatusConflict, "%s %q is declared in the config", k.word, key)
		}
		after, err := audited(shown)
		if err != nil {
			return err
		}
		row, err = k.put(c.state, ctx, row, 0, c.row("create", k.word, key, nil, after))
		return err
	})
	if err != nil {
		return err
	}
	answer := k.show(c, row)
	if k.reveal != nil {
		k.reveal(&doc, &answer)
	}
	c.w.Header().Set("Location", k.path(k.key(&answer)))
	return c.sendEntity(http.StatusCreated, revisionTag(k.revision(row)), answer)
}

// members reads a request's body.
func (k *kind[Row, Doc]) members(c *adminCall, types ...string) (members, error) {
	body, err := c.read(false, types...)
	if err != nil {
		return nil, err
	}
	given, err := parseMembers(body)
	if err != nil {
		return nil, err
	}
	return given, given.known(reflect.TypeFor[Doc]())
}

// patch changes an entity by a merge patch.
func (k *kind[Row, Doc]) patch(c *adminCall) error {
	given, err := k.members(c, typeMerge, typeJSON)
	if err != nil {
		return err
	}
	var row Row
	err = k.modify(c, func(ctx context.Context, key string, old Row) error {
		before, err := audited(k.show(c, old))
		if err != nil {
			return err
		}
		var base members
		if err := json.Unmarshal(before, &base); err != nil {
			return err
		}
		var doc Doc
		delete(base, secretMember)
		if err := base.merge(given).decode(&doc); err != nil {
			return err
		}
		next := old
		if err := k.fill(c, &doc, &next); err != nil {
			return err
		}
		after, err := audited(k.show(c, next))
		if err != nil {
			return err
		}
		row, err = k.put(c.state, ctx, next, k.revision(old), c.row("change", k.word, key, before, after))
		return err
	})
	if err != nil {
		return err
	}
	return c.sendEntity(http.StatusOK, revisionTag(k.revision(row)), k.show(c, row))
}

// delete deletes an entity.
func (k *kind[Row, Doc]) delete(c *adminCall) error {
	err := k.modify(c, func(ctx context.Context, key string, old Row) error {
		before, err := audited(k.show(c, old))
		if err != nil {
			return err
		}
		return k.remove(c.state, ctx, key, k.revision(old), c.row("delete", k.word, key, before, nil))
	})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// modifyTries is how often a change begins anew because another machine has
// changed the row in between. This machine's changes come one at a time.
const modifyTries = 10

// modify hands the present row to do, under the lock of changes. Without an
// If-Match the last change wins, but none is made from a row that is old.
func (k *kind[Row, Doc]) modify(c *adminCall, do func(ctx context.Context, key string, old Row) error) error {
	key := c.params[k.param]
	return c.change(k.catalogue, func(ctx context.Context) error {
		if _, ok := k.among(k.declared(c), key); ok {
			return refuse(http.StatusConflict, "%s %q is declared in the config and can be changed there only", k.word, key)
		}
		for try := 1; ; try++ {
			old, err := k.one(c.state.store, ctx, key)
			if err != nil {
				return k.missing(c, key, err)
			}
			if err := c.matches(revisionTag(k.revision(old))); err != nil {
				return err
			}
			err = do(ctx, key, old)
			if !errors.Is(err, store.ErrConflict) || c.conditional() || try == modifyTries {
				return err
			}
		}
	})
}

// missing says why there is nothing to change: err, or that the entity has no
// entry of its own.
func (k *kind[Row, Doc]) missing(c *adminCall, key string, err error) error {
	if k.implied == nil || !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, ok := k.among(k.implied(c), key); !ok {
		return err
	}
	return refuse(http.StatusConflict, "%s %q has no entry of its own: a channel lists it; POST /aiproxy/%ss makes one", k.word, key, k.word)
}

// secretMember is the member of a document that shows masks in the place of
// secrets. It is no base for a patch.
const secretMember = "keys"

// audited returns a document as audit rows keep it: the fields that people set.
func audited(doc any) (json.RawMessage, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var kept members
	if err := json.Unmarshal(text, &kept); err != nil {
		return nil, err
	}
	for _, f := range docFields(reflect.TypeOf(doc)) {
		if f.readOnly {
			delete(kept, f.name)
		}
	}
	return json.Marshal(kept)
}
