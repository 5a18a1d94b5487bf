package aiproxy

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
)

// groupDoc is a group in the API.
type groupDoc struct {
	Name    string   `json:"name" doc:"The group's name: 1 to 64 letters, digits, '.', '_' and '-'. It cannot be changed."`
	Status  string   `json:"status" doc:"enabled or disabled. A disabled group's tokens are refused. Default: enabled."`
	Sets    []string `json:"sets" doc:"The sets of channels that the group sees. Default: default."`
	Balance *string  `json:"balance" doc:"The credit in USD, as a decimal; null: unlimited. Not built yet: null alone is taken."`
	provenance
}

var groupKind = &kind[store.Group, groupDoc]{
	word:     "group",
	param:    "group",
	path:     func(key string) string { return adminPrefix + "groups/" + url.PathEscape(key) },
	key:      func(d *groupDoc) string { return d.Name },
	declared: declaredGroups,
	one:      store.Reader.Group,
	page: func(c *adminCall, after string, limit int) ([]store.Group, error) {
		return c.state.store.Groups(c.r.Context(), after, limit)
	},
	revision: func(row store.Group) int64 { return row.Revision },
	show: func(c *adminCall, row store.Group) groupDoc {
		return groupDoc{
			Name: row.Name, Status: row.Status, Sets: row.Sets,
			provenance: stored(row.CreatedAt, row.UpdatedAt, c.app.tenants.Group(row.Name) != nil),
		}
	},
	fill:   fillGroup,
	put:    (*state).putGroup,
	remove: (*state).removeGroup,
}

func declaredGroups(c *adminCall) []groupDoc {
	var docs []groupDoc
	for _, g := range c.app.tenants.Groups() {
		doc := groupDoc{Name: g.Name, Status: statusEnabled, Sets: orDefault(g.Sets), provenance: provenance{Source: sourceConfig}}
		if !g.Enabled {
			doc.Status = statusDisabled
		}
		docs = append(docs, doc)
	}
	return docs
}

// orDefault returns the sets, or the default one where there are none.
func orDefault(sets []string) []string {
	if len(sets) == 0 {
		return []string{routing.DefaultSet}
	}
	return sets
}

func fillGroup(_ *adminCall, doc *groupDoc, row *store.Group) error {
	if doc.Balance != nil {
		return refuse(http.StatusNotImplemented, "balance: budgets are not built yet; leave it out or send null")
	}
	if err := unchanged("name", doc.Name, row.Name, row.Revision); err != nil {
		return err
	}
	row.Name, row.Status, row.Sets = doc.Name, or(doc.Status, statusEnabled), orDefault(doc.Sets)
	return tenancy.ValidateGroup(*row)
}

// unchanged refuses a new value of a field by which an entity is known.
func unchanged(field, value, present string, revision int64) error {
	if revision == 0 || value == present {
		return nil
	}
	return &tenancy.FieldError{Field: field, Message: fmt.Sprintf("it is %q and cannot be changed", present)}
}
