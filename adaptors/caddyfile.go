package adaptors

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Option reads one option of an adaptor's block. d stands on the option's name.
type Option func(d *caddyfile.Dispenser) error

// UnmarshalBlock reads the block of an adaptor: d's next token is the
// adaptor's name, which takes no arguments. Each option may be given once.
func UnmarshalBlock(d *caddyfile.Dispenser, options map[string]Option) error {
	d.Next()
	name := d.Val()
	if d.NextArg() {
		return d.Errf("adaptor %s takes no arguments; got %q", name, d.Val())
	}
	seen := make(map[string]bool, len(options))
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		read, ok := options[option]
		switch {
		case !ok && len(options) == 0:
			return d.Errf("adaptor %s has no options; got %q", name, option)
		case !ok:
			return d.Errf("unknown option %q of adaptor %s; it has %s", option, name, known(options))
		case seen[option]:
			return d.Errf("option %q of adaptor %s is given twice", option, name)
		}
		seen[option] = true
		if err := read(d); err != nil {
			return err
		}
	}
	return nil
}

func known(options map[string]Option) string {
	names := make([]string, 0, len(options))
	for name := range options {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Args returns the arguments of the option that d stands on: at least min, at
// most max of them. A brace among them is a one-line block, which Caddyfiles
// do not have.
func Args(d *caddyfile.Dispenser, min, max int) ([]string, error) {
	option := d.Val()
	args := d.RemainingArgs()
	for _, arg := range args {
		if arg == "{" || arg == "}" {
			return nil, d.Errf("%s: a %q has to stand on a line of its own", option, arg)
		}
	}
	switch {
	case len(args) < min && min == max:
		return nil, d.Errf("%s: expected %d arguments, got %d", option, min, len(args))
	case len(args) < min:
		return nil, d.Errf("%s: expected %d to %d arguments, got %d", option, min, max, len(args))
	case len(args) > max:
		return nil, d.Errf("%s: unexpected argument %q", option, args[max])
	}
	return args, nil
}

// OneArg returns the only argument of the option that d stands on.
func OneArg(d *caddyfile.Dispenser) (string, error) {
	option := d.Val()
	args, err := Args(d, 0, 1)
	if err != nil {
		return "", err
	}
	if len(args) == 0 || args[0] == "" {
		return "", d.Errf("%s: expected a value", option)
	}
	return args[0], nil
}

// String returns an option with one argument, which is kept in target.
func String(target *string) Option {
	return func(d *caddyfile.Dispenser) (err error) {
		*target, err = OneArg(d)
		return err
	}
}
