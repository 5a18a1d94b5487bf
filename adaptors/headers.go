package adaptors

import (
	"net/http"
	"strings"
)

// outgoing is the allow-list of the client's headers that go upstream, by
// canonical name. A header that is not here stays behind: credentials, cookies
// and addresses of the client (Authorization, X-Api-Key, X-Goog-Api-Key,
// Cookie, X-Forwarded-*, Origin, Referer), what names an account, which is the
// channel's to say (Openai-Organization, Openai-Project, X-Goog-User-Project),
// and what describes the client's own connection or body (Host, Connection,
// Content-*, Accept-Encoding, Expect).
var outgoing = map[string]bool{
	// What the client can read; some vendors stream only where it says so.
	"Accept": true,
	// Versions and beta features decide how the body is read and answered.
	"Anthropic-Beta":    true,
	"Anthropic-Version": true,
	"Openai-Beta":       true,
	// Vendors tell clients apart by it, and refuse some features to others.
	"User-Agent":        true,
	"X-Goog-Api-Client": true,
	// A retry by the client of a call that was answered is not paid twice.
	"Idempotency-Key": true,
	// The client's own name for the call, kept in the vendor's logs.
	"X-Client-Request-Id": true,
}

// outgoingPrefix begins the names of the headers by which the SDKs of OpenAI
// and Anthropic describe themselves (language, version, timeout, retry).
const outgoingPrefix = "X-Stainless-"

// anthropic-dangerous-direct-browser-access is not passed on: it allows a
// request that has an Origin header, and ours have none.

// OutgoingHeader returns those of the client's headers that may go upstream,
// in a new map with room for what the adaptor adds. It is called once for each
// attempt, because the adaptor puts the channel's key into the map. The values
// are the client's own slices and are not to be changed.
func OutgoingHeader(client http.Header) http.Header {
	out := make(http.Header, min(len(client)+2, 12))
	for name, values := range client {
		if outgoing[name] || strings.HasPrefix(name, outgoingPrefix) {
			out[name] = values
		}
	}
	return out
}

// denied is the deny-list of the upstream's headers that do not reach the
// client, by canonical name. Everything else passes.
var denied = map[string]bool{
	// Of this connection alone (RFC 9110, 7.6.1).
	"Connection":          true,
	"Keep-Alive":          true,
	"Proxy-Authenticate":  true,
	"Proxy-Authorization": true,
	"Proxy-Connection":    true,
	"Te":                  true,
	"Trailer":             true,
	"Transfer-Encoding":   true,
	"Upgrade":             true,

	// Of the body as it came: the relay decodes it, may edit it, and frames
	// it anew.
	"Content-Length":   true,
	"Content-Encoding": true,
	"Content-Md5":      true,
	"Content-Digest":   true,
	"Digest":           true,
	"Repr-Digest":      true,
	"Etag":             true,
	"Vary":             true,

	// Of the upstream's site: they would act on ours.
	"Alt-Svc":                   true,
	"Clear-Site-Data":           true,
	"Date":                      true,
	"Expect-Ct":                 true,
	"Location":                  true,
	"Nel":                       true,
	"Refresh":                   true,
	"Report-To":                 true,
	"Reporting-Endpoints":       true,
	"Server":                    true,
	"Set-Cookie":                true,
	"Set-Cookie2":               true,
	"Strict-Transport-Security": true,
	"Via":                       true,
	"Www-Authenticate":          true,
	"X-Powered-By":              true,
	"X-Sendfile":                true,

	// Of the account that the operator pays.
	"Anthropic-Organization-Id": true,
	"Openai-Organization":       true,
	"Openai-Project":            true,
	"Ratelimit":                 true,

	// The gateway has its own; UpstreamRequestID keeps the upstream's.
	"Request-Id":   true,
	"X-Request-Id": true,

	// When to try again is for the relay to say: it has other channels.
	"Retry-After":    true,
	"Retry-After-Ms": true,
	"X-Should-Retry": true,
}

// deniedPrefixes are what families of denied headers begin with, by their
// first letter: every header of every answer is compared with them.
var deniedPrefixes = [256][]string{
	'A': {
		"Access-Control-",      // the site's own CORS answers
		"Aiproxy-",             // ours, said by a gateway behind this one
		"Anthropic-Fast-",      // limits of the account in fast mode
		"Anthropic-Priority-",  // limits of the account's priority tier
		"Anthropic-Ratelimit-", // limits of the account
	},
	'C': {"Cf-"},        // the vendor's CDN
	'M': {"Msh-"},       // Moonshot's names of account and project
	'R': {"Ratelimit-"}, // limits of the account (IETF draft)
	'X': {
		"X-Accel-",    // orders to an nginx in front of us
		"X-Litellm-",  // key and spend, said by a gateway behind this one
		"X-Ratelimit", // limits of the account; Mistral: X-Ratelimitbysize-
	},
}

// AnswerHeader copies into dst those of the upstream's headers that the client
// is to see, in place of what dst has under the same name. The values are the
// upstream's own slices.
func AnswerHeader(upstream, dst http.Header) {
	connection := upstream["Connection"]
	if len(connection) == 1 && (connection[0] == "keep-alive" || connection[0] == "close") {
		connection = nil // it lists no header
	}
	for name, values := range upstream {
		// Names off the wire are canonical already, and then this is a look
		// at the bytes; a transport that is a module might do otherwise.
		name = http.CanonicalHeaderKey(name)
		if denied[name] || hasDeniedPrefix(name) {
			continue
		}
		if connection != nil && listed(connection, name) {
			continue
		}
		dst[name] = values
	}
}

func hasDeniedPrefix(name string) bool {
	if name == "" {
		return false
	}
	for _, prefix := range deniedPrefixes[name[0]] {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// listed says whether a Connection header names the header, which makes it one
// of this connection alone.
func listed(connection []string, name string) bool {
	for _, line := range connection {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), name) {
				return true
			}
		}
	}
	return false
}

// requestIDs are the headers in which vendors give a call its name, the most
// specific first.
var requestIDs = []string{
	"X-Request-Id",            // OpenAI and most others
	"Request-Id",              // Anthropic
	"Apim-Request-Id",         // Azure
	"X-Siliconcloud-Trace-Id", // SiliconFlow
	"X-Ds-Trace-Id",           // DeepSeek
	"Msh-Request-Id",          // Moonshot
	"Cf-Ray",                  // whoever sits behind Cloudflare
}

// maxRequestID is how many bytes of an upstream's id are kept: it goes into
// every log row, and an upstream may send what it likes.
const maxRequestID = 128

// UpstreamRequestID returns the name that the upstream gave the call, for
// logs, cut at 128 bytes. Empty where the answer has none.
func UpstreamRequestID(header http.Header) string {
	for _, name := range requestIDs {
		if values := header[name]; len(values) > 0 && values[0] != "" {
			return values[0][:min(len(values[0]), maxRequestID)]
		}
	}
	return ""
}
