package aiproxy

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
)

// tokenDoc is a token in the API.
type tokenDoc struct {
	ID         string     `json:"id" doc:"The token's ID, made by the gateway."`
	Group      string     `json:"group" doc:"The group that the token belongs to. It cannot be changed."`
	Name       string     `json:"name" doc:"The token's name, unique in its group: 1 to 64 letters, digits, '.', '_' and '-'."`
	Status     string     `json:"status" doc:"enabled or disabled. Default: enabled."`
	Models     []string   `json:"models" doc:"The models that the token may use; * stands for any run of characters. Default: all."`
	Subnets    []string   `json:"subnets" doc:"The client addresses that may use the token, as CIDR or single addresses. Default: all."`
	ExpiresAt  *string    `json:"expires_at" doc:"When the token stops working, as RFC 3339, or a date, which stands for its beginning in UTC; null: never."`
	LastUsedAt *time.Time `json:"last_used_at" api:"read" doc:"When the token was last used; null: never."`
	Key        string     `json:"key,omitempty" doc:"What clients send. Made by the gateway and shown in the answer that makes the token alone."`
	provenance
}

var tokenKind = &kind[store.Token, tokenDoc]{
	word:     "token",
	param:    "id",
	path:     func(key string) string { return adminPrefix + "tokens/" + url.PathEscape(key) },
	key:      func(d *tokenDoc) string { return d.ID },
	declared: declaredTokens,
	one:      store.Reader.Token,
	page:     pageOfTokens,
	revision: func(row store.Token) int64 { return row.Revision },
	show:     showToken,
	fill:     fillToken,
	put: func(s *state, ctx context.Context, row store.Token, revision int64, change store.Change) (store.Token, error) {
		name, group := row.Name, row.Group
		row, err := s.putToken(ctx, row, revision, change)
		if errors.Is(err, store.ErrExists) {
			err = refuse(http.StatusConflict, "group %q has a token named %q already", group, name)
		}
		return row, err
	},
	remove: (*state).removeToken,
	reveal: func(made, answer *tokenDoc) { answer.Key = made.Key },
}

// declaredTokens returns those of the path's group, or all.
func declaredTokens(c *adminCall) []tokenDoc {
	var docs []tokenDoc
	for _, cfg := range c.app.Tokens {
		if group := c.params["group"]; group != "" && group != cfg.Group {
			continue
		}
		doc := tokenDoc{
			ID: tenancy.DeclaredID(cfg.Group, cfg.Name), Group: cfg.Group, Name: cfg.Name, Status: or(cfg.Status, statusEnabled),
			Models: list(cfg.Models), Subnets: list(cfg.Subnets), provenance: provenance{Source: sourceConfig},
		}
		if token := c.app.tenants.Token(cfg.Group, cfg.Name); token != nil {
			if at, ok := token.ExpiresAt(); ok {
				doc.ExpiresAt = timeText(&at)
			}
			doc.LastUsedAt = later(nil, token)
		}
		docs = append(docs, doc)
	}
	return docs
}

// pageOfTokens reads the tokens of the path's group. Tokens of a group that
// the config no longer declares are still shown.
func pageOfTokens(c *adminCall, after string, limit int) ([]store.Token, error) {
	group := c.params["group"]
	rows, err := c.state.store.Tokens(c.r.Context(), group, after, limit)
	if err == nil && len(rows) == 0 && !c.hasGroup(group) && after == "" {
		err = refuse(http.StatusNotFound, "group %q: not found", group)
	}
	return rows, err
}

// hasGroup says whether the config or the store has the group.
func (c *adminCall) hasGroup(name string) bool {
	return c.app.tenants.Group(name) != nil || c.state.directory.Group(name) != nil
}

func showToken(c *adminCall, row store.Token) tokenDoc {
	return tokenDoc{
		ID: row.ID, Group: row.Group, Name: row.Name, Status: row.Status,
		Models: list(row.Models), Subnets: list(row.Subnets), ExpiresAt: timeText(row.ExpiresAt),
		LastUsedAt: later(row.LastUsedAt, c.state.directory.Token(row.ID)),
		provenance: stored(row.CreatedAt, row.UpdatedAt, c.app.tenants.Token(row.Group, row.Name) != nil),
	}
}

// list returns a list that is never null in JSON.
func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

func timeText(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := t.Format(time.RFC3339Nano)
	return &text
}

// later returns when a token was last used: what is written down, or what is
// only noted in memory so far.
func later(written *time.Time, token *tenancy.Token) *time.Time {
	if token == nil {
		return written
	}
	noted, ok := token.UsedAt()
	if !ok || written != nil && written.After(noted) {
		return written
	}
	return &noted
}

// fillToken takes the fields. A new token gets its ID and its key here.
func fillToken(c *adminCall, doc *tokenDoc, row *store.Token) error {
	if doc.Key != "" {
		return &tenancy.FieldError{Field: "key", Message: "the gateway makes it; it cannot be given"}
	}
	fresh := row.Revision == 0
	if fresh {
		if row.Group = c.params["group"]; !c.hasGroup(row.Group) {
			return refuse(http.StatusNotFound, "group %q: not found", row.Group)
		}
		doc.Group = or(doc.Group, row.Group)
	}
	if err := unchanged("id", doc.ID, row.ID, 1); err != nil {
		return err
	}
	if err := unchanged("group", doc.Group, row.Group, 1); err != nil {
		return err
	}
	row.Name, row.Status = doc.Name, or(doc.Status, statusEnabled)
	row.Models, row.Subnets, row.ExpiresAt = doc.Models, doc.Subnets, nil
	if doc.ExpiresAt != nil {
		at, err := tenancy.ParseExpiry(*doc.ExpiresAt)
		if err != nil {
			return err
		}
		row.ExpiresAt = &at
	}
	if err := tenancy.ValidateToken(*row); err != nil {
		return err
	}
	renamed := fresh || doc.Name != c.nameOf(row.ID)
	if renamed && c.app.tenants.Token(row.Group, row.Name) != nil {
		return refuse(http.StatusConflict, "token %q of group %q is declared in the config", row.Name, row.Group)
	}
	if fresh {
		doc.Key = tenancy.NewKey()
		row.ID, row.Hash = tenancy.NewTokenID(), c.state.hasher.Hash(doc.Key)
	}
	return nil
}

// nameOf returns the name that a stored token has at present.
func (c *adminCall) nameOf(id string) string {
	if token := c.state.directory.Token(id); token != nil {
		return token.Name
	}
	return ""
}
