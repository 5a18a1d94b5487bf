package aiproxy

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/protocol/pattern"
	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
)

// modelDoc is a model in the API.
type modelDoc struct {
	Name            string            `json:"name" doc:"The name that clients use; it may hold '/' and ':'. It cannot be changed."`
	Status          string            `json:"status" doc:"enabled or disabled. A disabled model is served to nobody. Default: enabled."`
	DisplayName     string            `json:"display_name" doc:"The name shown to people in lists. Default: the model's name."`
	OwnedBy         string            `json:"owned_by" doc:"The owner shown in lists. Default: aiproxy."`
	ContextTokens   int64             `json:"context_tokens" doc:"The tokens that the model's context holds. Default: 0, not shown to clients."`
	MaxOutputTokens int64             `json:"max_output_tokens" doc:"The most tokens that an answer may have. Default: 0, not shown to clients."`
	Price           map[string]string `json:"price" doc:"Prices in USD per million tokens, as decimals. Not built yet: null alone is taken."`
	RPM             *int64            `json:"rpm" doc:"Requests a minute. Not built yet: null alone is taken."`
	TPM             *int64            `json:"tpm" doc:"Tokens a minute. Not built yet: null alone is taken."`
	Fallback        []string          `json:"fallback" doc:"Models that take over where this one fails. Not built yet: null alone is taken."`
	Implicit        bool              `json:"implicit,omitempty" api:"read" doc:"A channel lists the model, and nothing describes it."`
	provenance
}

var modelKind = &kind[store.Model, modelDoc]{
	word:     "model",
	param:    "model",
	path:     modelPath,
	key:      func(d *modelDoc) string { return d.Name },
	declared: declaredModels,
	implied:  impliedModels,
	one:      store.Reader.Model,
	page: func(c *adminCall, after string, limit int) ([]store.Model, error) {
		return c.state.store.Models(c.r.Context(), after, limit)
	},
	revision:  func(row store.Model) int64 { return row.Revision },
	show:      showModel,
	fill:      fillModel,
	put:       (*state).putModel,
	remove:    (*state).removeModel,
	catalogue: true,
}

// modelPath keeps the slashes of a model's name, but for one that a URL's path
// would lose.
func modelPath(name string) string {
	if path.Clean("/"+name) != "/"+name {
		return adminPrefix + "models/" + url.PathEscape(name)
	}
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return adminPrefix + "models/" + strings.Join(parts, "/")
}

func documentModel(name string, cfg *ModelConfig) modelDoc {
	if cfg == nil {
		cfg = new(ModelConfig)
	}
	return modelDoc{
		Name: name, Status: or(cfg.Status, statusEnabled), DisplayName: cfg.DisplayName, OwnedBy: cfg.OwnedBy,
		ContextTokens: cfg.ContextTokens, MaxOutputTokens: cfg.MaxOutputTokens,
	}
}

func declaredModels(c *adminCall) []modelDoc {
	var docs []modelDoc
	for _, name := range slices.Sorted(maps.Keys(c.app.Models)) {
		doc := documentModel(name, c.app.Models[name])
		doc.provenance = provenance{Source: sourceConfig}
		docs = append(docs, doc)
	}
	return docs
}

// impliedModels returns those that channels list by name and nothing describes.
// The catalogue's own models are not asked: it may be older than the store.
func impliedModels(c *adminCall) []modelDoc {
	source := make(map[string]string)
	for _, ch := range c.view.catalogue.Channels() {
		for _, name := range slices.Concat(ch.Models, slices.Collect(maps.Keys(ch.Map))) {
			if _, listed := source[name]; !listed && pattern.IsLiteral(name) {
				source[name] = ch.Source
			}
		}
	}
	var docs []modelDoc
	for name, source := range source {
		if _, declared := c.app.Models[name]; declared || c.state.hasModel(name) {
			continue
		}
		doc := documentModel(name, nil)
		doc.Implicit, doc.provenance = true, provenance{Source: source}
		docs = append(docs, doc)
	}
	return docs
}

func showModel(c *adminCall, row store.Model) modelDoc {
	cfg := new(ModelConfig)
	// A row that cannot be read is shown without its fields: it can be deleted
	// and written anew.
	_ = json.Unmarshal(row.Config, cfg)
	doc := documentModel(row.Name, cfg)
	_, shadowed := c.app.Models[row.Name]
	doc.provenance = stored(row.CreatedAt, row.UpdatedAt, shadowed)
	return doc
}

func fillModel(_ *adminCall, doc *modelDoc, row *store.Model) error {
	for _, unbuilt := range []struct {
		field string
		set   bool
	}{
		{"price", doc.Price != nil}, {"rpm", doc.RPM != nil}, {"tpm", doc.TPM != nil}, {"fallback", doc.Fallback != nil},
	} {
		if unbuilt.set {
			return refuse(http.StatusNotImplemented, "%s: it is not built yet; leave it out or send null", unbuilt.field)
		}
	}
	if err := unchanged("name", doc.Name, row.Name, row.Revision); err != nil {
		return err
	}
	if doc.Name == "." || doc.Name == ".." { // a URL's path would lose them
		return &tenancy.FieldError{Field: "name", Message: fmt.Sprintf("%q is no name of a model", doc.Name)}
	}
	cfg := &ModelConfig{
		Status: doc.Status, DisplayName: doc.DisplayName, OwnedBy: doc.OwnedBy,
		ContextTokens: doc.ContextTokens, MaxOutputTokens: doc.MaxOutputTokens,
	}
	if _, err := cfg.model(doc.Name, sourceStore); err != nil {
		return &configError{err}
	}
	var err error
	row.Name = doc.Name
	row.Config, err = json.Marshal(cfg)
	return err
}
