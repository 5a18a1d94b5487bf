package echo

import (
	"strconv"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads the adaptor's block:
//
//	adaptor echo {
//		delay  <duration>
//		chunks <number>
//		fail   before
//		fail   status <code> [<retry_after>]
//		fail   event [before|after]
//		fail   stream
//		fail   stall
//	}
func (a *Adaptor) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return adaptors.UnmarshalBlock(d, map[string]adaptors.Option{
		"delay": func(d *caddyfile.Dispenser) error {
			arg, err := adaptors.OneArg(d)
			if err != nil {
				return err
			}
			a.Delay, err = duration(d, "delay", arg)
			return err
		},
		"chunks": func(d *caddyfile.Dispenser) error {
			arg, err := adaptors.OneArg(d)
			if err != nil {
				return err
			}
			if a.Chunks, err = strconv.Atoi(arg); err != nil || a.Chunks < 0 || a.Chunks > maxChunks {
				return d.Errf("chunks: %q is not a number from 0 to %d", arg, maxChunks)
			}
			return nil
		},
		"fail": a.unmarshalFail,
	})
}

// unmarshalFail reads how calls fail. How many arguments a mode takes is in
// the lists that follow its name.
func (a *Adaptor) unmarshalFail(d *caddyfile.Dispenser) error {
	args, err := adaptors.Args(d, 1, 3)
	if err != nil {
		return err
	}
	f := &Fail{Mode: args[0]}
	rest := args[1:]
	switch {
	case f.Mode == failStatus && len(rest) > 0:
		if f.Status, err = strconv.Atoi(rest[0]); err != nil {
			return d.Errf("fail: status %q is not a number", rest[0])
		}
		if rest = rest[1:]; len(rest) > 0 {
			if f.RetryAfter, err = duration(d, "fail: retry_after", rest[0]); err != nil {
				return err
			}
			rest = rest[1:]
		}
	case f.Mode == failStatus:
		return d.Errf("fail: status: expected a status from 400 to 599")
	case f.Mode == failEvent && len(rest) > 0:
		if rest[0] != "before" && rest[0] != "after" {
			return d.Errf("fail: event: expected before or after, got %q", rest[0])
		}
		f.AfterContent = rest[0] == "after"
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return d.Errf("fail: unexpected argument %q", rest[0])
	}
	if err := f.validate(); err != nil {
		return d.WrapErr(err)
	}
	a.Fail = f
	return nil
}

func duration(d *caddyfile.Dispenser, name, arg string) (caddy.Duration, error) {
	v, err := caddy.ParseDuration(arg)
	if err != nil || v < 0 {
		return 0, d.Errf("%s: %q is not a duration such as 200ms or 2s", name, arg)
	}
	return caddy.Duration(v), nil
}

var _ caddyfile.Unmarshaler = (*Adaptor)(nil)
