package aiproxy

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/pattern"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
	"github.com/caddyserver/caddy/v2"
)

// Bounds of the values that have no narrower ones.
const (
	// Caddy keeps its config as JSON whose numbers are floats: a larger integer
	// would come back as another one.
	maxInteger = 1<<53 - 1
	// Longer than any call, and far from where nanoseconds overflow.
	maxDuration = 365 * 24 * time.Hour
	// What one call may hold at once.
	maxHeld = 1 << 30
)

// flag reads a setting that is its name alone.
func (s *settings) flag() bool {
	s.once()
	if args := s.args(0, "no argument"); len(args) > 0 {
		s.expectedCount("no argument", len(args))
	}
	return true
}

// arg reads the only argument, of a setting that may be given again.
func (s *settings) arg(what string) string {
	args := s.args(1, what)
	if s.err != nil {
		return ""
	}
	if len(args) > 1 {
		s.expectedCount(what, len(args))
		return ""
	}
	if args[0] == "" {
		s.expected(what, "an empty one")
	}
	return args[0]
}

// text reads the only argument.
func (s *settings) text(what string) string {
	s.once()
	return s.arg(what)
}

// oneOf reads the only argument, which is one of the words.
func (s *settings) oneOf(words ...string) string {
	what := strings.Join(words, " or ")
	return s.checked(what, func(v string) bool { return slices.Contains(words, v) })
}

// checked reads the only argument, which passes the check.
func (s *settings) checked(what string, check func(string) bool) string {
	value := s.text(what)
	if s.err == nil && !check(value) {
		s.expected(what, strconv.Quote(value))
	}
	return value
}

// address reads an upstream's base URL. A wrong one may hold a credential, so
// the error does not show it.
func (s *settings) address() string {
	const what = "an http or https address without user, query and fragment such as https://api.openai.com/v1"
	value := s.text(what)
	if s.err == nil && !isAddress(value) {
		s.expected(what, "another text")
	}
	return value
}

// list reads one or more arguments, each of which passes the check; nil checks
// that it is not empty.
func (s *settings) list(what string, check func(string) bool) []string {
	s.once()
	return s.more(nil, what, check)
}

// more is list for a setting that may be given again: it adds to the list.
func (s *settings) more(list []string, what string, check func(string) bool) []string {
	for _, value := range s.args(1, what) {
		switch {
		case value == "":
			s.expected(what, "an empty one")
		case check != nil && !check(value):
			s.expected(what, strconv.Quote(value))
		case slices.Contains(list, value):
			s.failf("%s: %q is given twice", s.name, value)
		}
		list = append(list, value)
	}
	return list
}

// integer reads a whole number between least and most.
func (s *settings) integer(least, most int64) int64 {
	what := "a whole number from " + strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(most, 10)
	value := s.text(what)
	if s.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most {
		s.expected(what, strconv.Quote(value))
	}
	return n
}

// size reads a number of bytes, at least one: 32MiB, 1GB, 4096.
func (s *settings) size(most uint64) int64 {
	what := "a size of at most " + humanize.IBytes(most) + " such as 32MiB"
	value := s.text(what)
	if s.err != nil {
		return 0
	}
	n, err := humanize.ParseBytes(value)
	if err != nil || n < 1 || n > most {
		s.expected(what, strconv.Quote(value))
		return 0
	}
	return int64(n)
}

// duration reads a duration such as 90s, 5m or 1d.
func (s *settings) duration() caddy.Duration {
	const what = "a duration of more than 0 and at most 365d such as 90s"
	return s.parseDuration(what, s.text(what))
}

func (s *settings) parseDuration(what, value string) caddy.Duration {
	if s.err != nil {
		return 0
	}
	d, err := caddy.ParseDuration(value)
	if err != nil || d <= 0 || d > maxDuration {
		s.expected(what, strconv.Quote(value))
	}
	return caddy.Duration(d)
}

// decimal is an amount of money: no float ever touches it, so it stays text.
var decimal = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)

func isDecimal(v string) bool { return decimal.MatchString(v) }

func isProtocol(v string) bool {
	_, ok := protocol.Parse(v)
	return ok
}

func isTime(v string) bool {
	_, err := tenancy.ParseExpiry(v)
	return err == nil
}

func isSubnet(v string) bool {
	if _, err := netip.ParsePrefix(v); err == nil {
		return true
	}
	_, err := netip.ParseAddr(v)
	return err == nil
}

// isAddress says whether v is an upstream's base URL. One with a placeholder
// is judged when the config is loaded, after it is expanded.
func isAddress(v string) bool {
	if strings.ContainsRune(v, '{') {
		return true
	}
	u, err := url.Parse(v)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func isPattern(v string) bool { return pattern.Valid(v) == nil }

func isModel(v string) bool { return isPattern(v) && pattern.IsLiteral(v) }

func isOrigin(v string) bool {
	if v == "*" {
		return true
	}
	u, err := url.Parse(v)
	return err == nil && u.Scheme != "" && u.Host != "" && v == u.Scheme+"://"+u.Host
}
