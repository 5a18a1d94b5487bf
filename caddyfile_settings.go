package aiproxy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// settings reads a block of the Caddyfile setting by setting. Its methods read
// what follows the present setting's name; the first thing that is wrong is
// kept in err, with file and line, after which next is false and every method
// returns zero. So a block's grammar is a loop over next and a switch over name.
type settings struct {
	*source
	// what the block belongs to, as errors call it
	of string
	// name of the present setting
	name string
	seen map[string]bool
	// nesting of the tokens around the block
	nesting int
}

// source is shared by a block and the blocks inside it.
type source struct {
	*caddyfile.Dispenser
	err error
}

// newSettings reads the block after the present token of d.
func newSettings(d *caddyfile.Dispenser, of string) *settings {
	s := (&source{Dispenser: d}).settings(of)
	s.name = d.Val()
	return s
}

func (s *source) settings(of string) *settings {
	return &settings{source: s, of: of, seen: make(map[string]bool), nesting: s.Nesting()}
}

// block reads the block of the present setting, which has no arguments.
func (s *settings) block(of string) *settings {
	s.once()
	s.header(0, "no argument, only a block")
	return s.settings(of)
}

// next goes to the next setting of the block. False at the block's end.
func (s *settings) next() bool {
	if s.err != nil || !s.NextBlock(s.nesting) {
		return false
	}
	s.name = s.Val()
	return true
}

// failf keeps the error with the place of the present token.
func (s *source) failf(format string, args ...any) {
	if s.err == nil {
		s.err = s.Errf(format, args...)
	}
}

// failAt is failf with the place of another token.
func (s *source) failAt(place caddyfile.Token, format string, args ...any) {
	if s.err == nil {
		at := caddyfile.NewDispenser([]caddyfile.Token{place})
		at.Next()
		s.err = at.Errf(format, args...)
	}
}

// judge keeps what a room says of the block that begins at the place.
func (s *settings) judge(place caddyfile.Token, err error) {
	if err != nil {
		s.failAt(place, "%s: %v", s.of, err)
	}
}

// expected keeps the error that the present setting has got something else.
func (s *settings) expected(what, got string) {
	s.failf("%s: expected %s, got %s", s.name, what, got)
}

// unknown keeps the error that the block has no such setting.
func (s *settings) unknown(options ...string) {
	s.failf("unknown option %q of %s, expected one of: %s", s.name, s.of, strings.Join(options, ", "))
}

// once refuses a setting that is given again.
func (s *settings) once() { s.onceAs(s.name) }

func (s *settings) onceAs(name string) {
	if s.seen[name] {
		s.failf("option %q of %s is given twice", name, s.of)
	}
	s.seen[name] = true
}

// header reads exactly n arguments; a block may follow.
func (s *settings) header(n int, what string) []string {
	args := s.RemainingArgs()
	if len(args) != n {
		s.expectedCount(what, len(args))
		return make([]string, n)
	}
	if slices.Contains(args, "") {
		s.expected(what, "an empty one")
	}
	return args
}

// args reads at least least arguments; no block may follow. They may be empty.
func (s *settings) args(least int, what string) []string {
	args := s.RemainingArgs()
	if len(args) < least {
		s.expectedCount(what, len(args))
		return nil
	}
	if s.Next() {
		if s.ValRaw() == "{" {
			s.expected(what, "a block")
		}
		s.Prev()
	}
	return args
}

func (s *settings) expectedCount(what string, n int) {
	switch n {
	case 0:
		s.expected(what, "no argument")
	case 1:
		s.expected(what, "1 argument")
	default:
		s.expected(what, fmt.Sprintf("%d arguments", n))
	}
}

// guest reads the name of a module of the namespace and lets the module read
// the rest. T is what the namespace's modules are.
func guest[T any](s *settings, namespace, inlineKey string) json.RawMessage {
	s.once()
	if s.err != nil {
		return nil
	}
	what := "one of the modules " + namespace + ".*"
	if !s.NextArg() {
		s.expected(what, "no argument")
		return nil
	}
	name := s.Val()
	id := namespace + "." + name
	if _, err := caddy.GetModule(id); err != nil {
		s.failf("%s: %q is not in this build, expected one of: %s", s.name, name, guestNames(namespace))
		return nil
	}
	module, err := caddyfile.UnmarshalModule(s.Dispenser, id)
	if err != nil {
		s.err = err
		return nil
	}
	if _, ok := module.(T); !ok {
		s.expected(what, fmt.Sprintf("%q, which is a %T", name, module))
		return nil
	}
	var warnings []caddyconfig.Warning
	raw := caddyconfig.JSONModuleObject(module, inlineKey, name, &warnings)
	if len(warnings) > 0 {
		s.failf("encoding %s: %s", id, warnings[0].Message)
	}
	return raw
}

func guestNames(namespace string) string {
	var names []string
	for _, info := range caddy.GetModules(namespace) {
		names = append(names, info.ID.Name())
	}
	return strings.Join(names, ", ")
}

// bracesOnOwnLines refuses a closing brace that shares its line, which Caddy
// would hand to the setting as an argument, and goes back to the start.
func bracesOnOwnLines(d *caddyfile.Dispenser) error {
	defer d.Reset()
	for {
		first := d.NextLine()
		if !first && !d.Next() {
			return nil
		}
		if d.ValRaw() == "}" && (!first || d.CountRemainingArgs() > 0) {
			return d.Err(`unexpected "}", expected it on a line of its own`)
		}
	}
}
