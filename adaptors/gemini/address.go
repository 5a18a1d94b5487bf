package gemini

import (
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// methods are the operations' names in a path, after the model's colon.
var methods = map[protocol.Operation]string{
	protocol.Generate:    "generateContent",
	protocol.CountTokens: "countTokens",
	protocol.Embed:       "embedContent",
	protocol.BatchEmbed:  "batchEmbedContents",
}

const streamMethod = "streamGenerateContent"

// collections are what a model's name begins with where it says itself to
// which collection it belongs. Every other name is one of /models.
var collections = []string{"models/", "tunedModels/"}

// pathOf returns the escaped path of a call below the base URL.
func pathOf(call *adaptors.Call) (string, error) {
	method := methods[call.Operation]
	if method == "" || call.Protocol != protocol.Gemini {
		return "", fmt.Errorf("%w: gemini has no %s in protocol %s", adaptors.ErrNotSent, call.Operation, call.Protocol)
	}
	if call.Stream && call.Operation == protocol.Generate {
		method = streamMethod
	}
	var path strings.Builder
	path.Grow(len(call.UpstreamModel) + len(method) + len("/models/:"))
	if !inCollection(call.UpstreamModel) {
		path.WriteString("/models")
	}
	for segment := range strings.SplitSeq(call.UpstreamModel, "/") {
		// The client may choose the name (a channel may have `models *`), and
		// is not to reach another path of the account by it.
		if segment == "" || segment == "." || segment == ".." {
			return "", fmt.Errorf("%w: %w", adaptors.ErrNotSent, &protocol.Error{
				Kind:    protocol.KindInvalid,
				Message: fmt.Sprintf("%.128q is not a model's name", call.UpstreamModel),
				Param:   "model",
			})
		}
		path.WriteByte('/')
		path.WriteString(url.PathEscape(segment))
	}
	path.WriteByte(':')
	path.WriteString(method)
	return path.String(), nil
}

func inCollection(model string) bool {
	for _, prefix := range collections {
		if strings.HasPrefix(model, prefix) {
			return true
		}
	}
	return false
}

// dropped are parameters of Google's APIs that a client cannot set: they are
// credentials, or change the form of the answer that we are about to read
// (https://cloud.google.com/apis/docs/system-parameters).
var dropped = []string{"key", "$key", "access_token", "oauth_token", "alt", "$alt", "callback", "$callback", "quotaUser", "$quotaUser"}

// queryOf returns the query of a call: the client's, with the form of the
// stream that the client asked for.
func queryOf(call *adaptors.Call) string {
	events := call.Stream && !call.Array && call.Operation == protocol.Generate
	if len(call.Query) == 0 || len(call.Query) == 1 && call.Query.Has("alt") {
		if events {
			return "alt=sse"
		}
		return ""
	}
	query := maps.Clone(call.Query)
	for _, name := range dropped {
		delete(query, name)
	}
	if events {
		query["alt"] = []string{"sse"}
	}
	return query.Encode()
}
