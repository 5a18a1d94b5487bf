package openai

import (
	"fmt"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// provider is a vendor or server that speaks OpenAI's API, and how it differs.
// The zero value of a quirk is what OpenAI does.
type provider struct {
	name string
	// baseURL is as the vendor documents it; empty for the operator's own.
	baseURL string
	// protocols lists what it speaks, the best one first.
	protocols []protocol.Protocol
	// noStreamOptions: it refuses stream_options, or sends usage in its streams
	// unasked. What a client sends of itself passes all the same.
	noStreamOptions bool
	// noEmbeddings: it has no /embeddings, or one that is not OpenAI's.
	noEmbeddings bool
	// noGenerate: it has /embeddings alone.
	noGenerate bool
	// noKey: it answers without a key.
	noKey bool
}

var (
	chat          = []protocol.Protocol{protocol.Chat}
	chatResponses = []protocol.Protocol{protocol.Chat, protocol.Responses}
	responsesChat = []protocol.Protocol{protocol.Responses, protocol.Chat}
	responses     = []protocol.Protocol{protocol.Responses}
)

// find returns the row of that name.
func find(name string) (*provider, error) {
	for i := range providers {
		if providers[i].name == name {
			return &providers[i], nil
		}
	}
	names := make([]string, len(providers))
	for i := range providers {
		names[i] = providers[i].name
	}
	return nil, fmt.Errorf("unknown provider %q; known are %s", name, strings.Join(names, ", "))
}
