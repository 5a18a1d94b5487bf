package upstream

import (
	"fmt"
	"slices"
	"strings"
)

// never are the headers that no vendor may get: what belongs to the client's
// connection or person, or to the gateway itself. A name that ends with - is a
// prefix.
var never = []string{
	"Cookie", "Forwarded", "X-Forwarded-", "X-Real-Ip", "X-Client-Ip", "Via", "Origin", "Referer", "Sec-",
	"Proxy-Authorization", "Proxy-Connection", "Keep-Alive", "Te", "Upgrade", "Aiproxy-", "Caddy-",
	"Api-Key", "Openai-Organization", "Openai-Project", "X-Goog-User-Project", "Cf-", "True-Client-Ip",
}

// credentials are the headers that carry keys, with the vendor that takes it.
var credentials = map[string]Vendor{
	"Authorization":  OpenAI,
	"X-Api-Key":      Anthropic,
	"X-Goog-Api-Key": Gemini,
}

// violations lists what a request holds and never should, whoever answers it.
func violations(v Vendor, r *Request, forbidden []string) (found []string) {
	for name, values := range r.Header {
		if slices.ContainsFunc(never, func(n string) bool {
			return name == n || strings.HasSuffix(n, "-") && strings.HasPrefix(name, n)
		}) {
			found = append(found, fmt.Sprintf("header %q arrived", name))
		}
		if owner, ok := credentials[name]; ok && owner != v {
			found = append(found, fmt.Sprintf("credential header %q of another vendor arrived", name))
		}
		if len(values) > 1 {
			found = append(found, fmt.Sprintf("header %q arrived %d times", name, len(values)))
		}
		for _, text := range forbidden {
			if strings.Contains(strings.Join(values, "\n"), text) {
				found = append(found, fmt.Sprintf("header %q holds a forbidden text", name))
			}
		}
	}
	for _, text := range forbidden {
		if strings.Contains(r.RawURI, text) {
			found = append(found, "the URL holds a forbidden text")
		}
	}
	if r.Query.Has("key") {
		found = append(found, "the URL holds a key")
	}
	slices.Sort(found)
	return found
}
