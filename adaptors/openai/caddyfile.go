package openai

import (
	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads the adaptor's block:
//
//	adaptor openai {
//		provider     <name>
//		organization <id>
//		project      <id>
//	}
func (a *Adaptor) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return adaptors.UnmarshalBlock(d, map[string]adaptors.Option{
		"provider": func(d *caddyfile.Dispenser) error {
			name, err := adaptors.OneArg(d)
			if err != nil {
				return err
			}
			if _, err := find(name); err != nil {
				return d.WrapErr(err)
			}
			a.Provider = name
			return nil
		},
		"organization": adaptors.String(&a.Organization),
		"project":      adaptors.String(&a.Project),
	})
}

var _ caddyfile.Unmarshaler = (*Adaptor)(nil)
