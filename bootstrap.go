package aiproxy

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// bootstrapName is the name of the first group and of its token.
const bootstrapName = "default"

// bootstrap makes a first group and token where the store has no group, and
// prints how to call with it. The line goes to standard output and through no
// logger: it is the only place where the key is ever seen.
func (a *App) bootstrap(ctx context.Context, s *state) error {
	key := tenancy.NewKey()
	s.changing.Lock()
	defer s.changing.Unlock()
	group := store.Group{Name: bootstrapName, Status: statusEnabled, Sets: []string{routing.DefaultSet}}
	token := store.Token{
		ID: tenancy.NewTokenID(), Group: bootstrapName, Name: bootstrapName, Status: statusEnabled, Hash: s.hasher.Hash(key),
	}
	made, err := s.store.Bootstrap(ctx, group, token, store.Change{
		Time: time.Now(), Actor: "bootstrap", Action: "create", Kind: "group", Name: bootstrapName,
	})
	if err != nil || !made {
		return err
	}
	contents, err := s.store.Load(ctx)
	if err != nil {
		return err
	}
	s.directory.Load(contents)
	fmt.Fprintf(os.Stdout, "\nA first group and token were made. Try it:\n\n%s\n\nThe key is shown this once. Where your site has a name, put it into the address.\n\n", a.tryLine(key))
	return nil
}

// tryLine returns a curl line for the first model that can be asked in the
// protocol chat; one that needs no provider's key comes first.
func (a *App) tryLine(key string) string {
	model := "MODEL"
	v := a.current.Load()
	rank := 0
	sets := []string{routing.DefaultSet} // what the group sees
	for _, ch := range v.catalogue.Channels() {
		if ch.Inactive != "" || !slices.Contains(ch.Sets, routing.DefaultSet) ||
			!slices.Contains(ch.Protocols, protocol.Chat) || !ch.Adaptor.Serves(protocol.Chat, protocol.Generate) {
			continue
		}
		r := 1
		if !ch.Adaptor.NeedsKey() {
			r = 2
		}
		for _, m := range v.catalogue.List(sets, ch.Serves) {
			if r > rank {
				model, rank = m.Name, r
			}
		}
	}
	// A name may hold quotes of both kinds.
	name := strings.ReplaceAll(string(splice.Quote(model)), "'", `'\''`)
	return fmt.Sprintf(`curl %s/v1/chat/completions -H "Authorization: Bearer %s" -H "Content-Type: application/json" `+
		`-d '{"model": %s, "messages": [{"role": "user", "content": "Hello!"}]}'`, a.site(), key, name)
}

// site guesses the address that works on this machine, from where the first
// handler's server listens and the first host that it is for.
func (a *App) site() string {
	if a.server == nil || len(a.server.Listen) == 0 {
		return "http://localhost"
	}
	address, err := caddy.ParseNetworkAddress(a.server.Listen[0])
	if err != nil || address.IsUnixNetwork() || address.IsFdNetwork() {
		return "http://localhost"
	}
	host := address.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if named := firstHost(a.server); named != "" {
		host = named
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	scheme, usual := "http", uint(caddyhttp.DefaultHTTPPort)
	if len(a.server.TLSConnPolicies) > 0 || address.StartPort == caddyhttp.DefaultHTTPSPort {
		scheme, usual = "https", caddyhttp.DefaultHTTPSPort
	}
	if address.StartPort == usual {
		return scheme + "://" + host
	}
	return fmt.Sprintf("%s://%s:%d", scheme, host, address.StartPort)
}

// firstHost returns the first host without a wildcard or placeholder that one
// of the server's routes is for; empty where there is none.
func firstHost(server *caddyhttp.Server) string {
	for _, route := range server.Routes {
		for _, set := range route.MatcherSets {
			for _, matcher := range set {
				hosts, ok := matcher.(*caddyhttp.MatchHost)
				if !ok {
					continue
				}
				for _, host := range *hosts {
					if !strings.ContainsAny(host, "*{") {
						return host
					}
				}
			}
		}
	}
	return ""
}
